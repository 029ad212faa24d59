"""A worker with its tables on disk: what it reads back from there and from the changelog is the same."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from streams.kafka import make_producer
from tests.support.follow import Follow
from tests.support.line import Line
from tests.support.stream import REGIONS, SHARD_COUNT, SHARDS, Stream, produce

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.line import Part

pytestmark = pytest.mark.end_to_end


@pytest.mark.timeout(300)
async def test_state_from_disk_and_state_from_the_changelog_are_equal(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    """The worker is killed twice: once it finds its disk, once the disk is gone and the changelog is all there is."""
    stream = Stream(7, events_a_minute=100)
    topics = ("activity", "engagement-state", "deadletter")

    def worker() -> Part:
        return line.start("worker", environment={"JUN_STATE__STORE": "rocksdb"})

    async with Line(tmp_path, kafka, topic_prefix, REGIONS, shards=SHARDS) as line, Follow(line, *topics) as follow:
        async with make_producer(line.kafka) as producer:
            for lost in (False, True):
                running = worker()
                await produce(line, stream.minutes(10), producer)
                wanted = follow.count["engagement-state"] + 40
                await follow.until(lambda wanted=wanted: follow.count["engagement-state"] >= wanted, "entries", running)
                running.kill()
                assert list((tmp_path / "state" / "tables").glob("engagement-state-*"))
                if lost:
                    shutil.rmtree(tmp_path / "state" / "tables")
            await produce(line, stream.minutes(5), producer)
            await produce(line, stream.end(), producer)
        running = worker()
        await follow.until_closed(stream.last, SHARD_COUNT, running)
        assert await running.stop() < 30
        await follow.more()
        assert follow.rolled.counts() == stream.counts()
