"""Looks at the topics of a worker before it starts: with a wrong number of partitions it would wait for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka.errors import UnknownTopicOrPartitionError

from schemas.topics import ACTIVITY, ENGAGEMENT_STATE, EVENTS, REGION_STATE
from streams.errors import OperatorError
from streams.kafka import make_producer, start_client, topic_name

if TYPE_CHECKING:
    from schemas.config import Config


async def check_topics(config: Config) -> None:
    """Raise OperatorError where Kafka is away, or where a topic is missing or has other partitions than configured."""
    partitions = config.topics.partitions
    producer = make_producer(config.kafka)
    await start_client(producer, config.kafka)
    try:
        for topic, wanted in ((EVENTS, partitions), (ENGAGEMENT_STATE, partitions), (ACTIVITY, 1), (REGION_STATE, 1)):
            name = topic_name(config.topics, topic)
            try:
                found = len(await producer.partitions_for(name))
            except UnknownTopicOrPartitionError as error:
                raise OperatorError(
                    f"the topic {name}", "Kafka does not have it", "run `jun topics`", retry=True
                ) from error
            if found != wanted:
                raise OperatorError(
                    f"{wanted} partitions of the topic {name}", f"it has {found}",
                    "set topics.partitions to what `events` has; if topics of state differ, delete both, make them "
                    "anew with `jun topics`, and a worker folds `events` again", retry=False,
                )  # fmt: skip
    finally:
        await producer.stop()
