"""A worker that is asked to end does so soon, and leaves nothing to be done again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.exact import assert_exact
from tests.support.follow import Follow
from tests.support.line import Line
from tests.support.stream import REGIONS, SHARD_COUNT, SHARDS, Stream, produce

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.end_to_end, pytest.mark.alone, pytest.mark.timeout(240)]

SECONDS = 5
"""Within which a worker must have ended."""


async def test_sigterm_ends_a_worker_within_5_s_with_everything_flushed_at_work_and_idle(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    stream = Stream(7, events_a_minute=1_000)
    async with (
        Line(tmp_path, kafka, topic_prefix, REGIONS, shards=SHARDS) as line,
        Follow(line, "activity", "deadletter") as follow,
    ):
        worker = line.worker("first")
        await produce(line, stream.minutes(8))
        await follow.until(lambda: follow.count["activity"] > 0, "the first roll-ups", worker)
        assert await worker.stop() < SECONDS  # much of it is unread or not yet flushed

        worker = line.worker("second")
        await produce(line, stream.minutes(2))
        await follow.until_closed(stream.minute - 3, SHARD_COUNT, worker)
        await line.until_committed(worker)
        assert await worker.stop() < SECONDS  # idle

        worker = line.worker("third")
        await produce(line, stream.end())
        await follow.until_closed(stream.last, SHARD_COUNT, worker)
        assert await worker.stop() < SECONDS
        await follow.to_end()
        assert_exact(follow, stream)
        assert follow.rolled.repeats == 0  # what was flushed was not done again
