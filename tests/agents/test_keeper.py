"""The keeper when writing is slow, fails or is broken off: no marker may stand for entries that were never written."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.errors import KafkaTimeoutError, NotLeaderForPartitionError, UnknownTopicOrPartitionError
from faust.types import TP

from streams.agents.keeper import Keeper, Message
from streams.measures.engagement.entries import Flush

if TYPE_CHECKING:
    from collections.abc import Callable

GENERATION = 3


class Kafka:
    """A producer that keeps what it is given; it may refuse a send, fail a record, or never answer."""

    def __init__(self) -> None:
        self.written: list[tuple[str, bytes]] = []
        self.refuse: list[Exception] = []
        self.answer: Callable[[bytes], Exception | None] = lambda _: None
        self.silent = False

    async def send(self, topic: str, _value: bytes | None, *, key: bytes, partition: int | None) -> Any:
        """Take a record."""
        assert partition in {0, None}
        if self.refuse:
            raise self.refuse.pop(0)
        done = asyncio.get_running_loop().create_future()
        if self.silent:
            return done
        error = self.answer(key)
        if error is not None:
            done.set_exception(error)
        else:
            self.written.append((topic, key))
            done.set_result(SimpleNamespace(offset=len(self.written)))
        return done


class Work:
    """Folds nothing; its flushes number their entries."""

    def __init__(self) -> None:
        self.next_offset = 0
        self.flushes = 0
        self.fails = False

    def take(self, run: Any) -> list[Message]:
        """Publish one message for a run."""
        if self.fails:
            raise MemoryError
        self.next_offset = run.start + 1
        return [Message("activity", b"published %d" % run.start, b"")]

    def flush(self) -> Flush:
        """Give a bucket and the marker."""
        self.flushes += 1
        number = b"%d" % self.flushes
        return Flush(buckets=[(b"bucket " + number, b"")], marker=[(b"marker " + number, b"")])


class Worker:
    """A keeper of one partition, with a producer and a consumer that remembers what was acknowledged."""

    def __init__(self) -> None:
        self.kafka = Kafka()
        self.acknowledged: list[int] = []
        app = SimpleNamespace(
            producer=SimpleNamespace(kafka=self.kafka), consumer=self, consumer_generation_id=GENERATION
        )
        self.keeper = Keeper(app, "events", "state", lambda _partition, _entries: Work())
        self.keeper.kept(GENERATION)
        self.keeper.restored(0, {})

    async def take(self, offset: int) -> None:
        """Hand a run of one record over."""
        run = SimpleNamespace(partition=TP("events", 0), start=offset, values=[b""])
        message = SimpleNamespace(generation_id=GENERATION, value=None, ack=lambda _: self.acknowledged.append(offset))
        await self.keeper.take(SimpleNamespace(value=run, message=message))


async def test_a_flush_writes_entries_then_the_marker_and_acknowledges_last() -> None:
    worker = Worker()
    await worker.take(0)
    await worker.keeper.flush()
    assert [key for _, key in worker.kafka.written] == [b"published 0", b"bucket 1", b"marker 1"]
    assert worker.acknowledged == [0]
    await worker.keeper.revoked()
    assert worker.keeper.kept(GENERATION + 1) == {0: 3}


@pytest.mark.parametrize("how", ["fails", "is cancelled"])
async def test_after_a_flush_that_was_broken_off_no_marker_is_written_and_no_state_is_kept(how: str) -> None:
    worker = Worker()
    await worker.take(0)
    if how == "fails":
        worker.kafka.answer = lambda key: NotLeaderForPartitionError() if key == b"bucket 1" else None
        with pytest.raises(NotLeaderForPartitionError):
            await worker.keeper.flush()
    else:
        worker.kafka.silent = True
        flushing = asyncio.create_task(worker.keeper.flush())
        await asyncio.sleep(0)
        flushing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await flushing
        worker.kafka.silent = False
    await worker.take(1)
    await worker.keeper.flush()
    await worker.keeper.revoked()
    assert not [key for topic, key in worker.kafka.written if topic == "state"]
    assert not worker.acknowledged
    assert worker.keeper.torn
    assert worker.keeper.kept(GENERATION + 1) == {}


@pytest.mark.parametrize("where", ["in the fold", "while it is sent"])
async def test_after_a_run_that_was_broken_off_nothing_is_written_or_acknowledged(where: str) -> None:
    worker = Worker()
    await worker.take(0)
    if where == "in the fold":
        worker.keeper.works[0].fails = True  # type: ignore[attr-defined] # it is the Work above
    else:
        worker.kafka.refuse = [MemoryError()]
    with pytest.raises(MemoryError):
        await worker.take(1)
    await worker.keeper.flush()
    assert worker.kafka.written == [("activity", b"published 0")]
    assert not worker.acknowledged
    assert worker.keeper.torn


@pytest.mark.parametrize("error", [UnknownTopicOrPartitionError, KafkaTimeoutError])
async def test_while_kafka_is_away_a_record_is_given_to_the_producer_until_it_takes_it(error: type[Exception]) -> None:
    worker = Worker()
    worker.kafka.refuse = [error(), error(), error()]
    await worker.take(0)
    await worker.keeper.flush()
    assert worker.kafka.written[0] == ("activity", b"published 0")
    assert not worker.kafka.refuse
    assert worker.acknowledged == [0]
