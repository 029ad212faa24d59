"""Distinct ids of a minute by what is compiled, against those of a dict."""

from __future__ import annotations

import sys
from array import array
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack

from streams import compiled
from streams.measures.engagement.columns import ID_BYTES
from streams.measures.engagement.numbering import Numbers
from streams.measures.engagement.open_minute import OpenMinute, first_texts
from streams.measures.engagement.people import People

pytestmark = pytest.mark.skipif(not compiled.COMPILED, reason="JUN_COMPILE=no")

IDS = [f"{head}{middle}{tail}" for head in ("A" * 8, "B" * 8) for middle in ("m" * 8, "n" * 8) for tail in "abcdef 123"]
ids = st.sampled_from([f"{one:z<22}" for one in IDS])
"""Ids that share their first 8 bytes, or those and the next 8, or all but the last."""
COLUMNS = ("codes", "lengths", "offsets", "persons", "sources", "tags", "forms")


def minute_of(
    parts: list[list[str]], *, packed: list[bool], offsets: list[int], lengths: list[int]
) -> tuple[OpenMinute, list[dict[str, list[int]]]]:
    """Give an open minute whose ids came in these parts, packed or as text; and its events' columns."""
    made = OpenMinute(People(), Numbers())
    made._ids = ["".join(part).encode() if as_bytes else part for part, as_bytes in zip(parts, packed, strict=True)]
    count = sum(map(len, parts))
    made.codes, made.lengths = bytearray(range(count)), bytearray(lengths[:count])
    made.offsets, made.persons = array("q", offsets[:count]), array("q", range(count))
    made.sources = array("q", range(1_000, 1_000 + count))
    made.tags, made.forms = array("q", range(sum(made.lengths))), array("q", range(500, 500 + sum(made.lengths)))
    events, begin = [], 0
    for place, length in enumerate(made.lengths):
        tags = range(begin, begin + length)
        begin += length
        events.append(
            {
                **{name: [getattr(made, name)[place]] for name in COLUMNS[:5]},
                "tags": [made.tags[tag] for tag in tags],
                "forms": [made.forms[tag] for tag in tags],
            }
        )
    return made, events


@pytest.mark.parametrize("way", [True, False])
@given(data=st.data())
def test_the_first_event_of_an_id_in_the_order_of_the_log_stays(way: bool, data: st.DataObject) -> None:
    other = st.sampled_from(["short", "é" * 11, "é" * 22, "x" * 64])
    drawn = st.lists(ids if data.draw(st.booleans()) else ids | other, min_size=1, max_size=12)
    parts = data.draw(st.lists(drawn, min_size=1, max_size=3))
    packed = [
        data.draw(st.booleans()) and all(len(one.encode()) == ID_BYTES == len(one) for one in part) for part in parts
    ]
    every = [one for part in parts for one in part]
    offsets = list(range(len(every)))
    if len(parts) > 1 and data.draw(st.booleans()):
        offsets = data.draw(st.permutations(offsets))
    lengths = data.draw(st.lists(st.integers(0, 3), min_size=len(every), max_size=len(every)))
    events, rows = minute_of(parts, packed=packed, offsets=offsets, lengths=lengths)
    with patch.object(compiled, "COMPILED", way):
        events.distinct()

    first: dict[str, dict[str, list[int]]] = {}
    for place in sorted(range(len(every)), key=offsets.__getitem__):
        first.setdefault(every[place], rows[place])
    assert msgpack.decode(events.ids) == list(first)
    assert events.ids == msgpack.encode(list(first))
    assert events.duplicates == len(every) - len(first)
    for name in COLUMNS:
        assert list(getattr(events, name)) == [number for row in first.values() for number in row[name]], name


@given(st.lists(ids, max_size=300), st.integers(8, 22))
def test_texts_of_any_width_are_those_of_the_twin(drawn: list[str], width: int) -> None:
    packed = b"".join(one.encode()[-width:] for one in drawn)
    ways = []
    for way in (first_texts, compiled.distinct.first_texts):
        told = way(packed, width, 7)
        assert told is not None
        found, places = told
        ways.append((found, None if places is None else places.tolist()))
    assert ways[0] == ways[1]


def test_many_ids_are_found_again_among_many() -> None:
    once = np.random.default_rng(1).integers(0, 256, (20_000, ID_BYTES), np.uint8)
    packed = once.tobytes() + once[::-1].tobytes()
    told = compiled.distinct.first_texts(packed, ID_BYTES, 0xFF)
    assert told is not None
    found, places = told
    assert places is not None
    assert places.tolist() == list(range(20_000))
    assert np.frombuffer(found, np.uint8).reshape(-1, ID_BYTES + 1)[:, 1:].tobytes() == once.tobytes()


def test_ids_that_were_chosen_to_collide_are_left_to_the_dict() -> None:
    inverse = pow(0x9E3779B97F4A7C15, -1, 2**64)
    chosen = [(number * inverse % 2**64).to_bytes(8, sys.byteorder) for number in range(100)]
    assert compiled.distinct.first_texts(b"".join(chosen), 8, 0) is None
    assert compiled.distinct.first_texts(b"".join(chosen[:64]), 8, 0) is not None


def test_what_is_left_to_the_dict_is_distinct_as_well() -> None:
    events, _ = minute_of([[IDS[0] * 2, IDS[1] * 2]], packed=[False], offsets=[0, 1], lengths=[1, 1])
    events._ids = [b"a" * ID_BYTES + b"a" * ID_BYTES]
    with patch.object(compiled.distinct, "first_texts", return_value=None):
        events.distinct()
    assert (events.duplicates, msgpack.decode(events.ids)) == (1, ["a" * ID_BYTES])


def test_bytes_that_are_no_texts_and_columns_that_do_not_fit_are_refused() -> None:
    for packed, width in ((b"12345678", 3), (b"1234567", 7), (b"123456789", 8), (b"", 0), (b"12345678", -8)):
        with pytest.raises(ValueError, match="no texts"):
            compiled.distinct.first_texts(packed, width, 0)

    def left(*places: int, lengths: bytes = b"\1\1", tags: int = 2, forms: int = 2, persons: int = 2) -> int:
        columns = [array("q", range(count)) for count in (2, persons, 2, tags, forms)]
        return compiled.distinct.leave(np.array(places, np.int64), bytearray(2), bytearray(lengths), *columns)

    assert left(1) == 1
    for arguments in ({"lengths": b"\1"}, {"tags": 1}, {"forms": 1}, {"persons": 1}):
        with pytest.raises(ValueError, match=r"columns|forms"):
            left(1, **arguments)
    for places in ((1, 0), (0, 0), (-1,)):
        with pytest.raises(ValueError, match="behind"):
            left(*places)
    with pytest.raises(IndexError):
        left(2)
    with pytest.raises(IndexError):
        left(0, 1, lengths=b"\1\2")
