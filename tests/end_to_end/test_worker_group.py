"""Workers that share the partitions join, leave and die in the middle of a stream, and the broker goes away."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from ops.broker import EmbeddedBroker
from schemas.topics import ACTIVITY
from streams.kafka import make_producer
from tests.support.exact import assert_exact
from tests.support.follow import Follow
from tests.support.line import PARTITIONS, Line, until
from tests.support.stream import REGIONS, SHARD_COUNT, SHARDS, Stream, produce

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiokafka import AIOKafkaProducer

    from tests.support.line import Part

pytestmark = pytest.mark.end_to_end


class Flow:
    """Writes a stream minute by minute while something happens, never far ahead of what the workers close."""

    def __init__(self, line: Line, follow: Follow, stream: Stream, producer: AIOKafkaProducer) -> None:
        self._line = line
        self._follow = follow
        self._stream = stream
        self._producer = producer

    async def closes(self, what: str, *parts: Part) -> float:
        """Write a minute and wait until all shards have closed it; gives the seconds that this took."""
        began = time.monotonic()
        await produce(self._line, self._stream.minutes(1), self._producer)
        await self._follow.until(
            lambda: self._follow.rolled.closed_to(SHARD_COUNT) >= self._stream.minute - 3, what, *parts
        )
        return time.monotonic() - began


@pytest.mark.timeout(300)
async def test_workers_join_leave_and_die_in_mid_stream_and_the_counts_are_those_of_one_pass(
    kafka: str, topic_prefix: str, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    stream = Stream(2, events_a_minute=60)
    async with (
        Line(tmp_path, kafka, topic_prefix, REGIONS, shards=SHARDS) as line,
        Follow(line, "activity", "deadletter") as follow,
        make_producer(line.kafka) as producer,
    ):
        flow = Flow(line, follow, stream, producer)
        first = line.worker("first")
        await flow.closes("the first worker's start", first)
        usual = max([await flow.closes("the usual", first) for _ in range(5)])
        pauses: dict[str, float] = {}

        second = line.worker("second")
        pause = 0.0
        while len(owners := await line.owners()) < 2:
            pause = max(pause, await flow.closes("two workers", first, second))
        pauses["a worker joins"] = max(pause, await flow.closes("two workers", first, second))
        assert sorted(partition for owned in owners for partition in owned) == list(range(PARTITIONS))

        second.process.terminate()
        pause = 0.0
        while second.running:
            pause = max(pause, await flow.closes("the end of the second", first))
        pauses["a worker leaves"] = max(pause, await flow.closes("the partitions of the one that left", first))
        assert second.process.returncode == 0

        third = line.worker("third")
        while len(await line.owners()) < 2:
            await flow.closes("two workers", first, third)
        first.kill()
        pauses["a worker is killed"] = await flow.closes("the partitions of the killed one", third)

        await produce(line, stream.end(), producer)
        await follow.until_closed(stream.last, SHARD_COUNT, third)
        await third.stop()
        await follow.to_end()
        assert_exact(follow, stream)
        told = "; ".join(f"{what}: {pause:.1f} s" for what, pause in pauses.items())
        tell(f"usually a minute is closed within {usual:.1f} s; {told}")


@pytest.mark.timeout(480)
async def test_the_line_goes_on_by_itself_when_the_broker_was_away_for_20_s_and_for_2_minutes(
    topic_prefix: str, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    """Two lines with a broker each, at the same time."""
    async with asyncio.TaskGroup() as both:
        for seed, seconds in enumerate((20, 120), 3):
            folder = tmp_path / str(seconds)
            folder.mkdir()
            both.create_task(_goes_on_after(seconds, Stream(seed, events_a_minute=100), topic_prefix, folder, tell))


@pytest.mark.timeout(240)
async def test_a_worker_that_is_asked_to_end_while_kafka_is_away_ends_and_the_next_one_has_everything(
    topic_prefix: str, tmp_path: Path
) -> None:
    stream = Stream(9, events_a_minute=100)
    broker = EmbeddedBroker(tmp_path / "kafka", start_timeout=180)
    await asyncio.to_thread(broker.start)
    try:
        async with (
            Line(tmp_path, broker.bootstrap, topic_prefix, REGIONS, shards=SHARDS) as line,
            Follow(line, ACTIVITY, "deadletter") as follow,
            make_producer(line.kafka) as producer,
        ):
            worker = line.worker("first")
            await Flow(line, follow, stream, producer).closes("the first minutes", worker)
            await produce(line, stream.minutes(5), producer)
            await asyncio.to_thread(broker.kill)
            worker.process.terminate()
            await until(lambda: not worker.running, "the end of the worker")
            await asyncio.to_thread(broker.start)
            worker = line.worker("second")
            await produce(line, stream.end(), producer)
            await follow.until_closed(stream.last, SHARD_COUNT, worker)
            await worker.stop()
            await follow.to_end()
            assert_exact(follow, stream)
    finally:
        await asyncio.to_thread(broker.stop)


async def _goes_on_after(
    seconds: int, stream: Stream, topic_prefix: str, folder: Path, tell: Callable[[str], None]
) -> None:
    broker = EmbeddedBroker(folder / "kafka", start_timeout=180)
    await asyncio.to_thread(broker.start)
    try:
        async with (
            Line(folder, broker.bootstrap, topic_prefix, REGIONS, shards=SHARDS) as line,
            Follow(line, ACTIVITY, "deadletter") as follow,
            make_producer(line.kafka) as producer,
        ):
            worker = line.worker()
            flow = Flow(line, follow, stream, producer)
            for _ in range(3):
                await flow.closes("the first minutes", worker)
            await asyncio.to_thread(broker.stop)
            writing = asyncio.create_task(produce(line, stream.minutes(3), producer))
            before = worker.output().count("\n")
            await asyncio.sleep(seconds)  # the time itself is what is tried
            worker.check()
            lines = worker.output().count("\n") - before
            await asyncio.to_thread(broker.start)
            began = time.monotonic()
            await writing
            await follow.until_closed(stream.minute - 3, SHARD_COUNT, worker)
            took = time.monotonic() - began
            await produce(line, stream.end(), producer)
            await follow.until_closed(stream.last, SHARD_COUNT, worker)
            await worker.stop()
            await follow.to_end()
            assert_exact(follow, stream)
            tell(f"the broker was away for {seconds} s: going on {took:.1f} s after that; {lines} lines of log")
            assert lines < 50 * seconds  # it says so, but does not fill the disk
    finally:
        await asyncio.to_thread(broker.stop)
