from __future__ import annotations

import csv
import io
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.ingest.records import RawRecord, Splitter

CELLS = st.text(alphabet='ab",\n\r#é', max_size=6)
ROWS = st.lists(st.lists(CELLS, min_size=2, max_size=4).filter(any), max_size=8)


def written(rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def split(data: bytes, cuts: list[int], delimiter: str = ",", *, maximum: int = 10_000) -> list[RawRecord]:
    splitter = Splitter(delimiter, maximum=maximum)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges)]
    return [record for piece in pieces for record in splitter.feed(piece)] + splitter.finish()


@settings(max_examples=200)
@given(ROWS, st.lists(st.integers(0, 200), max_size=6))
def test_rows_are_cut_as_pythons_csv_reads_them_however_they_arrive(rows: list[list[str]], cuts: list[int]) -> None:
    data = written(rows)
    cut = [next(csv.reader([record.raw.decode().rstrip("\r\n")])) for record in split(data, cuts)]
    assert cut == list(csv.reader(io.StringIO(data.decode(), newline="")))


@settings(max_examples=200)
@given(ROWS, st.lists(st.integers(0, 200), max_size=6))
def test_records_follow_one_another_without_gap(rows: list[list[str]], cuts: list[int]) -> None:
    data = written(rows)
    records = split(data, cuts)
    assert b"".join(record.raw for record in records) == data
    for record in records:
        assert data[record.offset : record.offset + record.size] == record.raw
        assert record.line == data[: record.offset].count(b"\n") + 1


@given(ROWS, st.integers(0, 8))
def test_a_file_can_be_taken_up_again_at_any_record(rows: list[list[str]], number: int) -> None:
    data = written(rows)
    records = split(data, [])
    if number < len(records):
        begin = records[number]
        again = Splitter(",", offset=begin.offset, line=begin.line)
        assert again.feed(data[begin.offset :]) == records[number:]


def test_a_half_written_line_waits_for_its_end() -> None:
    splitter = Splitter()
    assert [record.raw for record in splitter.feed(b"one\ntw")] == [b"one\n"]
    assert (splitter.offset, splitter.waiting, splitter.read_to) == (4, 2, 6)
    assert splitter.feed(b"o\n") == [RawRecord(b"two\n", 4, 2, 4)]


def test_a_quoted_line_end_at_the_end_of_the_data_is_not_the_end_of_the_row() -> None:
    splitter = Splitter(",")
    assert splitter.feed(b'a,"b\n') == []
    assert splitter.feed(b'c"\n') == [RawRecord(b'a,"b\nc"\n', 0, 1, 8)]


def test_a_quote_inside_an_unquoted_field_opens_nothing() -> None:
    assert [record.raw for record in split(b'5" pipe,a\nb,c\n', [])] == [b'5" pipe,a\n', b"b,c\n"]


@pytest.mark.parametrize("delimiter", ["", ","])
def test_of_a_line_that_is_too_long_the_beginning_is_kept_and_the_next_line_is_read(delimiter: str) -> None:
    long = b"x" * 300_000 + b"\n"
    data = b"first\n" + long + b"last\n"
    splitter = Splitter(delimiter, maximum=100_000)
    records = []
    held = 0
    for start in range(0, len(data), 1_000):
        records += splitter.feed(data[start : start + 1_000])
        held = max(held, len(splitter._buffer))
    assert [(record.offset, record.line, record.size) for record in records] == [
        (0, 1, 6),
        (6, 2, 300_001),
        (300_007, 3, 5),
    ]
    assert records[1].raw == long[: 64 * 1024]
    assert held <= 101_000


def test_a_row_of_exactly_the_largest_size_is_whole() -> None:
    row = b"y" * 99 + b"\n"
    assert split(row, [50], maximum=100) == [RawRecord(row, 0, 1, 100)]
    assert split(b"y" + row, [50], maximum=100)[0].size == 101


def test_a_quote_that_is_never_closed_costs_its_own_line_only() -> None:
    data = b'a,"b\n' + b"c,d\n" * 50
    records = split(data, [], maximum=100)
    assert records[0] == RawRecord(b'a,"b\n', 0, 1, 5, unclosed=True)
    assert [record.raw for record in records[1:]] == [b"c,d\n"] * 50
    assert not any(record.unclosed for record in records[1:])


def test_a_quote_that_is_still_open_at_the_end_of_the_file_costs_its_own_line_only() -> None:
    records = split(b'a,"b\nc,d\ne', [])
    assert [(record.raw, record.unclosed) for record in records] == [
        (b'a,"b\n', True),
        (b"c,d\n", False),
        (b"e", False),
    ]
    assert [(record.raw, record.unclosed) for record in split(b'"e', [])] == [(b'"e', True)]
