"""Ingest agents as processes on a real Kafka: their configuration, their topics, what they have written."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from ops.topics import ensure_topics
from schemas.codec import event_reader
from schemas.config import KafkaSettings, TopicSettings
from schemas.events import Heartbeat
from streams.ingest.pseudonyms import Pseudonyms
from streams.keys import new_keys, pseudonym_key

if TYPE_CHECKING:
    from collections.abc import Sequence

PARTITIONS = 4
ROOT = Path(__file__).parents[2]


class Place:
    """A folder with the configuration of one source, and the topics that belong to it."""

    def __init__(self, folder: Path, kafka: str, prefix: str, source: str, regions: Sequence[str]) -> None:
        self.folder = folder
        self.kafka = kafka
        self.prefix = prefix
        keys = new_keys(folder / "keys")
        self.pseudonyms = Pseudonyms(pseudonym_key(keys[0].read_text()))
        (folder / "jun.toml").write_text(
            f"""
            [kafka]
            embedded = false
            bootstrap_servers = "{kafka}"
            [topics]
            prefix = "{prefix}"
            partitions = {PARTITIONS}
            [state]
            folder = "state"
            [time]
            heartbeat_seconds = 0.1
            [privacy]
            pseudonym_key = {{ file = "keys/pseudonym.key" }}
            deadletter_public_key = {{ file = "keys/deadletter.public" }}
            {source}
            """
        )
        (folder / "regions.toml").write_text("".join(f'[[region]]\nname = "{region}"\n' for region in regions))

    async def make_topics(self) -> None:
        """Make the topics."""
        await ensure_topics(
            KafkaSettings(embedded=False, bootstrap_servers=self.kafka),
            TopicSettings(prefix=self.prefix, partitions=PARTITIONS),
        )

    async def values(self, topic: str = "events") -> list[list[bytes]]:
        """Give the values of a topic, of each partition in order."""
        async with Reader(self, topic) as reader:
            return await reader.values()


def first_places(partitions: Sequence[Sequence[bytes]]) -> dict[str, int]:
    """Give the partition of each event by its id.

    Fails where a watermark was ahead of what was sent, or a repeat lies in another partition than its first.
    """
    seen: dict[str, int] = {}
    for number, values in enumerate(partitions):
        complete_to = 0
        for value in values:
            read = event_reader.read(value)
            if isinstance(read, Heartbeat):
                complete_to = max(complete_to, read.complete_to)
            elif read.id not in seen:
                assert read.at >= complete_to, "a watermark was ahead of what was sent"
                seen[read.id] = number
            else:
                assert seen[read.id] == number, "a repeat would not meet its first in one agent's table"
    return seen


class Reader:
    """Looks into one topic."""

    def __init__(self, place: Place, topic: str = "events") -> None:
        self._topic = place.prefix + topic
        self._consumer = AIOKafkaConsumer(bootstrap_servers=place.kafka, auto_offset_reset="earliest")

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        self._places = [
            TopicPartition(self._topic, number)
            for number in sorted(await self._consumer._client._wait_on_metadata(self._topic))
        ]
        self._consumer.assign(self._places)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def count(self) -> int:
        """Give the number of records."""
        return sum((await self._consumer.end_offsets(self._places)).values())

    async def until_more_than(self, count: int) -> None:
        """Wait for more records than so many."""
        async with asyncio.timeout(60):
            while await self.count() <= count:
                pass  # each look is a request, which lets others run

    async def values(self) -> list[list[bytes]]:
        """Give the values, of each partition in order."""
        ends = await self._consumer.end_offsets(self._places)
        await self._consumer.seek_to_beginning(*self._places)
        found: list[list[bytes]] = [[] for _ in self._places]
        while any(len(found[place.partition]) < end for place, end in ends.items()):
            for place, records in (await self._consumer.getmany(timeout_ms=1_000)).items():
                found[place.partition] += [record.value for record in records if record.offset < ends[place]]
        return found


class Agent:
    """One `jun ingest` as a process."""

    def __init__(self, place: Place, name: str) -> None:
        self._output = (place.folder / "output.txt").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ops.cli", "ingest", name, "--config", str(place.folder / "jun.toml")],
            stdout=self._output,
            stderr=self._output,
            cwd=ROOT,
        )

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """End it as an operator does; give its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()
        self._output.close()
