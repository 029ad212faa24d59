"""Two workers, killed at random; afterwards a replay finds nothing else than what they have published."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from streams.kafka import make_producer
from tests.end_to_end.test_replay import FROM
from tests.end_to_end.test_worker_crashes import until_regions_follow
from tests.support.follow import Follow
from tests.support.line import Line
from tests.support.programs import jun
from tests.support.stream import REGIONS, SHARD_COUNT, SHARDS, Stream, produce

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.end_to_end

EVENTS = int(os.environ.get("JUN_REPLAY_EVENTS", "12000"))
"""How many events; with 2000000 it takes a quarter of an hour."""
KILLS = 4


@pytest.mark.timeout(3600)
async def test_a_replay_equals_what_two_workers_killed_at_random_have_published(
    kafka: str, topic_prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(9)
    minutes = 60
    stream = Stream(9, events_a_minute=EVENTS // minutes)
    async with (
        Line(tmp_path, kafka, topic_prefix, REGIONS, shards=SHARDS) as line,
        Follow(line, "activity", "regions") as follow,
    ):
        async with make_producer(line.kafka) as producer:
            workers = [line.worker("one"), line.worker("two")]
            for _ in range(KILLS):
                await produce(line, stream.minutes(minutes // KILLS), producer)
                await follow.more()
                before = follow.count["activity"]
                wanted = before + chance.randrange(1, 60)
                await follow.until(lambda wanted=wanted: follow.count["activity"] >= wanted, "roll-ups", *workers)
                victim = chance.randrange(2)
                workers[victim].kill()
                workers[victim] = line.worker(workers[victim].name)
            await produce(line, stream.end(), producer)
        await follow.until_closed(stream.last, SHARD_COUNT, *workers)
        await until_regions_follow(follow, stream.last)
        for worker in workers:
            await worker.stop()
        done = await asyncio.to_thread(
            subprocess.run,
            jun("replay", "--config", str(tmp_path / "jun.toml"), "--from", FROM, "--verify"),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
        with capsys.disabled():
            sys.stdout.write(f"\n{len(stream.events)} events, {KILLS} kills: {done.stdout.splitlines()[-1]}\n")
