"""How long a worker takes to have its state back, and what memory it needs, at several sizes of state.

A week of event time, so that everything is within the horizon and nothing has been merged yet: the largest state that
so many events can leave. The worker folds it all with its tables on disk and ends. Then it is started again: once it
reads the changelog, once its disk, and the clock runs from the start of the process to its first fold. What a start
takes with no state at all stands in the first row. `python -m benchmarks.recovery` prints the table.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct

from benchmarks.latency import on_own_broker
from benchmarks.load import BEGIN, PARTITIONS, REGION_NAMES, SOURCES, SPAN, WORK, columns_and_values
from benchmarks.measure import Contestant, ContestantError
from benchmarks.truth import MINUTE
from benchmarks.worker import FIRST_FOLD, Follower, command, configuration
from ops.topics import ensure_topics
from schemas.codec import encode
from schemas.config import KafkaSettings, TopicSettings
from schemas.events import Event, Heartbeat
from schemas.topics import ACTIVITY, ENGAGEMENT_STATE, EVENTS
from streams.kafka import make_producer
from streams.measures.partitioning import partition_of_region

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZES: Final = (0, 50_000, 200_000)
WEEK: Final = 7 * 86_400_000 - 3_600_000
BEAT: Final = 600_000
PATIENCE: Final = 900.0
STORES: Final = ("memory", "rocksdb")


class Started(Struct, frozen=True):
    """A start of the worker: seconds until its first fold, CPU seconds until then, MiB of memory at most."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def beats(clock: int) -> Iterator[tuple[int, bytes | None, bytes]]:
    """Give (partition, key, value) of the heartbeats that say that everything before `clock` (ms) has been sent."""
    for source in SOURCES:
        value = encode(Heartbeat(source, "ok", clock, clock, lateness=0, timeout=2 * BEAT))
        for partition in range(PARTITIONS):
            yield partition, None, value


def week(count: int) -> Iterator[tuple[int, bytes | None, bytes]]:
    """Give `count` events of the load, in order of time and stretched to a week, with heartbeats between them."""
    columns, values = columns_and_values()
    decode = msgspec.json.Decoder(Event).decode
    partitions = {name: partition_of_region(name, PARTITIONS) for name in REGION_NAMES}
    order = columns.at.argsort(kind="stable")
    chosen = order[:: max(len(order) // count, 1)][:count].tolist() if count else []
    clock = BEGIN
    yield from beats(clock)
    for place in chosen:
        event = decode(values[place])
        at = BEGIN + (event.at - BEGIN) * WEEK // SPAN
        while at > clock + BEAT:
            clock += BEAT
            yield from beats(clock)
        event = msgspec.structs.replace(event, at=at)
        yield partitions[event.region], event.region.encode(), encode(event)
    yield from beats(BEGIN + WEEK)


async def write(kafka: KafkaSettings, topic: str, records: Iterator[tuple[int, bytes | None, bytes]]) -> None:
    """Write records to `events`."""
    async with make_producer(kafka) as producer:
        sent = [await producer.send(topic, value, key=key, partition=place) for place, key, value in records]
        await asyncio.gather(*sent)


async def state_of(kafka: KafkaSettings, topic: str) -> tuple[int, int]:
    """Give the number and the bytes of the live entries of a changelog."""
    live: dict[bytes, int] = {}
    async with AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest") as consumer:
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    if record.value is None:
                        live.pop(record.key, None)
                    else:
                        live[record.key] = len(record.key) + len(record.value)
    return len(live), sum(live.values())


class Size:
    """One size of state: its topics, its folder, its worker."""

    def __init__(self, kafka: KafkaSettings, events: int) -> None:
        self.kafka = kafka
        self.events = events
        self.prefix = f"recovery-{events}-"
        self.folder = WORK / f"recovery-{events}"
        self.clock = BEGIN + WEEK
        self.settings: Path = configuration(kafka.bootstrap_servers, self.prefix, self.folder)

    async def fill(self) -> None:
        """Let a worker fold everything, with its tables on disk, and end in order."""
        await ensure_topics(self.kafka, TopicSettings(prefix=self.prefix))
        await write(self.kafka, self.prefix + EVENTS, week(self.events))
        follower = Follower(self.kafka.bootstrap_servers, self.prefix + ACTIVITY)
        await follower.start()
        worker = self._start("rocksdb")
        try:
            deadline = time.monotonic() + PATIENCE
            last = self.clock // MINUTE - 1
            while len(follower.reached) < len(REGION_NAMES) or min(follower.reached.values()) < last:
                worker.lines(0)
                worker.check()
                await follower.follow(0.2)
                if time.monotonic() > deadline:
                    raise ContestantError(f"not folded within {PATIENCE:.0f} s: {worker.tail()}")
        finally:
            worker.close()
            await follower.stop()

    async def start(self, store: str) -> Started:
        """Start the worker again and wait for its first fold, of a heartbeat."""
        self.clock += MINUTE
        await write(self.kafka, self.prefix + EVENTS, beats(self.clock))
        worker = self._start(store)
        try:
            worker.begin()
            deadline = time.monotonic() + PATIENCE
            while not any(FIRST_FOLD in line for line in worker.lines(0.01)):
                worker.check()
                if time.monotonic() > deadline:
                    raise ContestantError(f"no fold within {PATIENCE:.0f} s: {worker.tail()}")
            measured = worker.end()
            return Started(measured.seconds, measured.cpu_seconds, measured.peak_mib)
        finally:
            worker.close()

    def _start(self, store: str) -> Contestant:
        text = self.settings.read_text("utf-8")
        head, _, _ = text.partition("store = ")
        self.settings.write_text(f'{head.rstrip()}\nstore = "{store}"\n', "utf-8")
        return Contestant(command(self.settings), WORK / f"{self.prefix}{store}.log", all_output=True)


async def _measure(bootstrap: str) -> None:
    kafka = KafkaSettings(embedded=False, bootstrap_servers=bootstrap)
    print("| events | entries | MiB of entries | from the changelog | from RocksDB |")
    print("|---|---|---|---|---|")
    for events in SIZES:
        size = Size(kafka, events)
        await size.fill()
        entries, total = await state_of(kafka, size.prefix + ENGAGEMENT_STATE)
        told = []
        for store in STORES:
            started = await size.start(store)
            told.append(f"{started.seconds:.1f} s, {started.cpu_seconds:.1f} s of CPU, {started.peak_mib:.0f} MiB")
        print(f"| {events:,} | {entries:,} | {total / 2**20:.1f} | {' | '.join(told)} |", flush=True)


if __name__ == "__main__":
    sys.exit(on_own_broker("recovery", _measure))
