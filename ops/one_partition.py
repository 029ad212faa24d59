"""A topic of one partition, opened to be read once, from its beginning up to where it ends now."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.errors import OperatorError
from streams.kafka import client_arguments, plain_errors, start_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from schemas.config import Config


class Stretch(NamedTuple):
    """The partition with a consumer of its own: offsets from `beginning` on, before `end`."""

    consumer: Any
    partition: TopicPartition
    beginning: int
    end: int


@asynccontextmanager
async def open_topic(config: Config, topic: str) -> AsyncIterator[Stretch]:
    """Open a topic by its full name; nothing is committed.

    Raises OperatorError where Kafka or the topic can't be reached.
    """
    consumer = AIOKafkaConsumer(
        enable_auto_commit=False, auto_offset_reset="earliest", **client_arguments(config.kafka)
    )
    await start_client(consumer, config.kafka)
    try:
        with plain_errors(f"the topic {topic}"):
            if topic not in await consumer.topics():
                raise OperatorError(
                    f"the topic {topic}", "it is not there", "run `jun topics` or `jun up`", retry=False
                )
            partition = TopicPartition(topic, 0)
            consumer.assign([partition])
            beginning = (await consumer.beginning_offsets([partition]))[partition]
            end = (await consumer.end_offsets([partition]))[partition]
        yield Stretch(consumer, partition, beginning, end)
    finally:
        await consumer.stop()
