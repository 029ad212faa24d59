"""The hash table of last minutes and the counts of windows, compiled, against those of numpy and of a dict."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import compiled
from streams.measures.engagement.bucket import COLUMNS
from streams.measures.engagement.pairs import FIRST, FREE, NEVER, LastMinutes
from streams.measures.engagement.windows import LENGTHS, RegionWindows

pytestmark = pytest.mark.skipif(not compiled.COMPILED, reason="JUN_COMPILE=no")

SERIES = 4
SAME_PLACE = [FIRST + number for number in range(200_000) if (number + FIRST) * 0x9E3779B97F4A7C15 % 2**64 >> 54 == 0]
"""Pairs that want the first place of a table of 1,024."""
pair = st.sampled_from([0, 1, 7, 2_000, *SAME_PLACE[:20], *(FIRST * series + 5 for series in range(1, SERIES))])
pairs = st.lists(pair, unique=True).map(sorted)


def test_there_are_pairs_that_collide() -> None:
    assert len(SAME_PLACE) > 20


@given(st.lists(st.tuples(pairs, st.integers(-2, 2)), max_size=8))
def test_last_minutes_and_windows_are_the_same_compiled_and_not(minutes: list[tuple[list[int], int]]) -> None:
    ways = []
    for way in (True, False):
        with patch.object(compiled, "COMPILED", way):
            windows = RegionWindows()
            windows.minute = 1_000
            windows.grow(SERIES)
            last = windows._last
            told: list[object] = []
            for keys, moved in minutes:
                windows.minute += 50 * max(moved, 0)
                added = np.array(keys, np.int64)
                new = windows.add(windows.minute + min(moved, 0) * 40, added)
                probed = np.array([*SAME_PLACE[15:25], 1, 7, 1 << 31, *keys], np.int64)
                told.append([new.tolist(), windows.every()[:SERIES].tolist(), len(last), last.of(probed).tolist()])
            ways.append(told)
    assert ways[0] == ways[1]


def test_a_table_grows_and_keeps_its_pairs() -> None:
    chance = np.random.default_rng(1)
    last = LastMinutes()
    plain: dict[int, int] = {}
    for minute in range(20):
        keys = np.unique(chance.integers(0, 3, 2_000) * FIRST + chance.integers(0, 3_000, 2_000) * (1 + minute % 2))
        before = last.touch(keys, minute)
        assert before.tolist() == [plain.get(key, NEVER) for key in keys.tolist()]
        plain |= dict.fromkeys(keys.tolist(), minute)
    found, minutes = last.all()
    assert dict(zip(found.tolist(), minutes.tolist(), strict=True)) == plain


@given(st.lists(st.lists(st.integers(0, 9), min_size=COLUMNS, max_size=COLUMNS), min_size=1, max_size=SERIES))
def test_sums_of_a_minute_come_into_every_window(rows: list[list[int]]) -> None:
    table = np.array(rows, np.int32)
    table[:, 1] = range(len(rows))
    ways = []
    for way in (True, False):
        with patch.object(compiled, "COMPILED", way):
            windows = RegionWindows()
            windows.grow(SERIES)
            windows.add_minute(table)
            windows.add_minute(table)
            ways.append(windows.at(np.arange(SERIES))[1].tolist())
    assert ways[0] == ways[1]
    assert ways[0][0][-1][0] == 2 * rows[0][2]


def test_a_table_of_another_size_a_full_one_and_places_that_are_not_there_are_refused() -> None:
    keys, minutes, whole = np.array([FIRST], np.int64), np.zeros(1, np.int32), np.zeros(1, np.int32)
    for size, told in ((3, "power of two"), (0, "power of two"), (1, "power of two"), (2, "full")):
        table, last = np.full(size, 3 * FIRST, np.int64), np.zeros(size, np.int32)
        for ask in (
            lambda table=table, last=last: compiled.windows.last_of(keys, whole, table, last),
            lambda table=table, last=last: compiled.windows.touch(keys, 1, whole, table, last),
            lambda table=table, last=last: compiled.windows.enter(keys, minutes, table, last),
        ):
            with pytest.raises(ValueError, match=told):
                ask()
    table = np.full(4, FREE, np.int64)
    with pytest.raises(ValueError, match="4 places, but 3 minutes"):
        compiled.windows.touch(keys, 1, whole, table, np.zeros(3, np.int32))
    for wrong in (-1, 1):
        with pytest.raises(IndexError):
            compiled.windows.touch(np.array([wrong], np.int64), 1, whole, table, np.zeros(4, np.int32))
    people = np.zeros((1, len(LENGTHS)), np.int64)
    with pytest.raises(IndexError):
        compiled.windows.come(keys, np.array([NEVER], np.int32), 5, np.zeros(len(LENGTHS), np.int64), people)
    with pytest.raises(IndexError):
        compiled.windows.add_sums(np.ones((1, COLUMNS), np.int32), 2, np.zeros((1, 4, 5), np.int64))
    with pytest.raises(IndexError):
        compiled.windows.add_sums(np.zeros((1, 4), np.int32), 2, np.zeros((1, 4, 5), np.int64))
