"""Puts records into Kafka in order, and tells when it has them.

There is a lane for each partition. It sends one batch at a time and goes on to the next only when that one is
acknowledged by all in-sync replicas, so that no failure, not even a new producer, can put a later record before an
earlier one. What comes meanwhile makes the next batch: the slower Kafka is, the larger they get.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiokafka.errors import KafkaError

from streams.errors import OperatorError
from streams.kafka import make_producer, plain_errors, start_client

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schemas.config import KafkaSettings
    from streams.ingest.outlet import Congestion, Record

BATCH_BYTES: Final = 256 * 1024
RECORD_OVERHEAD: Final = 64
"""More than Kafka's own bytes around a key and a value."""
LINGER: Final = 0.005
"""Seconds between the moments at which batches leave."""
AWAY_AFTER: Final = 5.0
"""Seconds without acknowledgement after which Kafka counts as away."""
LOOK_EVERY: Final = 0.01
"""Seconds between looks at how long Kafka has been silent."""
WAITING_RECORDS: Final = 20_000
WAITING_BYTES: Final = 32 * 1024 * 1024
"""What may wait for Kafka before it counts as behind."""
RETRY: Final = 0.5
LAST_WORDS: Final = 2.0
"""Seconds for the end of the connection."""

log = structlog.get_logger(__name__)


class _Delivery:
    """Some records that were given together; done when the last of them is acknowledged."""

    __slots__ = ("done", "missing")

    def __init__(self, missing: int, done: asyncio.Future[None]) -> None:
        self.missing = missing
        self.done = done

    def acknowledge(self) -> None:
        self.missing -= 1
        if not self.missing and not self.done.done():
            self.done.set_result(None)


_Waiting = tuple[bytes | None, bytes, _Delivery]
"""Key, value, and whose they are; one is made for each event."""


class _Lane:
    """The way into one partition."""

    def __init__(self, producer: Producer, topic: str, partition: int) -> None:
        self._producer = producer
        self._topic = topic
        self._partition = partition
        self._waiting: list[_Waiting] = []
        self._sent: list[_Waiting] = []
        self._stirred = asyncio.Event()
        self.since = 0.0
        self._task = asyncio.create_task(self._run(), name=f"lane {topic}/{partition}")
        self._task.add_done_callback(producer.lane_ended)

    @property
    def busy(self) -> bool:
        return bool(self._waiting or self._sent)

    def add(self, waiting: _Waiting) -> None:
        if not self.busy:
            self.since = time.monotonic()
            self._stirred.set()
        self._waiting.append(waiting)

    async def _run(self) -> None:
        while True:
            await self._stirred.wait()
            while self._waiting:
                # All lanes leave at the same moments, so that their batches share one request.
                await asyncio.sleep(LINGER - time.monotonic() % LINGER)
                self._sent = self._batch()
                await self._producer.write(self._topic, self._partition, self._sent)
                sent, self._sent = self._sent, []
                self.since = time.monotonic()
                self._producer.acknowledged(sent)
            self._stirred.clear()

    def _batch(self) -> list[_Waiting]:
        size = count = 0
        for key, value, _ in self._waiting:
            size += len(value) + len(key or b"") + RECORD_OVERHEAD
            if size > BATCH_BYTES and count:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


class Producer:
    """An Outlet into Kafka: idempotent, acks=all, and patient: what it was given it sends until Kafka has it."""

    def __init__(self, settings: KafkaSettings, events: str, make: Callable[..., Any] = make_producer) -> None:
        """Prepare to write; `events` is the full name of that topic. Must be called in the running loop."""
        self._settings = settings
        self._events = events
        self._make = make
        self._kafka: Any = None
        self._connecting = asyncio.Lock()
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._records = 0
        self._bytes = 0
        self._away = False
        self._look_at = 0.0
        self._trouble = ""
        self._idle = asyncio.Event()
        self._idle.set()
        self.partitions = 0
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Fails where a lane does, which only a mistake of the program can do."""

    @property
    def congestion(self) -> Congestion:
        """Tell whether Kafka is away or behind."""
        if not self._records:
            return "" if self._kafka is not None else "away"
        if self._is_away():
            return "away"
        return "behind" if self._records >= WAITING_RECORDS or self._bytes >= WAITING_BYTES else ""

    def _is_away(self) -> bool:
        """Look at the lanes, but not for each of many requests that ask at once."""
        now = time.monotonic()
        if now > self._look_at:
            self._look_at = now + LOOK_EVERY
            self._away = any(lane.busy and now - lane.since > AWAY_AFTER for lane in self._lanes.values())
        return self._away

    async def start(self) -> None:
        """Connect, however long that takes; raises OperatorError where trying again can't help."""
        kafka = await self._connected(patient=False)
        with plain_errors(f"the topic {self._events}"):
            partitions = await kafka.partitions_for(self._events)
        self.partitions = len(partitions)

    async def deliver(self, records: Sequence[Record]) -> None:
        """Return when Kafka has acknowledged every record."""
        if not records:
            return
        delivery = _Delivery(len(records), asyncio.get_running_loop().create_future())
        for topic, partition, key, value in records:
            lane = self._lanes.get((topic, partition))
            if lane is None:
                lane = self._lanes[topic, partition] = _Lane(self, topic, partition)
            lane.add((key, value, delivery))
            self._bytes += len(value)
        self._records += len(records)
        self._idle.clear()
        await delivery.done

    async def write(self, topic: str, partition: int, batch: Sequence[_Waiting]) -> None:
        """Write one batch, again and again until it is acknowledged."""
        while True:
            kafka = await self._connected()
            builder = kafka.create_batch()
            for key, value, _ in batch:
                builder.append(timestamp=None, key=key, value=value)
            try:
                await (await kafka.send_batch(builder, topic, partition=partition))
            except KafkaError as error:
                # What may be retried as it is, aiokafka has retried. A producer whose sequence is broken never
                # recovers, so that the next try has a new one; ids make a repeat harmless.
                self._say(f"{type(error).__name__} for {topic}/{partition}")
                await self._disconnect(kafka)
                await asyncio.sleep(RETRY)
            else:
                self._say("")
                return

    def acknowledged(self, batch: Sequence[_Waiting]) -> None:
        """Tell those who wait that Kafka has the batch."""
        self._records -= len(batch)
        if not self._records:
            self._idle.set()
        for _, value, delivery in batch:
            self._bytes -= len(value)
            delivery.acknowledge()

    def lane_ended(self, task: asyncio.Task[None]) -> None:
        """Let the process end when a lane breaks, before anything waits for it for ever."""
        if not task.cancelled() and (error := task.exception()) is not None and not self.broken.done():
            self.broken.set_exception(error)

    async def close(self, patience: float) -> bool:
        """Wait up to `patience` seconds for what is on its way; tell whether Kafka has it all."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._idle.wait()
        for lane in self._lanes.values():
            await lane.close()
        if self._kafka is not None:
            kafka, self._kafka = self._kafka, None
            await asyncio.wait({asyncio.create_task(kafka.stop())}, timeout=LAST_WORDS)
        return not self._records

    async def _connected(self, *, patient: bool = True) -> Any:
        async with self._connecting:
            while self._kafka is None:
                kafka = self._make(self._settings, linger_ms=0, max_batch_size=2 * BATCH_BYTES)
                try:
                    await start_client(kafka, self._settings)
                except OperatorError as error:
                    if not (patient or error.retry):
                        raise
                    self._say(str(error))
                    await asyncio.sleep(RETRY)
                else:
                    self._kafka = kafka
            return self._kafka

    async def _disconnect(self, kafka: Any) -> None:
        async with self._connecting:
            if self._kafka is kafka:
                # Waits for what other lanes have given to it, so that nothing old is written after something new.
                await kafka.stop()
                self._kafka = None

    def _say(self, trouble: str) -> None:
        """Log a change of how Kafka is, once."""
        if trouble != self._trouble:
            if trouble:
                log.warning("kafka.trouble", reason=trouble)
            else:
                log.info("kafka.well_again")
            self._trouble = trouble
