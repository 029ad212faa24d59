"""The whole line in a folder of its own: configuration, topics, and its processes as an operator starts them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Protocol, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

from ops.topics import ensure_topics
from schemas.config import KafkaSettings, TopicSettings
from schemas.topics import ACTIVITY, EVENTS
from streams.agents.app import GROUP
from streams.kafka import client_arguments, topic_name
from streams.keys import new_keys
from tests.support.programs import jun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

PARTITIONS = 4
PATIENCE = 180.0
SESSION_SECONDS = 3
"""After how long the group takes a killed worker for dead: the shortest that the settings allow."""


async def until(condition: Callable[[], object], what: str, *parts: Watched, within: float = PATIENCE) -> None:
    """Return once `condition` holds; fails when time is up, or when one of `parts` has ended meanwhile."""
    end = time.monotonic() + within
    while not condition():
        for part in parts:
            part.check()
        told = "".join(f"\n{part.name}: {part.output()[-2000:]}" for part in parts)
        assert time.monotonic() < end, f"waited {within:g} s for {what}{told}"
        await asyncio.sleep(0.02)


class Watched(Protocol):
    """A process that should not end while something is waited for."""

    name: str

    def check(self) -> None:
        """Fail where it has ended."""

    def output(self) -> str:
        """Give what it has written."""


class Part:
    """One process of the line; what it writes goes to `log`."""

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self._log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
                env={**os.environ, "JUN_DEBUG": "1", **environment},
            )

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def check(self) -> None:
        """Fail where it has ended."""
        assert self.running, f"{self.name} ended with {self.process.returncode}: {self.output()[-3000:]}"

    def output(self) -> str:
        """Give what all processes of this name have written."""
        return self._log.read_text("utf-8", "replace")

    def kill(self) -> None:
        """End it as a crash does; that it had not ended by itself is checked."""
        self.check()
        self.process.kill()
        assert self.process.wait(10) == -signal.SIGKILL

    async def stop(self, *, within: float = 60, by: signal.Signals = signal.SIGTERM) -> float:
        """End it as an operator does; gives the seconds that it took. Its exit code is checked."""
        began = time.monotonic()
        self.process.send_signal(by)
        await until(lambda: not self.running, f"{self.name} to end", within=within)
        assert self.process.returncode == 0, f"{self.process.returncode}: {self.output()[-3000:]}"
        return time.monotonic() - began


class Line:
    """A line whose processes the test starts one by one; whatever still runs at the end of the block is killed.

    `regions` have 500 people each; those of `shards` are spread. `sources` and `more` are TOML, for jun.toml. Of
    `copies` of each partition all but one must be in sync.
    """

    def __init__(
        self,
        folder: Path,
        kafka: str,
        prefix: str,
        regions: Sequence[str],
        *,
        sources: str = "",
        more: str = "",
        time_settings: str = "heartbeat_seconds = 0.1",
        shards: Mapping[str, int] | None = None,
        copies: int = 1,
    ) -> None:
        self.folder = folder
        self.kafka = KafkaSettings(embedded=False, bootstrap_servers=kafka)
        self.topics = TopicSettings(
            prefix=prefix, partitions=PARTITIONS, replication=copies, minimum_in_sync=max(copies - 1, 1)
        )
        self.parts: list[Part] = []
        self._environment: dict[str, str] = {}
        new_keys(folder / "keys")
        (folder / "jun.toml").write_text(
            f"""
            [kafka]
            embedded = false
            bootstrap_servers = "{kafka}"
            session_timeout_seconds = {SESSION_SECONDS}
            [topics]
            prefix = "{prefix}"
            partitions = {PARTITIONS}
            replication = {copies}
            minimum_in_sync = {max(copies - 1, 1)}
            [state]
            folder = "state"
            [time]
            {time_settings}
            [privacy]
            pseudonym_key = {{ file = "keys/pseudonym.key" }}
            deadletter_public_key = {{ file = "keys/deadletter.public" }}
            [exporter]
            port = 0
            {sources}
            {more}
            """
        )
        directory(folder / "regions.toml", regions, shards or {})

    async def __aenter__(self) -> Self:
        await ensure_topics(self.kafka, self.topics)
        return self

    async def __aexit__(self, *_: object) -> None:
        for part in self.parts:
            if part.running:
                part.process.kill()
                part.process.wait(10)

    def start(self, *arguments: str, name: str = "", environment: Mapping[str, str] | None = None) -> Part:
        """Start `jun` with some arguments and the configuration of this line."""
        name = name or "-".join(arguments)
        command = jun(*arguments, "--config", str(self.folder / "jun.toml"))
        part = Part(name, command, self.folder / f"{name}.log", environment or {})
        self.parts.append(part)
        return part

    def worker(self, name: str = "worker") -> Part:
        """Start a worker."""
        return self.start("worker", name=name)

    async def until_committed(self, *parts: Part, control_records: int = 0) -> None:
        """Wait until the workers' group has committed all but the last `control_records` of what they read.

        They commit what they have flushed, so that afterwards they have nothing to do.
        """
        names = [topic_name(self.topics, topic) for topic in (EVENTS, ACTIVITY)]
        async with AIOKafkaConsumer(
            **client_arguments(self.kafka), group_id=topic_name(self.topics, GROUP), enable_auto_commit=False
        ) as consumer:
            places = [
                TopicPartition(name, partition)
                for name in names
                for partition in await consumer._client._wait_on_metadata(name)
            ]
            consumer.assign(places)
            behind = places
            while behind:
                for part in parts:
                    part.check()
                ends = await consumer.end_offsets(places)
                behind = [
                    place
                    for place, end in ends.items()
                    if (await consumer.committed(place) or 0) < end - control_records
                ]

    async def owners(self) -> list[list[int]]:
        """Give, for each worker that has any, the partitions of `events` that it owns."""
        admin = AIOKafkaAdminClient(**client_arguments(self.kafka))
        await admin.start()
        try:
            (answer,) = await admin.describe_consumer_groups([topic_name(self.topics, GROUP)])
        finally:
            await admin.close()
        events = topic_name(self.topics, EVENTS)
        owned = []
        for _, _, _, _, _, members, *_ in answer.groups:
            for member in members:
                assignment = ConsumerProtocolMemberAssignment.decode(member[4]).assignment if member[4] else []
                owned.append(sorted(number for topic, numbers in assignment if topic == events for number in numbers))
        return [one for one in owned if one]

    async def until_in_sync(self) -> None:
        """Wait until every copy of every partition has everything."""
        admin = AIOKafkaAdminClient(**client_arguments(self.kafka))
        await admin.start()
        try:
            behind = True
            while behind:
                topics = await admin.describe_topics()
                behind = any(len(one["isr"]) < len(one["replicas"]) for topic in topics for one in topic["partitions"])
        finally:
            await admin.close()

    async def exporter(self) -> str:
        """Start an exporter; gives the address of its figures."""
        part = self.start("exporter")
        await until(lambda: "/metrics" in part.output(), "the exporter's address", part)
        return next(word for word in part.output().split() if word.endswith("/metrics"))


def directory(file: Path, regions: Sequence[str], shards: Mapping[str, int]) -> None:
    """Write a directory of regions of 500 people."""
    file.write_text(
        "".join(
            f'[[region]]\nname = "{region}"\nheadcount = 500\nshards = {shards.get(region, 1)}\n' for region in regions
        )
    )
