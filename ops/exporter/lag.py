"""How far the workers are behind: what they have acknowledged against the ends of what they read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from ops.exporter.partitions import partitions_in
from schemas import topics
from streams.errors import OperatorError
from streams.kafka import client_arguments, start_client, topic_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.exporter.known import Known
    from schemas.config import Config

READ_BY_WORKERS: Final = (topics.EVENTS, topics.ACTIVITY)
EVERY: Final = 2.0
PATIENCE: Final = 5.0
"""Seconds after which an answer of Kafka's no longer counts as one."""

Offsets = dict[TopicPartition, int]


def worker_group(config: Config) -> str:
    """Give the consumer group of the workers."""
    return topic_name(config.topics, "worker")


def behind(beginnings: Mapping[TopicPartition, int], ends: Offsets, committed: Mapping[TopicPartition, int]) -> Offsets:
    """Give the records of each partition that come after the commit; all that there are where there is none.

    Workers commit what their state holds, and don't start from there, so that this is for showing only. A control
    record that a foreign transaction left at the very end counts as one that is never read.
    """
    return {
        partition: max(0, end - max(beginnings[partition], committed.get(partition, 0)))
        for partition, end in ends.items()
    }


async def watch(known: Known, group: str) -> None:
    """Tell `known` every few seconds, until cancelled; while Kafka does not answer there is no lag to tell."""
    while True:
        try:
            await _watch(known, group)
        except (KafkaError, OperatorError, TimeoutError):
            known.note(broker_up=False)
        await asyncio.sleep(EVERY)


async def _watch(known: Known, group: str) -> None:
    settings = known.config.kafka
    admin = AIOKafkaAdminClient(**client_arguments(settings))
    consumer = AIOKafkaConsumer(**client_arguments(settings), isolation_level="read_committed")
    await start_client(admin, settings)
    try:
        await start_client(consumer, settings)
        try:
            while True:
                async with asyncio.timeout(PATIENCE):
                    found = await look(known, admin, consumer, group)
                known.note(lag=found, broker_up=True)
                await asyncio.sleep(EVERY)
        finally:
            await consumer.stop()
    finally:
        await admin.close()


async def look(
    known: Known, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, group: str
) -> dict[tuple[str, int], int]:
    """Ask Kafka once; gives the records behind by topic (without its prefix) and partition."""
    names = {topic_name(known.config.topics, name): name for name in READ_BY_WORKERS}
    partitions = await partitions_in(admin, names)
    if not partitions:
        return {}
    beginnings = await consumer.beginning_offsets(partitions)
    ends = await consumer.end_offsets(partitions)
    answered = await admin.list_consumer_group_offsets(group)
    committed = {partition: found.offset for partition, found in answered.items()}
    lag = behind(beginnings, ends, committed)
    return {(names[partition.topic], partition.partition): records for partition, records in lag.items()}
