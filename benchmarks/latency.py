"""At 1,000 events a second: what share of a core the worker takes, and how late a closed minute is in `activity`.

The share is that of SECONDS in which event time runs with the clock on the wall, so that one minute closes. Then event
time runs 60 times as fast for as long, so that a minute closes each second: a sample for each of 60 minutes and 40
regions. A minute's delay is from just before the heartbeat that closes it is given to the producer until its activity
is read here. `python -m benchmarks.latency` prints both.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
from aiokafka import AIOKafkaProducer

from benchmarks.load import (
    BEAT,
    BEGIN,
    BEHIND,
    PARTITIONS,
    REGION_NAMES,
    SOURCES,
    WORK,
    columns_and_values,
)
from benchmarks.measure import BROKER_CORE, Contestant, ContestantError, on_core
from benchmarks.truth import MINUTE
from benchmarks.worker import Follower, command, configuration
from ops.broker import EmbeddedBroker
from ops.topics import ensure_topics
from schemas.codec import encode
from schemas.config import KafkaSettings, TopicSettings
from schemas.events import Event, Heartbeat
from schemas.topics import ACTIVITY, EVENTS
from streams.ingest.producer import LINGER
from streams.measures.partitioning import partition_of_region

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

PREFIX: Final = "latency-"
RATE: Final = 1_000
FAST: Final = 60
SETTLED: Final = 10.0
"""Seconds from the first activity on before anything is measured."""
SECONDS: Final = 60.0
START_WITHIN: Final = 120.0
STEP: Final = 0.01
LATENESS: Final = 120_000


class Sender:
    """Gives events and heartbeats to Kafka at the rate, and knows when it sent what closes a minute."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=round(LINGER * 1_000), acks="all")
        self._decode = msgspec.json.Decoder(Event).decode
        self._partitions = {name: partition_of_region(name, PARTITIONS) for name in REGION_NAMES}
        self._topic = PREFIX + EVENTS
        self.closed_at: dict[int, float] = {}
        self.speed = FAST

    async def run(self) -> None:
        """Send until cancelled, event time being `speed` times as fast as the clock on the wall."""
        await self._producer.start()
        values = self._endless()
        begun = before = time.perf_counter()
        now, beat, sent = float(BEGIN), BEGIN, 0
        try:
            while True:
                wall = time.perf_counter()
                now += (wall - before) * 1_000 * self.speed
                before = wall
                while beat <= now:
                    await self._beat(beat)
                    beat += BEAT
                while sent < (wall - begun) * RATE:
                    event = msgspec.structs.replace(next(values), id=f"latency-{sent}", at=int(now))
                    await self._producer.send(
                        self._topic,
                        encode(event),
                        key=event.region.encode(),
                        partition=self._partitions[event.region],
                    )
                    sent += 1
                await asyncio.sleep(STEP)
        finally:
            await self._producer.stop()

    def _endless(self) -> Iterator[Event]:
        _, values = columns_and_values()
        while True:
            yield from map(self._decode, values)

    async def _beat(self, clock: int) -> None:
        closed = (clock - BEHIND - LATENESS) // MINUTE
        self.closed_at.setdefault(closed, time.perf_counter())
        for source in SOURCES:
            value = encode(
                Heartbeat(source=source, status="ok", clock=clock, complete_to=clock - BEHIND, lateness=LATENESS)
            )
            for partition in range(PARTITIONS):
                await self._producer.send(self._topic, value, partition=partition)


class Watch:
    """The worker, the sender and what arrives."""

    def __init__(self, worker: Contestant, sender: Sender, follower: Follower) -> None:
        self._worker = worker
        self._sender = sender
        self._follower = follower

    async def delays(self, seconds: float) -> list[float]:
        """Follow for `seconds`; give the delay of every minute that was closed meanwhile."""
        begun = time.perf_counter()
        delays = []
        while time.perf_counter() - begun < seconds:
            got = await self._follower.follow(0.05)
            arrived = time.perf_counter()
            self._worker.lines(0)
            self._worker.check()
            for one in got:
                # a minute is closed by the first heartbeat whose bound is past it
                closed = self._sender.closed_at.get(one.minute + 1, 0.0)
                if closed > begun:
                    delays.append(arrived - closed)
        return delays

    async def settle(self) -> None:
        """Wait until the worker publishes, and then SETTLED seconds."""
        deadline = time.perf_counter() + START_WITHIN
        while not self._follower.reached:
            await self.delays(1)
            if time.perf_counter() > deadline:
                raise ContestantError(f"nothing came out in {START_WITHIN:.0f} s: {self._worker.tail()}")
        await self.delays(SETTLED)


async def _measure(bootstrap: str) -> None:
    settings = KafkaSettings(embedded=False, bootstrap_servers=bootstrap)
    await ensure_topics(settings, TopicSettings(prefix=PREFIX))
    follower = Follower(bootstrap, PREFIX + ACTIVITY)
    await follower.start()
    file = configuration(bootstrap, PREFIX, WORK / "latency-worker")
    worker = Contestant(command(file), WORK / "latency.log", all_output=True)
    sender = Sender(bootstrap)
    watch = Watch(worker, sender, follower)
    sending = asyncio.create_task(sender.run())
    try:
        await watch.settle()
        sender.speed = 1
        worker.begin()
        await watch.delays(SECONDS)
        measured = worker.end()
        sender.speed = FAST
        await watch.delays(2)
        delays = await watch.delays(SECONDS)
    finally:
        sending.cancel()
        worker.close()
        await follower.stop()
    p50, p99 = np.percentile(delays, [50, 99]) * 1_000
    share = measured.cpu_seconds / measured.seconds
    print(f"at {RATE:,} events a second: {share:.1%} of a core, {measured.peak_mib:.0f} MiB at most")
    print(
        f"from produce to activity of a closed minute: p50 {p50:.0f} ms, p99 {p99:.0f} ms,"
        f" largest {max(delays) * 1_000:.0f} ms, of {len(delays):,}"
    )


def on_own_broker(name: str, measure: Callable[[str], Coroutine[Any, Any, None]]) -> int:
    """Start a broker on the core that is not the contestant's, and measure."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it complains while a new topic has no leader yet
    folder = WORK / f"{name}-broker"
    shutil.rmtree(folder, ignore_errors=True)
    columns_and_values()
    with on_core(BROKER_CORE), EmbeddedBroker(folder) as broker:
        asyncio.run(measure(broker.bootstrap))
    return 0


if __name__ == "__main__":
    sys.exit(on_own_broker("latency", _measure))
