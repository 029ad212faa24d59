"""Keeps the state of one agent: fold, publish, write what has changed, then the marker, and only then acknowledge.

What of it is needed for what is in docs/decisions/0002-exact-state.md; each part left out has been seen to lose or to
double events.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from aiokafka.errors import KafkaTimeoutError, UnknownTopicOrPartitionError
from faust.types import TP
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from faust.types import EventT

    from streams.agents.table import Entries, StateTable
    from streams.fetch import Run
    from streams.measures.engagement.entries import Flush


log = structlog.get_logger(__name__)


class Message(Struct, frozen=True, gc=False):
    """Something to publish; with no partition, Kafka's default partitioner chooses by the key."""

    topic: str
    key: bytes
    value: bytes
    partition: int | None = None


class Work(Protocol):
    """The fold of one partition, between its records and its entries."""

    @property
    def next_offset(self) -> int:
        """The source offset from which on it wants records."""

    def take(self, run: Run) -> Sequence[Message]:
        """Fold a run; give what is to be published, in order."""

    def flush(self) -> Flush:
        """Give the entries that have changed since the last flush."""


class Keeper:
    """The partitions of one source topic that this worker owns, with their table."""

    def __init__(self, app: Any, source: str, changelog: str, make: Callable[[int, Entries], Work]) -> None:
        self.app = app
        self.source = source
        self.changelog = changelog
        self.table: StateTable | None = None
        self.works: dict[int, Work] = {}
        self.records = 0
        self._make = make
        self._generation = -1
        self._flushed = False
        self._written: dict[int, int] = {}
        self._dirty: set[int] = set()
        self._taken: list[Any] = []
        self._pending: list[asyncio.Future[Any]] = []
        self._folding = asyncio.Lock()
        self._flushing = asyncio.Lock()
        self.torn = False
        """Whether a run or a flush was broken off: then no flush may follow, whose marker would vouch for what was not
        folded, sent or written.
        """

    # -- assignment

    def restored(self, partition: int, entries: Entries) -> None:
        """Take a partition over whose entries have been read."""
        self.works[partition] = self._make(partition, entries)

    def kept(self, generation: int) -> dict[int, int]:
        """Give the partitions whose state may stay, with the changelog offset it has been written to.

        Only where everything was flushed when they were revoked and nobody can have had them since: where the new
        generation follows the one in which they were ours.
        """
        stays = self._flushed and generation == self._generation + 1
        self._generation = generation
        if not stays:
            self.works.clear()
            self._written.clear()
        return {partition: self._written[partition] for partition in self.works if partition in self._written}

    def assigned(self, partitions: set[int]) -> None:
        """Drop what is no longer ours."""
        for partition in list(self.works):
            if partition not in partitions:
                del self.works[partition]
                self._written.pop(partition, None)
        self._taken.clear()
        self._dirty.clear()
        self._flushed = False

    async def revoked(self) -> None:
        """Flush everything before another worker may take over."""
        await self.flush()
        self._flushed = not self.torn

    def starts(self) -> dict[TP, int]:
        """Give the source offsets to read on from."""
        return {TP(self.source, partition): work.next_offset for partition, work in self.works.items()}

    # -- work

    async def take(self, event: EventT) -> None:
        """Fold the run of an event and send what comes of it."""
        run: Run = event.value
        work = self.works.get(run.partition.partition)
        if work is None or event.message.generation_id != self.app.consumer_generation_id:
            return
        if run.start < work.next_offset:
            return
        async with self._folding:
            if not self.records:
                log.info("worker.first_run", topic=self.source)
            try:
                await self._fold(work, run, event.message)
            except BaseException:
                self.torn = True
                raise

    async def _fold(self, work: Work, run: Run, taken: Any) -> None:
        messages = work.take(run)
        self.records += len(run.values)
        self._dirty.add(run.partition.partition)
        self._taken.append(taken)
        taken.value = None  # a run is megabytes, and is folded now
        for message in messages:
            self._pending.append(await self._send(message.topic, message.key, message.value, message.partition))

    async def flush(self) -> None:
        """Make everything that has been folded so far durable, and acknowledge it."""
        async with self._flushing:
            try:
                await self._flush()
            except BaseException:
                self.torn = True
                raise

    async def _flush(self) -> None:
        async with self._folding:
            if self.torn:
                return
            pending, self._pending = self._pending, []
            taken, self._taken = self._taken, []
            dirty, self._dirty = self._dirty, set()
            flushes = {partition: self.works[partition].flush() for partition in dirty if partition in self.works}
        await _all(pending)
        for step in zip(*(flush.steps() for flush in flushes.values()), strict=True):
            for partition, entries in zip(flushes, step, strict=True):
                await self._write(partition, entries)
        for message in taken:
            message.ack(self.app.consumer)

    async def _write(self, partition: int, entries: Sequence[tuple[bytes, bytes | None]]) -> None:
        if not entries:
            return
        sent = [await self._send(self.changelog, key, value, partition) for key, value in entries]
        written = [one.offset for one in await _all(sent)]
        self._written[partition] = max(written)
        if self.table is not None:
            self.table.written(partition, dict(entries), max(written))

    async def _send(self, topic: str, key: bytes, value: bytes | None, partition: int | None) -> asyncio.Future[Any]:
        """Give a record to the producer, however long Kafka is away; it may know nothing of the topic before."""
        while True:
            try:
                sent: asyncio.Future[Any] = await self.app.producer.kafka.send(
                    topic, value, key=key, partition=partition
                )
            except (KafkaTimeoutError, UnknownTopicOrPartitionError) as error:
                log.warning("worker.waits_for_kafka", topic=topic, reason=type(error).__name__)
            else:
                return sent


async def _all(sent: Iterable[asyncio.Future[Any]]) -> list[Any]:
    """Wait until Kafka has acknowledged everything; the first failure is raised."""
    return [await one for one in sent]
