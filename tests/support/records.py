"""Writes a few records to a real broker and reads all that a topic has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.kafka import make_producer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.config import KafkaSettings


async def write(kafka: KafkaSettings, topic: str, values: Iterable[bytes]) -> None:
    """Write `values` one after the other, each acknowledged before this returns."""
    async with make_producer(kafka) as producer:
        for sent in [await producer.send(topic, value) for value in values]:
            await sent


async def read_all(kafka: KafkaSettings, topic: str) -> list[bytes]:
    """Read every value of `topic` from its beginning to the end that it has now, partition by partition."""
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest", enable_auto_commit=False
    ) as consumer:
        partitions = sorted(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        found: dict[TopicPartition, list[bytes]] = {partition: [] for partition in partitions}
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                found[partition] += [record.value for record in records]
    return [value for partition in partitions for value in found[partition]]
