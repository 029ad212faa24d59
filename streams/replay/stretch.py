"""Finds where in the log a stretch of time stands. Looks only: no group, no commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.errors import OperatorError
from streams.kafka import client_arguments, plain_errors, start_client, topic_name
from streams.replay.plan import Stretch

if TYPE_CHECKING:
    from typing import Any

    from schemas.config import Config


async def find_stretches(config: Config, topic: str, since: int) -> dict[int, Stretch]:
    """Give, for each partition of `topic` (a name of schemas.topics), what was written since `since` (ms) until now.

    Kafka's timestamp of a record is the time of its ingest, which is not before that of the event: what happened since
    `since` was written since then. Raises OperatorError.
    """
    name = topic_name(config.topics, topic)
    consumer = AIOKafkaConsumer(
        **client_arguments(config.kafka), enable_auto_commit=False, isolation_level="read_committed"
    )
    await start_client(consumer, config.kafka)
    try:
        with plain_errors(f"the topic {name}"):
            if name not in await consumer.topics():
                raise OperatorError(f"the topic {name}", "it is not there", "run `jun topics` or `jun up`", retry=False)
            found = await consumer._client._wait_on_metadata(name)  # noqa: SLF001 (as aiokafka's own producer asks)
            return await _stretches(consumer, [TopicPartition(name, number) for number in sorted(found)], since)
    finally:
        await consumer.stop()


async def _stretches(consumer: Any, places: list[TopicPartition], since: int) -> dict[int, Stretch]:
    first = await consumer.beginning_offsets(places)
    ends = await consumer.end_offsets(places)
    oldest = await consumer.offsets_for_times(dict.fromkeys(places, 0))
    starts = await consumer.offsets_for_times(dict.fromkeys(places, max(since, 0)))
    stretches = {}
    for place in places:
        start = starts[place].offset if starts[place] else ends[place]
        begins_at = oldest[place].timestamp if oldest[place] else -1
        stretches[place.partition] = Stretch(
            start=max(start, first[place]),
            stop=ends[place],
            begins_at=begins_at,
            cut_off=begins_at > since and first[place] > 0,
        )
    return stretches
