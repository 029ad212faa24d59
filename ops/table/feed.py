"""Reads the topic `regions` from its beginning and follows it; a plain consumer without a group, so nobody notices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.codec import Reader, UnreadableError
from schemas.regions import RegionStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_READER: Final[Reader[RegionStatus]] = Reader(RegionStatus)
_POLL_MS: Final = 500

log = structlog.get_logger(__name__)


async def follow(
    arguments: Mapping[str, Any],
    topic: str,
    take: Callable[[RegionStatus], None],
    caught_up: Callable[[], None],
) -> None:
    """Hand every status to `take`, and call `caught_up` once, when what was there at the start has been handed over.

    `arguments` are those of an aiokafka client. Runs until it is cancelled. What can't be read is left out, with a
    line in the log.
    """
    consumer = AIOKafkaConsumer(**arguments, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        waiting = True
        while True:
            if waiting and await consumer.position(partition) >= end:
                waiting = False
                caught_up()
            for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                for record in records:
                    _take(record.value, take)
    finally:
        await consumer.stop()


def _take(value: bytes | None, take: Callable[[RegionStatus], None]) -> None:
    if value is None:
        return  # a tombstone
    try:
        status = _READER.read(value)
    except UnreadableError as error:
        log.warning("table.unreadable", reason=error.reason)
        return
    take(status)
