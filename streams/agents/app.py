"""The Faust app of a worker: the engagement agent over `events` and the region agent over `activity`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import faust
from faust.types import TP
from yarl import URL

from schemas.topics import ACTIVITY, ENGAGEMENT_STATE, EVENTS, REGION_STATE
from streams.agents.keeper import Keeper
from streams.agents.table import StateTable
from streams.agents.transport import RunSchema, Transport
from streams.agents.works import ActivityWork, EventsWork, Letters
from streams.errors import OperatorError
from streams.kafka import topic_name

if TYPE_CHECKING:
    from nacl.public import PublicKey

    from schemas.config import Config, KafkaSettings
    from schemas.directory import Directory
    from streams.agents.keeper import Work
    from streams.agents.table import Entries

GROUP: Final = "worker"
FLUSH_SECONDS: Final = 1.0
RUNS_BUFFERED: Final = 4
"""Runs that wait between the consumer and the agents; a run is up to transport.FETCH_BYTES."""


class WorkerApp(faust.App):  # type: ignore[misc]  # Faust is untyped for mypy
    """A Faust app with the batch transport, and tables that are restored by the highest offset.

    Must be made inside the running loop. After `start`, call `flush` each second.
    """

    def __init__(self, config: Config, directory: Directory, seal_to: PublicKey | None) -> None:
        self.kafka: KafkaSettings = config.kafka
        self.keepers: dict[str, Keeper] = {}
        super().__init__(
            topic_name(config.topics, GROUP),
            broker="kafka://" + config.kafka.bootstrap_servers.split(",")[0].strip(),
            store="memory://",
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            topic_partitions=config.topics.partitions,
            table_standby_replicas=0,
            stream_wait_empty=False,
            stream_recovery_delay=0.0,
            stream_buffer_maxsize=RUNS_BUFFERED,
            broker_commit_interval=FLUSH_SECONDS,
            broker_session_timeout=float(config.kafka.session_timeout_seconds),
            broker_heartbeat_interval=config.kafka.session_timeout_seconds / 3,
            broker_max_poll_interval=300.0,
            consumer_auto_offset_reset="earliest",
        )
        letters = Letters(config, seal_to)

        def events_work(partition: int, entries: Entries) -> Work:
            return EventsWork(partition, entries, config, directory, letters)

        def activity_work(_: int, entries: Entries) -> Work:
            return ActivityWork(entries, config, directory, letters)

        folder = Path(config.state.folder) / "tables" if config.state.store == "rocksdb" else None
        for source, changelog, count, make in (
            (EVENTS, ENGAGEMENT_STATE, config.topics.partitions, events_work),
            (ACTIVITY, REGION_STATE, 1, activity_work),
        ):
            keeper = Keeper(self, topic_name(config.topics, source), topic_name(config.topics, changelog), make)
            self.keepers[keeper.source] = keeper
            self._add(keeper, changelog, count, folder)
        self.on_partitions_revoked.connect(self._on_revoked)

    def _add(self, keeper: Keeper, table: str, partitions: int, folder: Path | None) -> None:
        schema = RunSchema()
        keeper.table = StateTable(
            self,
            restored=keeper.restored,
            folder=folder,
            name=table,
            partitions=partitions,
            changelog_topic=self.topic(keeper.changelog, schema=schema, partitions=partitions, acks=False),
        )
        self.tables.add(keeper.table)

        async def fold(stream: Any) -> None:
            try:
                async for event in stream.noack().events():
                    await keeper.take(event)
            except Exception as error:
                await self.crash(error)
                raise

        topic = self.topic(keeper.source, schema=schema, partitions=partitions, acks=True)
        self.agent(topic, name=f"{GROUP}.{table}", concurrency=1)(fold)

    def _create_directories(self) -> None:
        """Make none of Faust's folders, which stand in the working folder: nothing is kept in them."""

    # -- the transport

    def _new_transport(self) -> Transport:
        return Transport([URL(str(url)) for url in self.conf.broker_consumer], self)

    def _new_producer_transport(self) -> Transport:
        return Transport([URL(str(url)) for url in self.conf.broker_producer], self)

    # -- what transport and tables ask

    @property
    def source_topics(self) -> set[str]:
        """The topics that the agents read."""
        return set(self.keepers)

    def starts(self) -> dict[TP, int]:
        """Give the offsets from which the source partitions are to be read."""
        return {tp: start for keeper in self.keepers.values() for tp, start in keeper.starts().items()}

    def kept(self, changelog: str, generation: int) -> dict[TP, int]:
        """Give the changelog partitions whose state needs no recovery, with the offset it has been written to."""
        for keeper in self.keepers.values():
            if keeper.changelog == changelog:
                return {TP(changelog, partition): offset for partition, offset in keeper.kept(generation).items()}
        return {}

    # -- flushing

    async def _on_revoked(self, _app: Any, _revoked: Any, **_: Any) -> None:
        for keeper in self.keepers.values():
            await keeper.revoked()

    async def flush(self) -> None:
        """Make everything that has been folded durable; raises OperatorError after a flush that was broken off."""
        for keeper in self.keepers.values():
            await keeper.flush()
            if keeper.torn:
                raise OperatorError(
                    f"the state of {keeper.source} to be written", "writing it was broken off",
                    "the worker ends to be started again, and goes on from what was written before", retry=True,
                )  # fmt: skip

    def records(self) -> int:
        """Give how many records have been folded since the start, for a watchdog."""
        return sum(keeper.records for keeper in self.keepers.values())
