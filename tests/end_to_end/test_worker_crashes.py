"""The worker is killed, joined and left in the middle of a stream; its counts stay those of one uninterrupted pass."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from streams.kafka import make_producer
from tests.support.exact import assert_exact
from tests.support.follow import Follow
from tests.support.line import Line
from tests.support.stream import REGIONS, SHARD_COUNT, SHARDS, Stream, produce

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.line import Part

pytestmark = pytest.mark.end_to_end

KILLS = 20


async def until_regions_follow(follow: Follow, minute: int) -> None:
    await follow.until(
        lambda: len(follow.statuses) == len(REGIONS) and all(one.minute >= minute for one in follow.statuses.values()),
        "the statuses of all regions",
    )


async def random_moment(follow: Follow, chance: random.Random, worker: Part) -> str:
    """Wait for a random moment in the life of a worker that has just been started; says which."""
    await follow.more()
    before = dict(follow.count)
    match chance.randrange(4):
        case 0:  # anything from its imports to its recovery
            moment = time.monotonic() + chance.uniform(0, 6)
            await follow.until(lambda: time.monotonic() > moment, "a moment", worker)
            return "start"
        case 1:  # while it publishes what has closed
            wanted = before["activity"] + chance.randrange(1, 100)
            await follow.until(lambda: follow.count["activity"] >= wanted, "roll-ups", worker)
            return "publishing"
        case 2:  # while a flush is being written
            wanted = before["engagement-state"] + chance.randrange(1, 60)
            await follow.until(lambda: follow.count["engagement-state"] >= wanted, "entries", worker)
            return "flushing"
        case _:  # the region agent's
            wanted = before["region-state"] + chance.randrange(1, 8)
            await follow.until(lambda: follow.count["region-state"] >= wanted, "entries of regions", worker)
            return "regions"


@pytest.mark.timeout(480)
async def test_a_worker_killed_at_twenty_random_moments_of_one_stream_counts_as_one_uninterrupted_pass_does(
    kafka: str, topic_prefix: str, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    chance = random.Random(20)
    stream = Stream(20, events_a_minute=150)
    moments: Counter[str] = Counter()
    topics = ("activity", "engagement-state", "region-state", "regions", "deadletter")
    async with Line(tmp_path, kafka, topic_prefix, REGIONS, shards=SHARDS) as line, Follow(line, *topics) as follow:
        async with make_producer(line.kafka) as producer:
            for _ in range(KILLS):
                writing = asyncio.create_task(produce(line, stream.minutes(5), producer))
                worker = line.worker()
                moments[await random_moment(follow, chance, worker)] += 1
                worker.kill()
                await writing
            await produce(line, stream.end(), producer)
        worker = line.worker()
        await follow.until_closed(stream.last, SHARD_COUNT, worker)
        await until_regions_follow(follow, stream.last)
        await worker.stop()
        await follow.to_end()
        assert_exact(follow, stream)
        tell(f"{len(stream.events)} events, killed {dict(moments)}, {follow.rolled.repeats} minutes repeated")
