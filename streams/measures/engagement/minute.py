"""The roll-up of one region and minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.events import COUNTING_KINDS, KINDS
from streams import compiled
from streams.measures.engagement.bucket import PEOPLE, SUMS
from streams.measures.engagement.columns import MACHINE
from streams.measures.engagement.pairs import SERIES_SHIFT

if TYPE_CHECKING:
    from array import array

    from streams.measures.engagement.open_minute import OpenMinute
    from streams.measures.engagement.series import SeriesNumbers

COUNTING: Final = np.array([kind in COUNTING_KINDS for kind in KINDS] + [False] * len(KINDS), np.uint8)
COLUMN: Final = np.array([{"post": 1, "reply": 2, "reshare": 3}.get(kind, 0) for kind in KINDS * 2], np.uint8)
_COUNTING: Final = COUNTING.tolist()
_COLUMN: Final = COLUMN.tolist()
"""By code: whether a person takes part by it, and which of the sums it belongs to (0: only to all events)."""

UNWRITTEN: Final = -1


class RollUp(Struct, frozen=True):
    """One minute: `kinds` counts events; `keys` are the sorted distinct pairs of those who took part.

    `wrote` has for each key the place among all tags where its person first wrote this one, or UNWRITTEN where the
    series is no tag. `table` has shape (series, bucket.COLUMNS), in order of the series, its column of new people still
    empty.
    """

    kinds: dict[str, int]
    keys: NDArray[np.int64]
    wrote: NDArray[np.int64]
    table: NDArray[np.int32]


def numbers_in(column: array[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Give a column of numbers of an open minute."""
    return np.frombuffer(column, np.int64)


def bytes_in(column: bytearray | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give a column of small numbers of an open minute."""
    return np.frombuffer(column, np.uint8)


def roll_up(minute: int, events: OpenMinute, series: SeriesNumbers) -> RollUp:
    """Roll up a minute that has at least one event; all of them must be gathered."""
    tags = series.of_words(numbers_in(events.tags), events.words)
    if not compiled.COMPILED:
        return roll_up_plainly(minute, events, tags, series)
    codes = bytes_in(events.codes)
    keys, wrote, table = compiled.closing.roll_up(
        codes, numbers_in(events.persons), bytes_in(events.lengths), tags, *series.tagged(), COUNTING, COLUMN
    )
    table[:, 0] = minute
    return RollUp(_kinds(codes), keys, wrote, table)


def roll_up_plainly(minute: int, events: OpenMinute, numbers: NDArray[np.int64], series: SeriesNumbers) -> RollUp:
    """Roll up a minute event by event; `numbers` are the series of its tags."""
    members = series.members()
    wrote: dict[int, int] = {}
    took_part: set[int] = set()
    rows: dict[int, list[int]] = {}
    begin = 0
    all_tags = numbers.tolist()
    codes = bytes_in(events.codes)
    columns = (codes.tolist(), numbers_in(events.persons).tolist(), bytes_in(events.lengths).tolist())
    for code, person, length in zip(*columns, strict=True):
        tags = all_tags[begin : begin + length]
        for place, number in enumerate(tags, begin):
            wrote.setdefault(number << SERIES_SHIFT | person, place)
        begin += length
        column = _COLUMN[code]
        campaigns = [campaign for campaign, tagged in members.items() if not tagged.isdisjoint(tags)]
        for number in dict.fromkeys((0, *tags, *campaigns)):
            row = rows.get(number)
            if row is None:
                row = rows[number] = [minute, number, 0, 0, 0, 0, 0, 0]
            row[SUMS.start] += 1
            if column:
                row[SUMS.start + column] += 1
            key = number << SERIES_SHIFT | person
            if _COUNTING[code] and key not in took_part:
                took_part.add(key)
                row[PEOPLE] += 1
    keys = sorted(took_part)
    return RollUp(
        _kinds(codes),
        np.array(keys, np.int64),
        np.array([wrote.get(key, UNWRITTEN) for key in keys], np.int64),
        np.array([rows[number] for number in sorted(rows)], np.int32),
    )


def _kinds(codes: NDArray[np.uint8]) -> dict[str, int]:
    """Count the events of each kind."""
    by_code = np.bincount(codes, minlength=2 * MACHINE)
    counts = (by_code[:MACHINE] + by_code[MACHINE:]).tolist()
    return {kind: count for kind, count in zip(KINDS, counts, strict=True) if count}
