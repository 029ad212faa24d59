"""Records by the run: what one fetch brought of one partition, without an object for each record.

aiokafka's `getmany` makes a ConsumerRecord of eleven fields for every record. Here the record batches of a fetched
partition are walked as they came and only the values are taken out; keys, headers and timestamps stay in the raw
bytes, and are read out of them when somebody asks. All that aiokafka does for a reader is done here as well: the
check of each batch's CRC-32C, decompression, leaving out control batches and (with the isolation level
read_committed) the batches of aborted transactions, leaving out records before the position, and moving the position
on. The consumer is used as it is, but private parts of aiokafka 0.14 are read, which `check_consumer` looks for; only
`streams.receive` replaces one, on a consumer that it is given. The layout of a batch is that of Kafka's message format
2, in Kafka's documentation under "Record Batch".
"""

# ruff: noqa: SLF001 - a consumer keeps its batches in private parts; check_consumer tells when they have changed

from __future__ import annotations

import asyncio
import inspect
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import google_crc32c
import msgspec
from aiokafka.consumer.fetcher import READ_COMMITTED, Fetcher, FetchError, FetchResult, PartitionRecords
from aiokafka.errors import ConsumerStoppedError, CorruptRecordException, KafkaError
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from msgspec import Struct

from streams import compiled, receive
from streams.errors import OperatorError
from streams.values import TOMBSTONE, GatheredOffsets, GatheredValues, Values

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_LENGTH: Final = struct.Struct(">i")
_LENGTH_AT: Final = 8
_BEFORE_LENGTH_COUNTS: Final = 12
_CRC: Final = struct.Struct(">I")
_CRC_AT: Final = 17
_CHECKED_FROM: Final = 21
_ATTRIBUTES_AT: Final = 22
_COMPRESSION: Final = 7
_COUNT_AT: Final = 57
_RECORDS_AT: Final = 61
_PROBE: Final = b"\0" * 4
_FORMAT_AT: Final = 16
_FORMAT_2: Final = 2

_PARTS: Final = (
    (Fetcher, ("_create_fetch_waiter", "_notify", "_get_actions_per_node")),
    (FetchResult, ("check_assignment", "has_more", "_update_position")),
    (PartitionRecords, ("_consume_aborted_up_to", "_contains_abort_marker", "_unpack_records")),
    *receive.PARTS,
)


class Record(Struct, frozen=True):
    """One record in full. `timestamp` is Kafka's own, in ms; a tombstone's value is None."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class Run(Struct, frozen=True):
    """Consecutive records of one partition, oldest first, as one fetch brought them.

    `values` and `offsets` go together, one entry for each record; a tombstone's value is None. `offsets` is a range
    where no offset is missing, else a list: compaction, control records and aborted transactions leave gaps.
    `start` is the position before the run and `next_offset` the position after it, from which reading goes on. `values`
    is empty where everything in between was control records or aborted: then only the position moved.
    """

    partition: TopicPartition
    start: int
    next_offset: int
    values: Values
    offsets: Sequence[int]
    raw: bytes
    spans: list[tuple[int, int]]

    @property
    def last_offset(self) -> int:
        """Offset of the last record; `next_offset` - 1 where there is none, so that it can always be acknowledged."""
        return self.offsets[-1] if self.offsets else self.next_offset - 1

    def values_only(self) -> Run:
        """Give the same run for a reader who won't ask for records(): without bytes that the values don't need."""
        return msgspec.structs.replace(self, raw=b"", spans=[])

    def records(self) -> list[Record]:
        """Read keys, headers and timestamps too, out of the raw bytes: as costly as reading the run again."""
        return [
            Record(found.offset, found.timestamp, found.key, found.value, tuple(found.headers))
            for begin, end in self.spans
            for found in MemoryRecords(self.raw[begin:end]).next_batch()
            if found.offset >= self.start
        ]


def check_consumer(consumer: Any) -> None:
    """Raise OperatorError where the installed aiokafka lacks a part that is used here, or the consumer decodes."""
    missing = [name for owner, names in _PARTS for name in names if not hasattr(owner, name)]
    try:
        if _raw(MemoryRecords(_PROBE)) != _PROBE:
            missing.append("the bytes of MemoryRecords")
    except (AttributeError, TypeError, ValueError, IndexError):
        missing.append("the bytes of MemoryRecords")
    if missing:
        raise OperatorError(
            "a consumer of aiokafka 0.14",
            f"this one lacks {', '.join(missing)}",
            "install the locked aiokafka",
            retry=False,
        )
    if consumer._key_deserializer or consumer._value_deserializer:
        raise OperatorError(
            "a consumer of raw bytes", "it has deserialisers", "create it without any: they are not used", retry=False
        )


async def fetch_runs(
    consumer: Any, partitions: Collection[TopicPartition] = (), *, wait: float = 0.0
) -> dict[TopicPartition, Run]:
    """Give what has been fetched of `partitions` (all that are assigned where empty), one run for each.

    Like `getmany`, on whose consumer, in whose loop and in whose place it is called: it waits up to `wait` seconds for
    the first run, gives nothing of paused or reassigned partitions, and moves the position of each run's partition to
    its `next_offset`. Don't mix it with another kind of reading on one partition (it is exact, but fetches again).

    Raises aiokafka's KafkaError for a failed fetch, a record too large, a batch whose CRC is wrong (`retriable` tells
    whether trying again can help; the position stands before the fault) and ConsumerStoppedError once stopped.
    """
    fetcher = consumer._fetcher
    if consumer._closed or fetcher._closed:
        raise ConsumerStoppedError
    consumer._coordinator.check_errors()
    subscriptions = fetcher._subscriptions
    loop = asyncio.get_running_loop()
    until = loop.time() + wait
    with subscriptions.fetch_context():
        while True:
            if subscriptions.reassignment_in_progress:
                await subscriptions.wait_for_assignment()
            runs = _take(fetcher, partitions)
            remaining = until - loop.time()
            if runs or remaining <= 0:
                return runs
            waiter = fetcher._create_fetch_waiter()
            done, _ = await asyncio.wait([waiter], timeout=remaining)
            if not done:
                waiter.cancel()
                return {}
            waiter.result()
            if fetcher._closed:
                return {}


def _take(fetcher: Any, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Run]:
    """Empty the fetcher's buffers of `partitions`; an error waits for the next call where something was there."""
    runs: dict[TopicPartition, Run] = {}
    buffered = fetcher._records
    for partition, fetched in list(buffered.items()):
        if partitions and partition not in partitions:
            if not fetcher._subscriptions.is_assigned(partition):
                del buffered[partition]
            continue
        if isinstance(fetched, FetchError) and runs:
            break
        # Whatever happens next, this was the buffer's content: the partition may be fetched again.
        del buffered[partition]
        fetcher._notify(fetcher._wait_consume_future)
        if isinstance(fetched, FetchError):
            fetched.check_raise()
        elif fetched.check_assignment(partition) and fetched.has_more():
            content = fetched._partition_records
            # Its generator holds it in a cycle, and so a megabyte until the next collection, or for ever without one.
            untouched = inspect.getgeneratorstate(content._records_iterator) == inspect.GEN_CREATED
            content._records_iterator = None
            if untouched:
                try:
                    runs[partition] = _read(partition, content)
                except KafkaError:
                    if not runs:
                        raise
                    break
                finally:
                    fetched._update_position()
    return runs


def _read(partition: TopicPartition, content: Any) -> Run:
    """Walk the batches of one fetched partition, moving `next_fetch_offset` on with each."""
    raw = _raw(content._records)
    start: int = content.next_fetch_offset
    values = GatheredValues(raw)
    offsets = GatheredOffsets()
    spans: list[tuple[int, int]] = []
    try:
        for batch, begin, end in _batches(raw, content):
            if raw[begin + _FORMAT_AT] >= _FORMAT_2 and batch.base_offset >= start:
                count = _LENGTH.unpack_from(raw, begin + _COUNT_AT)[0]
                dense = count == batch.next_offset - batch.base_offset
            else:
                dense = False
            if dense:
                places = _places(raw, begin, end, count)
                if places is None:
                    values.add([record.value for record in batch])
                else:
                    values.stand(places)
                offsets.add(range(batch.base_offset, batch.next_offset))
            else:
                found = [record for record in batch if record.offset >= start]
                values.add([record.value for record in found])
                offsets.add([record.offset for record in found])
            spans.append((begin, end))
            content.next_fetch_offset = max(content.next_fetch_offset, batch.next_offset)
    except Exception as error:
        # What stands before the fault is good; the fault is met again, alone, by the next fetch.
        if not values:
            if isinstance(error, KafkaError):
                raise
            raise CorruptRecordException(
                f"wanted a batch of records after {content.next_fetch_offset} in {partition}, but it can't be taken"
                f" apart ({type(error).__name__}: {error}): trying again can't help"
            ) from error
    return Run(partition, start, content.next_fetch_offset, values.give(), offsets.give(), raw, spans)


def _places(raw: bytes, begin: int, end: int, count: int) -> bytes | None:
    """Give the places of a batch's values without an object for each record; None where aiokafka must do it."""
    if not compiled.COMPILED or raw[begin + _ATTRIBUTES_AT] & _COMPRESSION:
        return None
    return compiled.batches.places_of(raw, begin + _RECORDS_AT, end, count, TOMBSTONE)


def _batches(raw: bytes, content: Any) -> Iterator[tuple[Any, int, int]]:
    """Give each batch that has records for this reader, with its place in `raw`; step over the others."""
    committed_only = content._isolation_level == READ_COMMITTED
    aborted = content._aborted_producers
    records = MemoryRecords(raw)
    end = 0
    while records.has_next():
        begin = end
        end = begin + _BEFORE_LENGTH_COUNTS + _LENGTH.unpack_from(raw, begin + _LENGTH_AT)[0]
        if end - begin < _RECORDS_AT and raw[begin + _FORMAT_AT] >= _FORMAT_2:
            raise ValueError(f"{end - begin} bytes are no batch")
        batch = records.next_batch()
        if content._check_crcs and not _is_whole(batch, raw, begin, end):
            raise CorruptRecordException(f"wrong CRC of the batch after {content.next_fetch_offset} in {content._tp}")
        wanted = not batch.is_control_batch
        if committed_only and batch.producer_id is not None:
            content._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch and content._contains_abort_marker(batch):
                aborted.discard(batch.producer_id)
            if batch.is_transactional and batch.producer_id in aborted:
                wanted = False
        if wanted:
            yield batch, begin, end
        else:
            content.next_fetch_offset = max(content.next_fetch_offset, batch.next_offset)


def _is_whole(batch: Any, raw: bytes, begin: int, end: int) -> bool:
    """Say whether the checksum of a batch is right: in format 2 a CRC-32C, for which processors have instructions.

    Those take a sixth of the time of aiokafka's own.
    """
    if raw[begin + _FORMAT_AT] < _FORMAT_2 or google_crc32c.implementation != "c":
        return bool(batch.validate_crc())
    return bool(google_crc32c.value(raw[begin + _CHECKED_FROM : end]) == _CRC.unpack_from(raw, begin + _CRC_AT)[0])


def _raw(records: Any) -> bytes:
    """Give the bytes of a MemoryRecords: an attribute where aiokafka runs in pure Python, else what pickle would take.

    The compiled class shows them nowhere else, and to read them is far cheaper than to keep an object for each record.
    """
    buffer = getattr(records, "_buffer", None)
    raw: bytes = records.__reduce_ex__(2)[2][0] if buffer is None else buffer
    return raw
