"""An archive beside the present: what it tells is history, also where the present was told first."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest

from tests.support.follow import Follow
from tests.support.line import Line

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(240)]

POSTS = 50
SOURCE = """
[[source]]
kind = "file"
name = "archive"
path = "archive.jsonl"
"""


async def test_posts_older_than_the_horizon_count_though_the_clock_and_the_worker_were_started_before_their_source(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    begin = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0) - dt.timedelta(days=30)
    times = [begin + dt.timedelta(hours=number) for number in range(POSTS)]
    lines = [
        {"id": str(at), "at": at.isoformat(), "account": "ana", "kind": "post", "region": "granada"} for at in times
    ]
    (tmp_path / "archive.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    async with (
        Line(tmp_path, kafka, topic_prefix, ["granada"], sources=SOURCE) as line,
        Follow(line, "events", "activity", "deadletter") as follow,
    ):
        worker = line.worker()
        clock = line.start("ingest", "clock")
        await follow.until(lambda: "partition.waits" in worker.output(), "the worker to wait", worker, clock)
        archive = line.start("ingest", "archive")
        await follow.until(lambda: len(follow.rolled.counts()) == POSTS, "every post", worker, clock, archive)
        wanted = {("granada", "", int(at.timestamp()) // 60): (1, 1) for at in times}
        assert follow.rolled.counts() == wanted
        assert not follow.letters
        assert {one.revision for one in follow.rolled.minutes.values()} == {0}
