"""Whatever comes in: what can't be read is kept with its reason, and the rest counts as if it had not been there."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING

import aiohttp
import pytest
from nacl.public import SealedBox

from ops.broker.ports import free_ports
from schemas.codec import encode
from schemas.events import Event, Heartbeat
from streams.keys import private_key
from tests.support import truth
from tests.support.follow import Follow
from tests.support.line import PARTITIONS, Line, until
from tests.support.stream import Wire, produce

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.deadletter import DeadLetter

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(240)]

REGIONS = ["granada", "tokyo", "lima"]
TOKEN = "a-token-for-the-tests"
MINUTE = 60_000
SOURCES = """
[[source]]
kind = "http"
name = "posts"
port = {port}
token = {{ file = "token" }}
regions = ["granada", "tokyo", "lima"]
[[source]]
kind = "file"
name = "lines"
path = "lines.jsonl"
regions = ["lima"]
"""


def good(number: int, at: int, source: str) -> tuple[bytes, Event]:
    """Make a submission, and the event that it should count as."""
    region, account = REGIONS[number % 3], f"account-{number % 7}"
    told = {"id": f"{source}-{number}", "at": at, "account": account, "region": region, "text": f"a #Tag{number % 4}"}
    event = Event(
        id=f"{source}-{number}",
        at=at,
        region=region,
        actor=f"{source}:{account}",  # nobody says that they are one person
        kind="post",
        source=source,
        tags=(f"tag{number % 4}",),
    )
    return json.dumps(told).encode(), event


def rubbish(at: int) -> dict[str, list[bytes]]:
    """Make inputs of ten kinds, by the reason that is to be given."""
    plain = {"id": "1", "at": at, "account": "somebody", "actor": "somebody", "region": "lima", "kind": "post", "v": 2}
    event = {"type": "event", "source": "posts", **plain}

    def but(**changes: object) -> bytes:
        return json.dumps({**event, **changes}).encode()

    return {
        "not_json": [b"not json at all"],
        "wrong_type": [but(at=[1])],
        "no_id": [json.dumps({name: value for name, value in event.items() if name != "id"}).encode()],
        "future": [but(at=at + 48 * 60 * MINUTE)],
        "too_large": [but(text="x" * 10_000_000)],
        "not_utf8": [but(id="?????").replace(b"?????", b"\xff\xfe\xff")],
        "unknown_kind": [but(kind="applause")],
        "too_many_tags": [but(tags=[f"tag{number}" for number in range(5_000)])],
        "null_bytes": [but().replace(b"post", b"po\0st")],
        "old_version": [but(v=0)],
        "new_version": [but(v=3)],
    }


async def post(session: aiohttp.ClientSession, port: int, body: bytes) -> int:
    """Send a body; gives the status of the answer."""
    async with session.post(
        f"http://127.0.0.1:{port}/v1/events", data=body, headers={"Authorization": f"Bearer {TOKEN}"}
    ) as answer:
        await answer.read()
        return answer.status


def of_file(raw: bytes) -> bool:
    """Tell whether a value of `events` is one that was read from the file."""
    return b'"type":"event"' in raw and b'"source":"lines"' in raw


def reasons(letters: list[DeadLetter], source: str) -> Counter[str]:
    """Count the letters of a source by reason."""
    return Counter(letter.reason for letter in letters if letter.source == source)


async def test_rubbish_of_ten_kinds_leaves_dead_letters_with_reasons_and_changes_no_count(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    (tmp_path / "token").write_text(TOKEN)
    at = time.time_ns() // 1_000_000 - 5 * MINUTE
    bad = rubbish(at)
    inputs = [one for kind in bad.values() for one in kind]
    by_post = [good(number, at + number, "posts") for number in range(40)]
    by_file = [good(number, at + number, "lines") for number in range(40)]
    lines = [by_file[0][0], *inputs, *(raw for raw, _ in by_file[1:])]
    (tmp_path / "lines.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    expected = truth.count(event for _, event in [*by_post, *by_file])

    async with (
        Line(tmp_path, kafka, topic_prefix, REGIONS, sources=SOURCES.format(port=port)) as line,
        Follow(line, "events", "activity", "deadletter") as follow,
        aiohttp.ClientSession() as session,
    ):
        parts = [line.worker(), line.start("ingest", "posts"), line.start("ingest", "lines")]
        await until(lambda: "push.listening" in parts[1].output(), "the server", *parts)
        for raw, _ in by_post[:20]:
            assert await post(session, port, raw) == 202
        for reason, bodies in bad.items():
            for body in bodies:
                assert await post(session, port, body) == (413 if reason == "too_large" else 400)
        for raw, _ in by_post[20:]:
            assert await post(session, port, raw) == 202
        fit = {reason: bodies for reason, bodies in bad.items() if reason != "too_large"}  # Kafka itself refuses that
        await produce(line, [Wire(0, b"lima", body) for bodies in fit.values() for body in bodies])
        await follow.until(lambda: len(follow.letters) >= 3 * len(inputs) - 1, "dead letters", *parts)

        await follow.until(lambda: sum(map(of_file, follow.raw)) == len(by_file), "the file's events", *parts)

        # time goes on: what has been sent is complete
        later = at + 60 * MINUTE
        beats = [
            encode(Heartbeat(source=name, status="ok", clock=later, complete_to=later, regions=tuple(REGIONS)))
            for name in ("posts", "lines")
        ]
        await produce(line, [Wire(partition, None, beat) for beat in beats for partition in range(PARTITIONS)])
        await follow.until_closed(later // MINUTE - 3, len(REGIONS), *parts)
        await follow.to_end()
        assert follow.rolled.counts() == expected

        once = Counter(dict.fromkeys(bad, 1))
        assert reasons(follow.letters, "posts") == once
        assert reasons(follow.letters, "lines") == once
        assert reasons(follow.letters, "events") == once - Counter({"too_large": 1})
        box = SealedBox(private_key((tmp_path / "keys/deadletter.private").read_text()))
        for letter in follow.letters:
            raw = bad[letter.reason][0]
            assert letter.detail
            assert letter.size in {len(raw), len(raw) + 1}  # of a line its end is part
            assert raw.startswith(box.decrypt(letter.sealed).rstrip(b"\n"))
