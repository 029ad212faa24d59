"""Three brokers, each killed in turn under load: two go on, and nothing that they have accepted is lost."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from streams.kafka import make_producer
from tests.support.cluster import NODES, EmbeddedCluster
from tests.support.exact import assert_exact
from tests.support.follow import Follow
from tests.support.line import Line, until
from tests.support.stream import REGIONS, SHARD_COUNT, SHARDS, Stream, produce

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiokafka import AIOKafkaProducer

pytestmark = pytest.mark.end_to_end

AHEAD = 6
"""How many minutes may be written before they are closed; three always are."""


class Load:
    """Writes minute after minute, each acknowledged by Kafka, whatever happens, until told to end."""

    def __init__(self, line: Line, follow: Follow, stream: Stream, producer: AIOKafkaProducer) -> None:
        self._follow = follow
        self._stream = stream
        self._ending = False
        self._task = asyncio.create_task(self._write(line, producer))

    async def _write(self, line: Line, producer: AIOKafkaProducer) -> None:
        while not self._ending:
            await until(self._may_write, "what is written to be closed")
            await produce(line, self._stream.minutes(1), producer)

    def _may_write(self) -> bool:
        return self._ending or self._follow.rolled.closed_to(SHARD_COUNT) >= self._stream.minute - AHEAD

    def check(self) -> None:
        """Fail where writing has failed."""
        if self._task.done():
            self._task.result()

    async def end(self) -> None:
        """Write to the end of the minute."""
        self._ending = True
        await self._task


@pytest.mark.timeout(420)
async def test_each_of_three_brokers_is_killed_under_load_and_the_counts_are_those_of_one_pass(
    topic_prefix: str, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    stream = Stream(5, events_a_minute=60)
    with EmbeddedCluster(tmp_path / "kafka") as cluster:
        async with (
            Line(tmp_path, cluster.bootstrap, topic_prefix, REGIONS, shards=SHARDS, copies=NODES) as line,
            Follow(line, "activity", "deadletter") as follow,
            make_producer(line.kafka) as producer,
        ):
            worker = line.worker()
            await produce(line, stream.minutes(4), producer)
            await follow.until_closed(stream.minute - 3, SHARD_COUNT, worker)
            load = Load(line, follow, stream, producer)

            async def goes_on(minutes: int, what: str) -> float:
                """Give the longest pause between two closings while so many more minutes are closed."""
                closed = follow.rolled.closed_to(SHARD_COUNT)
                last, longest, wanted = time.monotonic(), 0.0, closed + minutes

                def closes() -> bool:
                    nonlocal closed, last, longest
                    load.check()
                    if follow.rolled.closed_to(SHARD_COUNT) > closed:
                        longest = max(longest, time.monotonic() - last)
                        closed, last = follow.rolled.closed_to(SHARD_COUNT), time.monotonic()
                    return closed >= wanted

                await follow.until(closes, what, worker)
                return longest

            usual = await goes_on(10, "the usual")
            pauses = []
            for number in cluster.nodes:
                dying = asyncio.create_task(asyncio.to_thread(cluster.kill, number))
                # what is written already would close without the dead one: more than that must
                pauses.append(await goes_on(3 * AHEAD, f"the line to go on without broker {number}"))
                await dying
                await asyncio.to_thread(cluster.restart, number)
                await line.until_in_sync()
            await load.end()
            await produce(line, stream.end(), producer)
            await follow.until_closed(stream.last, SHARD_COUNT, worker)
            await worker.stop()
            await follow.to_end()
            assert_exact(follow, stream)
            told = ", ".join(f"{pause:.1f} s" for pause in pauses)
            tell(f"a minute is closed within {usual:.1f} s, after the death of each of three brokers within {told}")
