"""Refused inputs on a real line: listed, looked into, and sent again once their cause is mended."""

from __future__ import annotations

import asyncio
import datetime as dt
import subprocess
import time
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import pytest

from schemas.codec import encode
from schemas.events import Heartbeat
from tests.support.follow import Follow
from tests.support.line import PARTITIONS, Line
from tests.support.programs import jun
from tests.support.stream import Wire, produce

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.end_to_end

REGIONS = ["lima", "oslo"]
MINUTE = 60_000
TABLE = """
[[source]]
kind = "file"
name = "table"
path = "table.csv"
format = "csv"
follow = false
time_format = "{}"
[source.columns]
at = "when"
account = "who"
text = "text"
region = "where"
"""
ISO = "%Y-%m-%dT%H:%M:%SZ"
LOCAL = "%d.%m.%Y %H:%M:%S"


def row(number: int, at: int, pattern: str) -> str:
    when = dt.datetime.fromtimestamp(at / 1000, dt.UTC).strftime(pattern)
    return f"{when},person-{number},#Jun,{REGIONS[number % 2]}\n"


async def time_is(moment: int, line: Line) -> None:
    """Let a clock tell the time (ms) to every partition."""
    beat = encode(Heartbeat(source="clock", status="ok", clock=moment, complete_to=moment))
    await produce(line, [Wire(partition, None, beat) for partition in range(PARTITIONS)])


class Operator:
    """Somebody who has the private key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def does(self, *arguments: str, code: int = 0) -> str:
        """Call `jun deadletter`; give what it writes."""
        command = jun("deadletter", *arguments, "--config", str(self._folder / "jun.toml"))
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=120, check=False)
        assert done.returncode == code, done.stderr.decode()
        return done.stdout.decode()


async def test_refused_rows_land_in_their_own_minutes_and_count_once_however_often_they_are_sent(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    began = (time.time_ns() // 1_000_000 // MINUTE - 10) * MINUTE
    times = [began + number * 13_000 for number in range(24)]
    rows = [row(number, at, LOCAL if number % 3 == 0 else ISO) for number, at in enumerate(times)]
    (tmp_path / "table.csv").write_text("when,who,text,where\n" + "".join(rows))
    expected = Counter((REGIONS[number % 2], at // MINUTE) for number, at in enumerate(times))
    refused = Counter((REGIONS[number % 2], at // MINUTE) for number, at in enumerate(times) if number % 3 == 0)
    keyed = "--private-key", str(tmp_path / "keys/deadletter.private")

    async with (
        Line(tmp_path, kafka, topic_prefix, REGIONS, sources=TABLE.format("iso")) as line,
        Follow(line, "events", "activity") as follow,
    ):

        def counted() -> Counter[tuple[str, int]]:
            counts = follow.rolled.counts()
            return Counter({(region, minute): counts[region, tag, minute][0] for region, tag, minute in counts if tag})

        worker = line.worker()
        agent = line.start("ingest", "table")
        await asyncio.to_thread(agent.process.wait, 60)
        await time_is(began + 60 * MINUTE, line)
        await follow.until(lambda: counted() == expected - refused, "the rows that were understood", worker)

        operator = Operator(tmp_path)
        listed = [msgspec.json.decode(text) for text in (await operator.does("list", "--json")).splitlines()]
        assert [(one["place"], one["reason"]) for one in listed] == [
            (f"table.csv line {number + 2}", "wrong_type") for number in range(0, 24, 3)
        ]
        assert await operator.does("show", str(listed[1]["number"]), *keyed) == rows[3]
        assert "of 0 dead letters" in await operator.does("redrive", "--source", "table", *keyed, code=1)

        config = tmp_path / "jun.toml"
        config.write_text(config.read_text().replace(TABLE.format("iso"), TABLE.format(LOCAL)))
        assert "1 events of 1 dead letters taken" in await operator.does("redrive", str(listed[1]["number"]), *keyed)
        told = await operator.does("redrive", "--reason", "wrong_type", "--place", "table.csv*", *keyed)
        assert "7 events of 7 dead letters taken, out of 8" in told
        await time_is(began + 61 * MINUTE, line)
        await follow.until(lambda: counted() == expected, "the rows in their own minutes", worker)
        assert not (await operator.does("list", "--json", "--open-only")).strip()

        # The same once more, as after a crash before the mark: the numbers stay.
        sent = len(follow.raw)
        (tmp_path / "state/checkpoints/table.json").unlink()
        again = line.start("ingest", "table", name="again")
        await asyncio.to_thread(again.process.wait, 60)
        await follow.until(
            lambda: sum(b'"type":"event"' in raw for raw in follow.raw[sent:]) >= 8, "them again", worker
        )
        await time_is(began + 62 * MINUTE, line)
        await line.until_committed(worker)
        await follow.to_end()
        assert counted() == expected
