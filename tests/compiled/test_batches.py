"""Values taken out of batches, against aiokafka, and out of bytes that are cut or wrong."""

from __future__ import annotations

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from streams import compiled
from streams.values import PLACE, TOMBSTONE

pytestmark = pytest.mark.skipif(not compiled.COMPILED, reason="JUN_COMPILE=no")

RECORDS_AT = 61


def batch(records: list[tuple[bytes | None, bytes | None]], deltas: list[int] | None = None) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for delta, (key, value) in zip(deltas or range(len(records)), records, strict=True):
        assert builder.append(delta, 1_000, key, value, [("name", b"value")]) is not None
    return bytes(builder.build())


def values_of(raw: bytes, begin: int, end: int, count: int) -> list[bytes | None] | None:
    places = compiled.batches.places_of(raw, begin, end, count, TOMBSTONE)
    return None if places is None else compiled.batches.values_at(raw, places, [None])


maybe_bytes = st.none() | st.binary(max_size=200)


@given(st.lists(st.tuples(maybe_bytes, maybe_bytes), min_size=1, max_size=70))
def test_values_are_those_that_aiokafka_reads(records: list[tuple[bytes | None, bytes | None]]) -> None:
    raw = batch(records)
    found = values_of(raw, RECORDS_AT, len(raw), len(records))
    assert found == [record.value for record in MemoryRecords(raw).next_batch()]


def test_records_with_a_gap_are_left_to_who_gives_offsets() -> None:
    raw = batch([(b"a", b"b"), (b"c", b"d")], [0, 2])
    assert values_of(raw, RECORDS_AT, len(raw), 2) is None


@given(st.data())
def test_bytes_that_are_cut_or_changed_are_refused_or_read_within_their_bounds(data: st.DataObject) -> None:
    raw = bytearray(batch([(b"key", b"value" * 30), (None, b""), (b"", None)]))
    end = data.draw(st.integers(RECORDS_AT, len(raw)))
    for _ in range(data.draw(st.integers(0, 3))):
        raw[data.draw(st.integers(RECORDS_AT, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = values_of(bytes(raw), RECORDS_AT, end, data.draw(st.integers(0, 4)))
    except ValueError:
        return
    assert found is None or all(value is None or value in bytes(raw[:end]) for value in found)


def test_places_outside_of_the_bytes_are_refused() -> None:
    for begin, end in ((-1, 3), (2, 1), (0, 5)):
        with pytest.raises(ValueError, match="outside"):
            values_of(b"1234", begin, end, 1)


@pytest.mark.parametrize(("begin", "length"), [(0, 5), (4, 1), (3, -1), (-2, 0), (-(1 << 31), 0)])
def test_a_value_is_never_taken_from_outside_of_the_bytes_or_of_the_others(begin: int, length: int) -> None:
    with pytest.raises(IndexError):
        compiled.batches.values_at(b"1234", PLACE.pack(begin, length), [None])


def test_no_memory_is_asked_for_more_records_than_the_bytes_can_hold() -> None:
    with pytest.raises(ValueError, match="2000000000 records in 4 bytes"):
        compiled.batches.places_of(b"1234", 0, 4, 2_000_000_000, TOMBSTONE)
