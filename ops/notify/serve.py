"""The process: follows the topic `alerts` and tells each receiver, until it is asked to end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import structlog
from aiokafka import AIOKafkaConsumer

from ops.exporter.follow import alerts_reader
from ops.exporter.partitions import partitions_of
from ops.following import follow_through
from ops.health import health
from ops.notify.book import Book, Saved
from ops.notify.receivers import Receiver
from ops.notify.send import Sender
from ops.until_asked import run_until_asked
from schemas.codec import UnreadableError
from schemas.topics import ALERTS
from streams.errors import OperatorError
from streams.ingest.checkpoint import Checkpoint
from streams.kafka import client_arguments, plain_errors, start_client, topic_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.config import Loaded

FOLDER: Final = "notify"
POLL_MS: Final = 250
SAVE_SECONDS: Final = 5.0

log = structlog.get_logger(__name__)


async def serve(loaded: Loaded) -> None:
    """Run until SIGTERM or SIGINT; raises OperatorError where a receiver's address or Kafka can't be had for good."""
    receivers = [
        Receiver(loaded.config, loaded.directory, settings, Sender(settings)) for settings in loaded.config.notification
    ]
    checkpoint = Checkpoint(loaded.state / FOLDER, FOLDER)
    try:
        notifier = Notifier(loaded, receivers, checkpoint)
        async with health(loaded.config.health, lambda: notifier.trouble):
            await run_until_asked(notifier.run(), at_end=notifier.save)
    finally:
        checkpoint.close()


class Notifier:
    """Reads `alerts` from where it left it, keeps the book, and lets every receiver look."""

    def __init__(self, loaded: Loaded, receivers: Sequence[Receiver], checkpoint: Checkpoint) -> None:
        self._loaded = loaded
        self._receivers = receivers
        self._checkpoint = checkpoint
        self._book = Book([region.name for region in loaded.directory.region], _restored(checkpoint))
        self._changed = False
        self.trouble = "the log is still being read"

    async def run(self) -> None:
        """Follow until cancelled; while Kafka is away, say so once and try again. Raises what trying can't mend."""
        await follow_through(self._follow, self._away, "notify.waits_for_kafka")

    def _away(self, why: str) -> None:
        self.trouble = why

    def save(self) -> None:
        """Keep the book, durably."""
        self._checkpoint.save(self._book.saved)
        self._changed = False

    async def _follow(self) -> None:
        kafka, name = self._loaded.config.kafka, topic_name(self._loaded.config.topics, ALERTS)
        consumer = AIOKafkaConsumer(
            **client_arguments(kafka),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        await start_client(consumer, kafka)
        try:
            with plain_errors("to follow the changes of verdict"):
                partitions = await partitions_of(kafka, [name])
                if not partitions:
                    raise OperatorError(f"the topic {name}", "it is missing", "run `jun topics`", retry=True)
                consumer.assign(partitions)
                ends = await consumer.end_offsets(partitions)
                beginnings = await consumer.beginning_offsets(partitions)
                for partition, end in ends.items():
                    known = self._book.saved.offsets.get(partition.partition, 0)
                    # a topic that ends before what was read was made anew
                    at = beginnings[partition] if known > end else max(known, beginnings[partition])
                    consumer.seek(partition, at)
                await self._read(consumer, {partition.partition: end for partition, end in ends.items()})
        finally:
            await consumer.stop()

    async def _read(self, consumer: AIOKafkaConsumer, ends: dict[int, int]) -> None:
        loop = asyncio.get_running_loop()
        saved_at = loop.time()
        partitions = consumer.assignment()
        while True:
            for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                for record in records:
                    self._take(record.value or b"", record.timestamp)
            for partition in partitions:
                position = await consumer.position(partition)
                self._changed |= self._book.saved.offsets.get(partition.partition) != position
                self._book.saved.offsets[partition.partition] = position
            # what piled up is read to its end first: only how a region is at last is told
            if any(self._book.saved.offsets[partition] < end for partition, end in ends.items()):
                continue
            self.trouble = ""
            now = time.time_ns() // 1_000_000
            await asyncio.gather(*(receiver.look(self._book, now, self.save) for receiver in self._receivers))
            if self._changed and loop.time() - saved_at >= SAVE_SECONDS:
                self.save()
                saved_at = loop.time()

    def _take(self, value: bytes, published: int) -> None:
        try:
            transition = alerts_reader.read(value)
        except UnreadableError as error:
            log.warning("notify.unreadable", why=str(error))
            return
        self._changed |= self._book.take(transition, published=published, simulated=self._loaded.simulated)


def _restored(checkpoint: Checkpoint) -> Saved | None:
    """Give the book that was saved. A damaged one is told and left: who is silent must be told all the same."""
    try:
        return checkpoint.restore(Saved)
    except OperatorError as error:
        log.warning("notify.book_unreadable", why=str(error), then="what is young enough may be told again")
        return None
