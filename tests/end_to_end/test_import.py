"""A new installation gets its past: history first, then the rest, and nothing of it is late."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.follow import Follow
from tests.support.line import Line
from tests.support.programs import jun

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(240)]

DAYS = 29
SOURCE = """
[[source]]
kind = "http"
name = "intranet"
port = 0
regions = ["granada"]
token = { file = "keys/pseudonym.key" }
"""


async def run(line: Line, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = jun(*arguments, "--config", str(line.folder / "jun.toml"))
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, cwd=line.folder, check=False
    )


async def test_imported_history_is_counted_in_its_own_minutes_and_a_baseline_from_the_start(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    now = dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)
    times = [now - dt.timedelta(hours=hours) for hours in range(DAYS * 24, 0, -1)]
    for half, name in ((times[::2], "b.jsonl"), (times[1::2], "a.jsonl")):
        lines = [
            {"id": str(at), "at": at.isoformat(), "account": f"p{place % 20}", "kind": "post", "region": "granada"}
            for place, at in enumerate(half)
        ]
        (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    async with (
        Line(tmp_path, kafka, topic_prefix, ["granada"], sources=SOURCE) as line,
        Follow(line, "activity", "regions", "deadletter") as follow,
    ):
        done = await run(line, "import", "*.jsonl")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "to its end" in done.stdout

        worker = line.worker()
        parts = worker, line.start("ingest", "clock"), line.start("ingest", "intranet")
        last = int(times[-1].timestamp()) // 60
        await follow.until(
            lambda: "granada" in follow.statuses and follow.statuses["granada"].minute >= last, "the present", *parts
        )
        await follow.to_end()
        assert follow.rolled.counts() == {("granada", "", int(at.timestamp()) // 60): (1, 1) for at in times}
        assert {one.revision for one in follow.rolled.minutes.values()} == {0}
        assert not follow.letters
        status = follow.statuses["granada"]
        # one post an hour; the longest window moves by the hour, and ends up to an hour or two after the last of them
        assert 28 * 24 - 4 <= status.windows[""].events[-1] <= 28 * 24
        assert status.verdict in {"active", "quiet"}, status.reason

        again = await run(line, "import", "a.jsonl", "--source", "elsewhere")
        assert again.returncode == 1
        assert "time has begun in it" in again.stderr
