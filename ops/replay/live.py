"""Reads what was published live, as far as it is wanted, beside a replay. No group, no commits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.kafka import client_arguments, plain_errors, start_client, topic_name
from streams.replay.stretch import find_stretches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.config import Config
    from streams.replay.plan import Stretch

WAIT_MS: Final = 1_000


class LiveTopic:
    """The one partition of a topic, read from where a stretch of time begins to where it ended at the start."""

    def __init__(self, config: Config, topic: str, since: int, position: int = 0) -> None:
        """Prepare to read what was written since `since` (ms), or what stands at `position` and after it."""
        self._loop = asyncio.new_event_loop()
        self._config = config
        self._place = TopicPartition(topic_name(config.topics, topic), 0)
        self._stretch: Stretch = self._loop.run_until_complete(find_stretches(config, topic, since))[0]
        self.position = max(position, self._stretch.start)
        self._consumer: Any = None

    @property
    def ended(self) -> bool:
        """Whether everything has been read that was there at the start."""
        return self.position >= self._stretch.stop

    def more(self) -> Iterator[bytes]:
        """Give the next values; none at the end."""
        if not self.ended:
            yield from self._loop.run_until_complete(self._more())

    async def _more(self) -> list[bytes]:
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(
                **client_arguments(self._config.kafka), enable_auto_commit=False, isolation_level="read_committed"
            )
            await start_client(self._consumer, self._config.kafka)
            self._consumer.assign([self._place])
            self._consumer.seek(self._place, self.position)
        with plain_errors(f"to read {self._place.topic}"):
            found = await self._consumer.getmany(self._place, timeout_ms=WAIT_MS)
            self.position = await self._consumer.position(self._place)
        return [
            record.value
            for records in found.values()
            for record in records
            if record.value is not None and record.offset < self._stretch.stop
        ]

    def close(self) -> None:
        """Close the connection."""
        if self._consumer is not None:
            self._loop.run_until_complete(self._consumer.stop())
        self._loop.close()
