"""The batch transport: Faust's consumer hands an agent one event for each fetched run of one partition's records.

Faust takes every record through four futures and a queue, which costs seventy times the fold. Here a run of records is
one message: its value is the `fetch.Run`, its offset the run's last. What else differs from Faust's own consumer: the
isolation level is read_committed; source partitions start where the tables say, never at the committed offset;
what was fetched before that seek is thrown away; acknowledgements come in order: the highest is committed.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import faust
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.fetch import Run, check_consumer, fetch_runs
from streams.kafka import client_arguments, make_producer
from streams.receive import receive_in_place

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiokafka import AIOKafkaProducer

    from streams.agents.app import WorkerApp

FETCH_WAIT_MS: Final = 100
"""How long the broker may hold a fetch back that has less than FETCH_LEAST_BYTES, so that runs are worth their cost."""
FETCH_LEAST_BYTES: Final = 64 << 10
"""Bytes of all partitions together that are answered at once."""
FETCH_BYTES: Final = 3 << 20
"""Bytes of one partition in a fetch; a larger single batch still comes whole. A run has a cost of its own: in catching
up, runs of 1 MiB took a tenth more CPU; with those of 4 MiB, 8 in a fetch, memory comes close to 400 MB.
"""
FETCH_MOST_BYTES: Final = 4 << 20
"""Bytes of all partitions together in a fetch, which are in memory several times while they are taken apart."""


class RunSchema(faust.Schema):  # type: ignore[misc]  # Faust is untyped for mypy
    """Passes a run on as it is: decoding is the fold's business."""

    def compile(self, app: Any, **_: Any) -> Any:
        """Give the decoder of messages."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:  # noqa: ARG001 - Faust's signature
            return app.create_event(None, message.value, None, message)

        return decode


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The thread in which aiokafka's consumer lives."""

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        app: WorkerApp = transport.app
        conf = app.conf
        self._assignor = app.assignor
        consumer = AIOKafkaConsumer(
            **client_arguments(app.kafka),
            client_id=conf.broker_client_id,
            group_id=conf.id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_bytes=FETCH_MOST_BYTES,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_min_bytes=FETCH_LEAST_BYTES,
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            isolation_level="read_committed",
        )
        check_consumer(consumer)
        receive_in_place(consumer)
        return consumer

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP] | None,
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,  # noqa: ARG002 - Faust's signature
    ) -> dict[TP, Run]:
        if not self.consumer.flow_active or not active_partitions:
            return {}
        assigned = consumer.assignment()
        wanted = [tp for tp in active_partitions if tp in assigned]
        runs = await fetch_runs(consumer, wanted, wait=timeout or 0) if wanted else {}
        sources = self.consumer.app.source_topics
        return {tp: run.values_only() if tp.topic in sources else run for tp, run in runs.items()}


class Consumer(driver.Consumer):  # type: ignore[misc]
    """Gives runs, starting each source partition where its state ends."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._expected: dict[TP, int] = {}
        self._sought = -1
        self._asked_again: set[tuple[TP, int]] = set()

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Seek every source partition to where its state says; until then nothing of it is handed on."""
        generation = self.app.consumer_generation_id
        starts: dict[TP, int] = self.app.starts()
        assigned = self.assignment()
        starts = {tp: start for tp, start in starts.items() if tp in assigned}
        if starts:
            earliest = await self.earliest_offsets(*starts)
            starts = {tp: max(start, earliest.get(tp) or 0) for tp, start in starts.items()}
            for tp in starts:
                self._committed_offset.pop(tp, None)
            self._expected = dict(starts)
            await self.seek_wait(starts)
        self._sought = generation

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 - Faust's signature
        """Give one message for each run that has been fetched."""
        runs, active = await self._wait_next_records(timeout)
        # the generation is read after the fetch: read before, runs of a recovery that has just begun would be lost
        generation = self.app.consumer_generation_id
        if not runs or self.should_stop:
            return
        for tp, run in runs.items():
            if not self.flow_active or self.app.consumer_generation_id != generation:
                return
            if active is not None and tp not in active and tp not in self._buffered_partitions:
                continue
            if tp.topic in self.app.source_topics and not await self._is_next(tp, run, generation):
                continue
            yield tp, self._message(tp, run, generation)

    async def _is_next(self, tp: TP, run: Run, generation: int) -> bool:
        """Say whether the run follows what was handed on; seek back once where it does not."""
        if self._sought != generation or tp not in self._expected:
            return False
        expected = self._expected[tp]
        if run.start != expected:
            if (tp, expected) not in self._asked_again:
                self._asked_again.add((tp, expected))
                with contextlib.suppress(Exception):  # a rebalance on the way seeks by itself
                    await self.seek_wait({tp: expected})
                return False
            if run.start < expected:
                return False
            self.log.error("records_lost topic=%s partition=%s wanted=%s got=%s: retention was faster than the worker",
                           tp.topic, tp.partition, expected, run.start)  # fmt: skip
        self._expected[tp] = run.next_offset
        return True

    def _message(self, tp: TP, run: Run, generation: int) -> ConsumerMessage:
        return ConsumerMessage(
            tp.topic, tp.partition, run.last_offset, None, 0, [], None, run, None, 0, 0, tp, generation_id=generation
        )

    def _new_offset(self, tp: TP) -> int | None:
        """Give the offset to commit: runs are acknowledged in order, so it is the highest."""
        acked = self._acked[tp]
        if not acked:
            return None
        highest = int(max(acked))
        self._acked_index[tp].difference_update(acked)
        acked.clear()
        return highest + 1

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: gaps between runs are control records, aborted or compacted ones."""

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: run.py watches over the progress of the whole worker."""


class Producer(driver.Producer):  # type: ignore[misc]
    """Faust's producer with our own settings: acks=all and idempotent; the keepers write through it."""

    def _new_producer(self, transactional_id: str | None = None) -> AIOKafkaProducer:  # noqa: ARG002
        return make_producer(self.app.kafka)

    @property
    def kafka(self) -> AIOKafkaProducer:
        """The producer of aiokafka; raises faust.exceptions.NotReady before the start."""
        return self._ensure_producer()


class Transport(driver.Transport):  # type: ignore[misc]
    """What the app is to use in place of Faust's transport for Kafka."""

    Consumer = Consumer
    Producer = Producer
