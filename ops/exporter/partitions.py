"""Which partitions topics have: asked of Kafka without naming a topic, since naming one might create it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from streams.kafka import client_arguments, start_client

if TYPE_CHECKING:
    from collections.abc import Collection

    from schemas.config import KafkaSettings


async def partitions_of(settings: KafkaSettings, names: Collection[str]) -> list[TopicPartition]:
    """Connect to Kafka and give the partitions of those of the topics that exist."""
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    await start_client(admin, settings)
    try:
        return await partitions_in(admin, names)
    finally:
        await admin.close()


async def partitions_in(admin: AIOKafkaAdminClient, names: Collection[str]) -> list[TopicPartition]:
    """Give the partitions of those of the topics that exist, in order."""
    return sorted(
        TopicPartition(topic["topic"], partition["partition"])
        for topic in await admin.describe_topics()
        if topic["topic"] in names
        for partition in topic["partitions"]
    )
