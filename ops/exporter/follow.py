"""Follows the topics with one plain consumer: without a group, so that nothing is committed or handed out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct

from ops.exporter import counts
from ops.exporter.counts import LogCounts
from ops.exporter.partitions import partitions_of
from ops.following import follow_through
from schemas import topics
from schemas.codec import Reader, UnreadableError
from schemas.deadletter import Reason, Redriven
from schemas.regions import RegionStatus, Transition
from schemas.version import Version, version_field
from streams.errors import OperatorError
from streams.kafka import client_arguments, plain_errors, start_client, topic_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aiokafka import ConsumerRecord

    from ops.exporter.known import Known

log = structlog.get_logger(__name__)

FOLLOWED: Final = (topics.REGIONS, topics.ALERTS, topics.DEADLETTER)
MARK: Final = str(Redriven.__struct_config__.tag)
POLL_MS: Final = 500
SAVE_SECONDS: Final = 5.0


class Refused(Struct, frozen=True):
    """What a dead letter is counted by; the rest of it is not looked at.

    A mark that one was sent again stands in the same topic; it has no reason and is not counted.
    """

    source: str
    reason: Reason | None = None
    type: str = "letter"
    v: Version = version_field()


regions_reader: Final[Reader[RegionStatus]] = Reader(RegionStatus)
alerts_reader: Final[Reader[Transition]] = Reader(Transition)
deadletter_reader: Final[Reader[Refused]] = Reader(Refused)


class Follower:
    """Reads the topics from where it left them and tells `known`; keeps the counts in `file`."""

    def __init__(self, known: Known, file: Path) -> None:
        self._known = known
        self._file = file
        self._kafka = known.config.kafka
        self._names = {name: topic_name(known.config.topics, name) for name in FOLLOWED}
        self._take: dict[str, Callable[[ConsumerRecord[bytes, bytes]], None]] = {
            self._names[topics.REGIONS]: self._take_region,
            self._names[topics.ALERTS]: self._take_transition,
            self._names[topics.DEADLETTER]: self._take_dead_letter,
        }
        self._positions: dict[TopicPartition, int] = {}
        self._goal: dict[TopicPartition, int] = {}
        self._saved = counts.load(file)
        known.restore(
            transitions=LogCounts(self._saved.get(self._names[topics.ALERTS])),
            dead_letters=LogCounts(self._saved.get(self._names[topics.DEADLETTER])),
        )

    async def run(self) -> None:
        """Follow until cancelled; while Kafka is away, say so once and try again. Raises what trying can't mend."""
        await follow_through(self._follow, lambda _: self._known.note(broker_up=False), "exporter.waits_for_kafka")

    async def _follow(self) -> None:
        consumer = AIOKafkaConsumer(
            **client_arguments(self._kafka),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        await start_client(consumer, self._kafka)
        try:
            with plain_errors("to follow what was released"):
                await self._begin(consumer)
                await self._read(consumer)
        finally:
            await consumer.stop()

    async def _begin(self, consumer: AIOKafkaConsumer) -> None:
        partitions = await partitions_of(self._kafka, self._names.values())
        missing = sorted(set(self._names.values()) - {partition.topic for partition in partitions})
        if missing:
            raise OperatorError(
                f"the topics {', '.join(self._names.values())}",
                f"{', '.join(missing)} is missing",
                "run `jun topics`",
                retry=True,
            )
        consumer.assign(partitions)
        beginnings = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        self._goal = self._goal or ends
        for partition, offset in {**beginnings, **self._counted(beginnings, ends), **self._positions}.items():
            self._positions[partition] = max(offset, beginnings[partition])
            consumer.seek(partition, self._positions[partition])

    def _counted(
        self, beginnings: dict[TopicPartition, int], ends: dict[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        starts: dict[TopicPartition, int] = {}
        for topic, counted in self._counters().items():
            first = {tp.partition: offset for tp, offset in beginnings.items() if tp.topic == topic}
            last = {tp.partition: offset for tp, offset in ends.items() if tp.topic == topic}
            starts |= {TopicPartition(topic, p): offset for p, offset in counted.start(first, last).items()}
        return starts

    def _counters(self) -> dict[str, LogCounts]:
        return {
            self._names[topics.ALERTS]: self._known.transitions,
            self._names[topics.DEADLETTER]: self._known.dead_letters,
        }

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        loop = asyncio.get_running_loop()
        saved_at = loop.time()
        while True:
            fetched = await consumer.getmany(timeout_ms=POLL_MS)
            for partition, records in fetched.items():
                take = self._take[partition.topic]
                for record in records:
                    take(record)
            for partition in self._positions:
                self._positions[partition] = await consumer.position(partition)
            if not self._known.caught_up:
                self._look_for_the_goal()
            if loop.time() - saved_at >= SAVE_SECONDS:
                self.save()
                saved_at = loop.time()

    def _look_for_the_goal(self) -> None:
        if all(self._positions[partition] >= end for partition, end in self._goal.items()):
            self._known.note(lag=self._known.lag, broker_up=True, caught_up=True)
            log.info("exporter.caught_up", regions=len(self._known.statuses))

    def save(self) -> None:
        """Keep the counts, where they changed; a full disk is told and tried again."""
        now = {topic: counted.saved() for topic, counted in self._counters().items()}
        if now == self._saved:
            return
        try:
            counts.save(self._file, now)
        except OSError as error:
            log.warning("exporter.counts_not_saved", file=str(self._file), why=error.strerror)
        else:
            self._saved = now

    def _take_region(self, record: ConsumerRecord[bytes, bytes]) -> None:
        if record.key is None:
            self._unreadable(record, "wanted the region as the key, got none")
            return
        name = record.key.decode("utf-8", "replace")
        if record.value is None:
            self._known.take_status(name, None)
            return
        try:
            self._known.take_status(name, regions_reader.read(record.value))
        except UnreadableError as error:
            self._unreadable(record, str(error))

    def _take_transition(self, record: ConsumerRecord[bytes, bytes]) -> None:
        change = None
        try:
            transition = alerts_reader.read(record.value or b"")
        except UnreadableError as error:
            self._unreadable(record, str(error))
        else:
            change = (transition.region, transition.new) if transition.scope == "region" else None
        self._known.take_transition(record.partition, record.offset, change)

    def _take_dead_letter(self, record: ConsumerRecord[bytes, bytes]) -> None:
        source = (record.key or b"").decode("utf-8", "replace")
        try:
            letter = deadletter_reader.read(record.value or b"")
        except UnreadableError as error:
            self._unreadable(record, str(error))
            letter = Refused(source, "unreadable")
        reason = "" if letter.type == MARK else letter.reason or "unreadable"
        self._known.take_dead_letter(record.partition, record.offset, letter.source, reason)

    def _unreadable(self, record: ConsumerRecord[bytes, bytes], why: str) -> None:
        topic = record.topic.removeprefix(self._known.config.topics.prefix)
        self._known.unreadable[topic] += 1
        self._known.version += 1
        if self._known.unreadable[topic] == 1:  # the counter tells of the others
            log.warning("exporter.unreadable", topic=record.topic, offset=record.offset, why=why)
