from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, NotLeaderForPartitionError, OutOfOrderSequenceNumber
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.config import KafkaSettings
from streams.errors import OperatorError
from streams.ingest import producer as module
from streams.ingest.outlet import Record
from streams.ingest.producer import Producer


class Log:
    """What a cluster has, and how its next answers are; None is a good one."""

    def __init__(self, *answers: Exception | None) -> None:
        self.partitions: dict[tuple[str, int], list[bytes]] = {}
        self.answers = list(answers)
        self.connections: list[Exception] = []
        self.open = asyncio.Event()
        self.open.set()
        self.clients = 0
        self.batches = 0

    def client(self, *_: Any, **__: Any) -> Client:
        """Connect once more."""
        self.clients += 1
        return Client(self)


class Batch:
    """A batch as aiokafka builds it."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def append(self, **record: Any) -> None:
        """Keep the value."""
        self.values.append(record["value"])


class Client:
    """What of aiokafka's producer is used."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._stopped = False

    async def start(self) -> None:
        """Connect, or fail as told."""
        if self._log.connections:
            raise self._log.connections.pop(0)

    async def stop(self) -> None:
        """Be of no more use."""
        self._stopped = True

    async def partitions_for(self, _topic: str) -> set[int]:
        """Give three."""
        return {0, 1, 2}

    def create_batch(self) -> Batch:
        """Begin a batch."""
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> Any:
        """Give the future of an answer."""
        assert not self._stopped

        async def answer() -> None:
            await self._log.open.wait()
            await asyncio.sleep(0)
            self._log.batches += 1
            failure = self._log.answers.pop(0) if self._log.answers else None
            # A failed batch may have been written, or not.
            if failure is None or isinstance(failure, OutOfOrderSequenceNumber):
                self._log.partitions.setdefault((topic, partition), []).extend(batch.values)
            if failure is not None:
                raise failure

        return asyncio.create_task(answer())


def records(*places: tuple[int, int]) -> list[Record]:
    return [Record("events", partition, b"key", b"%d" % number) for partition, number in places]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY", 0.001)
    monkeypatch.setattr(module, "LINGER", 0.001)


def made(log: Log) -> Producer:
    return Producer(KafkaSettings(), "events", log.client)


async def test_delivery_ends_when_every_record_is_acknowledged() -> None:
    log = Log()
    one = made(log)
    await one.start()
    assert one.partitions == 3
    log.open.clear()
    delivery = asyncio.create_task(one.deliver(records((0, 1), (1, 2))))
    await asyncio.sleep(0.02)
    assert not delivery.done()
    log.open.set()
    await asyncio.wait_for(delivery, 5)
    assert log.partitions == {("events", 0): [b"1"], ("events", 1): [b"2"]}
    assert await one.close(1)


async def test_nothing_to_deliver_is_delivered() -> None:
    await asyncio.wait_for(made(Log()).deliver([]), 5)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=5), min_size=1, max_size=12),
    st.lists(st.sampled_from([None, NotLeaderForPartitionError(), OutOfOrderSequenceNumber()]), max_size=8),
)
def test_whatever_fails_every_record_arrives_and_none_for_the_first_time_after_a_later_one(
    deliveries: list[list[int]], answers: list[Exception | None]
) -> None:
    async def run() -> None:
        log = Log(*answers)
        one = made(log)
        await one.start()
        number = 0
        waiting = []
        for partitions in deliveries:
            batch = records(*((partition, number + index) for index, partition in enumerate(partitions)))
            number += len(partitions)
            waiting.append(asyncio.create_task(one.deliver(batch)))
            await asyncio.sleep(0)
        await asyncio.wait_for(asyncio.gather(*waiting), 10)
        assert await one.close(1)
        for written in log.partitions.values():
            first = list(dict.fromkeys(int(value) for value in written))
            assert first == sorted(first)
        assert sorted({int(value) for written in log.partitions.values() for value in written}) == list(range(number))

    asyncio.run(run())


async def test_what_comes_while_kafka_is_busy_goes_in_one_batch() -> None:
    log = Log()
    one = made(log)
    await one.start()
    log.open.clear()
    waiting = [asyncio.create_task(one.deliver(records((0, number)))) for number in range(3)]
    await asyncio.sleep(0.02)
    waiting += [asyncio.create_task(one.deliver(records((0, number)))) for number in range(3, 100)]
    await asyncio.sleep(0.02)
    log.open.set()
    await asyncio.gather(*waiting)
    assert log.partitions["events", 0] == [b"%d" % number for number in range(100)]
    assert log.batches == 2
    await one.close(1)


async def test_what_is_too_much_for_one_batch_goes_in_several() -> None:
    log = Log()
    one = made(log)
    await one.start()
    large = [Record("events", 0, None, b"%d" % number + b"x" * 100_000) for number in range(7)]
    await one.deliver(large)
    assert log.partitions["events", 0] == [record.value for record in large]
    assert log.batches == 4
    await one.deliver([Record("events", 0, None, b"y" * 300_000)])
    assert len(log.partitions["events", 0]) == 8
    await one.close(1)


async def test_a_producer_whose_sequence_is_broken_is_replaced() -> None:
    log = Log(OutOfOrderSequenceNumber())
    one = made(log)
    await one.start()
    await one.deliver(records((0, 1)))
    assert log.clients == 2
    await one.close(1)


async def test_kafka_is_behind_when_much_waits_and_away_when_nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_RECORDS", 3)
    log = Log()
    one = made(log)
    assert one.congestion == "away"  # not connected
    await one.start()
    assert one.congestion == ""
    log.open.clear()
    waiting = asyncio.create_task(one.deliver(records((0, 1), (0, 2))))
    await asyncio.sleep(0)
    assert one.congestion == ""
    more = asyncio.create_task(one.deliver(records((0, 3))))
    await asyncio.sleep(0)
    assert one.congestion == "behind"
    monkeypatch.setattr(module, "AWAY_AFTER", 0.01)
    await asyncio.sleep(0.02)
    assert one.congestion == "away"
    log.open.set()
    await asyncio.gather(waiting, more)
    assert one.congestion == ""
    await one.close(1)


async def test_connecting_waits_for_a_broker_that_is_away_but_not_for_a_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def start(client: Client, _: KafkaSettings) -> None:
        try:
            await client.start()
        except KafkaConnectionError as error:
            raise OperatorError("Kafka", "it is away", "wait", retry="away" in str(error)) from error

    monkeypatch.setattr(module, "start_client", start)
    log = Log()
    log.connections = [KafkaConnectionError(reason) for reason in ("away", "away", "refused")]
    with pytest.raises(OperatorError):
        await made(log).start()
    assert log.clients == 3
    await made(log).start()


async def test_a_delivery_that_is_given_up_is_made_all_the_same() -> None:
    log = Log()
    one = made(log)
    await one.start()
    log.open.clear()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(one.deliver(records((0, 1))), 0.01)
    log.open.set()
    assert await one.close(5)
    assert log.partitions == {("events", 0): [b"1"]}


async def test_closing_does_not_wait_for_ever_and_tells() -> None:
    log = Log()
    one = made(log)
    await one.start()
    log.open.clear()
    waiting = asyncio.create_task(one.deliver(records((0, 1))))
    await asyncio.sleep(0)
    assert not await one.close(0.02)
    waiting.cancel()


async def test_a_mistake_in_a_lane_is_not_waited_for_in_silence() -> None:
    log = Log(ZeroDivisionError())
    one = made(log)
    await one.start()
    waiting = asyncio.create_task(one.deliver(records((0, 1))))
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(one.broken, 5)
    waiting.cancel()
