from __future__ import annotations

import asyncio
import gc
import weakref
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import google_crc32c
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import ConsumerStoppedError, CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import compiled, fetch
from streams.errors import OperatorError
from streams.fetch import Run, check_consumer, fetch_runs
from streams.receive import receive_in_place

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PARTITION = TopicPartition("made-up", 3)
GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
ABORT, COMMIT = b"\0\0\0\0", b"\0\0\0\1"

Header = tuple[str, bytes | None]
Made = tuple[int, bytes | None, bytes | None, list[Header]]


def batch(
    base: int,
    records: list[Made],
    *,
    codec: int = 0,
    producer: int = -1,
    transactional: bool = False,
    control: bool = False,
) -> bytes:
    """Build one batch as a broker keeps it: `records` are (offset delta, key, value, headers)."""
    builder = DefaultRecordBatchBuilder(2, codec, int(transactional), producer, 0, 0, 1 << 20)
    for delta, key, value, headers in records:
        assert builder.append(delta, 1_000 + base + delta, key, value, headers) is not None
    made = builder.build()
    made[0:8] = base.to_bytes(8, "big")
    if control:
        made[21:23] = (int.from_bytes(made[21:23], "big") | 0x20).to_bytes(2, "big")
        made[17:21] = crc32c(bytes(made[21:]))
    return bytes(made)


def crc32c(data: bytes) -> bytes:
    """CRC-32C by its definition, bit by bit (Castagnoli's polynomial 0x1EDC6F41, reversed)."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return (register ^ 0xFFFFFFFF).to_bytes(4, "big")


def content(
    raw: bytes, *, start: int = 0, aborted: list[tuple[int, int]] | None = None, isolation: int = READ_COMMITTED
) -> Any:
    return PartitionRecords(
        tp=PARTITION,
        records=MemoryRecords(raw),
        aborted_transactions=aborted,
        fetch_offset=start,
        key_deserializer=None,
        value_deserializer=None,
        check_crcs=True,
        isolation_level=isolation,
    )


def plain(count: int, *, first: int = 0) -> list[Made]:
    return [(delta, b"key", b"value-%d" % (first + delta), []) for delta in range(count)]


names = st.text("abc", min_size=1, max_size=3)
maybe_bytes = st.none() | st.binary(max_size=12)


@st.composite
def logs(draw: st.DrawFn) -> tuple[bytes, list[tuple[int, int]], int]:
    """Draw a stretch of a log: batches with gaps and codecs, of transactions and not, and where reading starts."""
    raw, base, open_since, aborted = b"", draw(st.integers(0, 40)), {}, []
    first, first_end = base, base
    for _ in range(draw(st.integers(0, 6))):
        producer = draw(st.sampled_from([-1, 7, 8]))
        if producer in open_since and draw(st.booleans()):
            since = open_since.pop(producer)
            marker = draw(st.sampled_from([ABORT, COMMIT]))
            if marker == ABORT:
                aborted.append((producer, since))
            raw += batch(base, [(0, marker, b"\0" * 6, [])], producer=producer, transactional=True, control=True)
            base += 1
            continue
        deltas = sorted(draw(st.sets(st.integers(0, 9), min_size=1, max_size=8)))
        records = [
            (delta, draw(maybe_bytes), draw(maybe_bytes), draw(st.lists(st.tuples(names, maybe_bytes), max_size=2)))
            for delta in deltas
        ]
        raw += batch(
            base,
            records,
            codec=draw(st.sampled_from([0, GZIP, SNAPPY, LZ4, ZSTD])),
            producer=producer,
            transactional=producer >= 0,
        )
        if producer >= 0:
            open_since.setdefault(producer, base)
        if base == first:
            first_end = base + deltas[-1]
        base += deltas[-1] + 1 + draw(st.sampled_from([0, 0, 5]))
    # A broker's answer begins with the batch that holds the position.
    return raw, aborted, draw(st.integers(first, first_end))


@settings(max_examples=150, deadline=None)
@given(log=logs(), isolation=st.sampled_from([READ_COMMITTED, READ_UNCOMMITTED]))
def test_a_run_has_what_aiokafka_reads_one_by_one(
    log: tuple[bytes, list[tuple[int, int]], int], isolation: int
) -> None:
    raw, aborted, start = log
    reference = content(raw, start=start, aborted=aborted, isolation=isolation)
    expected = list(reference)
    mine = content(raw, start=start, aborted=aborted, isolation=isolation)

    run = fetch._read(PARTITION, mine)

    assert list(run.values) == [record.value for record in expected]
    assert list(run.offsets) == [record.offset for record in expected]
    assert [
        (record.offset, record.timestamp, record.key, record.value, record.headers) for record in run.records()
    ] == [(record.offset, record.timestamp, record.key, record.value, record.headers) for record in expected]
    assert run.start == start
    assert run.next_offset == reference.next_fetch_offset == mine.next_fetch_offset


def test_offsets_without_a_gap_are_a_range() -> None:
    run = fetch._read(PARTITION, content(batch(5, plain(3, first=5)) + batch(8, plain(2, first=8)), start=5))

    assert run.offsets == range(5, 10)
    assert run.last_offset == 9
    assert run.next_offset == 10


def test_a_run_without_its_raw_bytes_has_the_same_values_at_the_same_offsets() -> None:
    run = fetch._read(PARTITION, content(batch(5, plain(4, first=5)), start=7))

    lean = run.values_only()

    assert list(lean.values) == [b"value-7", b"value-8"]
    assert list(lean.offsets) == [7, 8]
    assert (lean.start, lean.next_offset, lean.last_offset) == (7, 9, 8)
    assert lean.raw == b""


def test_a_batch_that_begins_before_the_position_gives_only_the_rest() -> None:
    run = fetch._read(PARTITION, content(batch(5, plain(4, first=5)), start=7))

    assert list(run.values) == [b"value-7", b"value-8"]
    assert list(run.offsets) == [7, 8]
    assert [record.offset for record in run.records()] == [7, 8]


def test_a_batch_wholly_before_the_position_never_moves_it_back() -> None:
    run = fetch._read(PARTITION, content(batch(0, plain(2)) + batch(2, plain(2, first=2)), start=3))

    assert list(run.values) == [b"value-3"]
    assert run.next_offset == 4


def test_a_fetch_of_control_records_alone_moves_the_position_and_nothing_else() -> None:
    run = fetch._read(PARTITION, content(batch(4, [(0, COMMIT, b"\0" * 6, [])], producer=7, control=True), start=4))

    assert list(run.values) == []
    assert run.next_offset == 5
    assert run.last_offset == 4


def test_a_damaged_batch_ends_the_run_before_it_and_is_met_again() -> None:
    good, bad = batch(0, plain(2)), bytearray(batch(2, plain(2, first=2)))
    bad[-1] ^= 1
    fetched = content(good + bytes(bad))

    run = fetch._read(PARTITION, fetched)

    assert list(run.offsets) == [0, 1]
    assert fetched.next_fetch_offset == 2
    with pytest.raises(CorruptRecordException, match="wrong CRC"):
        fetch._read(PARTITION, content(bytes(bad), start=2))


def sealed(raw: bytearray) -> bytes:
    """Give a batch the checksum and the length of what it holds."""
    raw[8:12] = (len(raw) - 12).to_bytes(4, "big")
    raw[17:21] = crc32c(bytes(raw[21:]))
    return bytes(raw)


@pytest.mark.parametrize("are_compiled", [True, False])
@pytest.mark.parametrize("fault", ["not gzip", "a record goes beyond its batch", "shorter than a header"])
def test_a_batch_that_cannot_be_taken_apart_though_its_checksum_is_right_is_met_alone(
    fault: str, are_compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "COMPILED", are_compiled and compiled.COMPILED)
    bad = bytearray(batch(2, plain(2, first=2)))
    if fault == "not gzip":
        bad[22] |= 1
    elif fault == "a record goes beyond its batch":
        bad[61] = 0x7E
    else:
        del bad[40:]
    after = sealed(bad)

    run = fetch._read(PARTITION, content(batch(0, plain(2)) + after))

    assert (list(run.values), run.next_offset) == ([b"value-0", b"value-1"], 2)
    with pytest.raises(CorruptRecordException, match=r"after 2 in .* taken apart.*can't help|Invalid record size"):
        fetch._read(PARTITION, content(after, start=2))


# RFC 3720, B.4
@pytest.mark.parametrize(
    ("checked", "sum_"),
    [
        (bytes(32), "8a9136aa"),
        (b"\xff" * 32, "62a8ab43"),
        (bytes(range(32)), "46dd794e"),
        (bytes(range(31, -1, -1)), "113fdb5c"),
    ],
)
def test_the_checksum_is_that_of_the_rfc(checked: bytes, sum_: str) -> None:
    assert google_crc32c.value(checked).to_bytes(4, "big") == crc32c(checked) == bytes.fromhex(sum_)


@given(data=st.data(), implementation=st.sampled_from(["c", "python"]))
def test_a_bit_that_changed_under_the_checksum_is_found_by_either_way_of_checking(
    data: st.DataObject, implementation: str
) -> None:
    raw = bytearray(batch(0, plain(3), codec=data.draw(st.sampled_from([0, LZ4]))))
    bit = data.draw(st.integers(8 * 17, 8 * len(raw) - 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(google_crc32c, "implementation", implementation)
        assert fetch._read(PARTITION, content(bytes(raw))).offsets == range(3)
        raw[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CorruptRecordException, match="wrong CRC"):
            fetch._read(PARTITION, content(bytes(raw)))


def test_a_batch_cut_off_by_the_size_of_the_fetch_is_left_for_the_next_one() -> None:
    run = fetch._read(PARTITION, content(batch(0, plain(2)) + batch(2, plain(5))[:-3]))

    assert run.next_offset == 2


def test_what_was_fetched_is_freed_without_a_collection() -> None:
    state = SimpleNamespace(paused=False, position=0, consumed_to=lambda _: None)
    assignment = SimpleNamespace(active=True, state_value=lambda _: state)
    fetched = content(batch(0, plain(2)))
    watched = weakref.ref(fetched)
    result = FetchResult(PARTITION, assignment=assignment, partition_records=fetched, backoff=0)
    fetcher = SimpleNamespace(_records={PARTITION: result}, _notify=lambda _: None, _wait_consume_future=None)
    del fetched, result
    gc.collect()
    gc.disable()
    try:
        runs = fetch._take(fetcher, ())
        assert watched() is None
    finally:
        gc.enable()
    assert list(runs[PARTITION].values) == [b"value-0", b"value-1"]


def test_an_aiokafka_without_the_parts_in_use_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(PartitionRecords, "_contains_abort_marker")

    with pytest.raises(OperatorError, match="_contains_abort_marker"):
        check_consumer(object())


# From here on: a real broker.


@pytest.fixture
async def topic(kafka: str, topic_prefix: str) -> AsyncIterator[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    name = f"{topic_prefix}fetch"
    await admin.create_topics([NewTopic(name, 2, 1)])
    yield name
    await admin.delete_topics([name])
    await admin.close()


async def started(consumer: AIOKafkaConsumer, topic: str, partitions: int = 1) -> AIOKafkaConsumer:
    await consumer.start()
    receive_in_place(consumer)
    consumer.assign([TopicPartition(topic, number) for number in range(partitions)])
    await consumer.seek_to_beginning()
    check_consumer(consumer)
    return consumer


async def read_to_end(consumer: AIOKafkaConsumer) -> list[Run]:
    """Read runs until every assigned partition's position has reached its end."""
    ends = await consumer.end_offsets(list(consumer.assignment()))
    runs: list[Run] = []
    async with asyncio.timeout(60):
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            runs.extend((await fetch_runs(consumer, wait=1.0)).values())
    return runs


@pytest.mark.end_to_end
@pytest.mark.parametrize("codec", [None, "gzip", "lz4", "snappy", "zstd"])
async def test_records_of_every_codec_arrive_whole(kafka: str, topic: str, codec: str | None) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, compression_type=codec, linger_ms=20) as producer:
        sent = [
            await producer.send(
                topic,
                None if number == 50 else b"value %d" % number * 20,
                key=b"key %d" % number,
                partition=0,
                timestamp_ms=1_000_000 + number,
                headers=[("number", b"%d" % number), ("nothing", None)] if number % 10 == 0 else [],
            )
            for number in range(100)
        ]
        await asyncio.gather(*sent)
    consumer = await started(AIOKafkaConsumer(bootstrap_servers=kafka), topic)
    try:
        runs = await read_to_end(consumer)
    finally:
        await consumer.stop()

    assert [value for run in runs for value in run.values] == [
        None if number == 50 else b"value %d" % number * 20 for number in range(100)
    ]
    assert [offset for run in runs for offset in run.offsets] == list(range(100))
    records = [record for run in runs for record in run.records()]
    assert [record.key for record in records] == [b"key %d" % number for number in range(100)]
    assert [record.timestamp for record in records] == list(range(1_000_000, 1_000_100))
    assert [record.headers for record in records if record.headers] == [
        (("number", b"%d" % number), ("nothing", None)) for number in range(0, 100, 10)
    ]


@pytest.mark.end_to_end
async def test_aborted_transactions_are_stepped_over_and_the_position_reaches_the_end(kafka: str, topic: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{topic}-producer") as producer:
        for number in range(6):
            await producer.begin_transaction()
            for part in range(3):
                await producer.send_and_wait(topic, b"%d-%d" % (number, part), partition=0)
            if number % 2:
                await producer.abort_transaction()
            else:
                await producer.commit_transaction()
    consumer = await started(AIOKafkaConsumer(bootstrap_servers=kafka, isolation_level="read_committed"), topic)
    try:
        runs = await read_to_end(consumer)
        position = await consumer.position(TopicPartition(topic, 0))
    finally:
        await consumer.stop()

    assert [value for run in runs for value in run.values] == [
        b"%d-%d" % (number, part) for number in (0, 2, 4) for part in range(3)
    ]
    # Each transaction takes three records and one marker.
    assert [offset for run in runs for offset in run.offsets] == [0, 1, 2, 8, 9, 10, 16, 17, 18]
    assert position == 24


@pytest.mark.end_to_end
async def test_seek_pause_and_a_choice_of_partitions_hold(kafka: str, topic: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for partition in range(2):
            for number in range(10):
                await producer.send_and_wait(topic, b"%d:%d" % (partition, number), partition=partition)
    first, second = TopicPartition(topic, 0), TopicPartition(topic, 1)
    consumer = await started(AIOKafkaConsumer(bootstrap_servers=kafka), topic, 2)
    try:
        chosen: list[bytes | None] = []
        async with asyncio.timeout(30):
            while len(chosen) < 10:
                runs = await fetch_runs(consumer, {second}, wait=1.0)
                assert set(runs) <= {second}
                chosen.extend(value for run in runs.values() for value in run.values)
        consumer.pause(second)
        consumer.seek(first, 7)
        consumer.seek(second, 0)
        rest: list[bytes | None] = []
        async with asyncio.timeout(30):
            while len(rest) < 3:
                runs = await fetch_runs(consumer, wait=1.0)
                assert set(runs) <= {first}
                rest.extend(value for run in runs.values() for value in run.values)
        nothing = await fetch_runs(consumer)
    finally:
        await consumer.stop()

    assert chosen == [b"1:%d" % number for number in range(10)]
    assert rest == [b"0:7", b"0:8", b"0:9"]
    assert nothing == {}


@pytest.mark.end_to_end
async def test_reading_one_by_one_and_then_by_the_run_loses_nothing(kafka: str, topic: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=20) as producer:
        await asyncio.gather(*[await producer.send(topic, b"%d" % number, partition=0) for number in range(20)])
    consumer = await started(AIOKafkaConsumer(bootstrap_servers=kafka), topic)
    try:
        one = await consumer.getone()
        runs = await read_to_end(consumer)
    finally:
        await consumer.stop()

    assert [one.value, *(value for run in runs for value in run.values)] == [b"%d" % number for number in range(20)]


@pytest.mark.end_to_end
async def test_a_stopped_consumer_and_one_that_decodes_are_refused(kafka: str, topic: str) -> None:
    consumer = await started(AIOKafkaConsumer(bootstrap_servers=kafka), topic)
    await consumer.stop()
    with pytest.raises(ConsumerStoppedError):
        await fetch_runs(consumer)
    with pytest.raises(OperatorError, match="deserialisers"):
        check_consumer(AIOKafkaConsumer(bootstrap_servers=kafka, value_deserializer=bytes))
