"""The roll-up of one region and minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.events import COUNTING_KINDS, KINDS
from streams.measures.engagement.arrays import starts_of
from streams.measures.engagement.bucket import COLUMNS, PEOPLE, SUMS
from streams.measures.engagement.columns import MACHINE
from streams.measures.engagement.pairs import SERIES_SHIFT

if TYPE_CHECKING:
    from array import array

    from streams.measures.engagement.open_minute import OpenMinute
    from streams.measures.engagement.series import SeriesNumbers

COUNTING: Final = np.array([kind in COUNTING_KINDS for kind in KINDS] + [False] * len(KINDS))
COLUMN: Final = np.array([{"post": 1, "reply": 2, "reshare": 3}.get(kind, 0) for kind in KINDS * 2])
_COUNTING: Final = COUNTING.tolist()
_COLUMN: Final = COLUMN.tolist()
"""By code: whether a person takes part by it, and which of the sums it belongs to (0: only to all events)."""

FEW: Final = 24
"""Up to so many events are rolled up one by one."""

UNWRITTEN: Final = -1


class RollUp(Struct, frozen=True):
    """One minute: `kinds` counts events; `keys` are the sorted distinct pairs of those who took part.

    `wrote` has for each key the place among all tags where its person first wrote this one, or UNWRITTEN where the
    series is no tag.
    `table` has shape (n, bucket.COLUMNS), its column of new people still empty; `series` are its series numbers.
    """

    kinds: dict[str, int]
    keys: NDArray[np.int64]
    wrote: NDArray[np.int64]
    series: NDArray[np.int64]
    table: NDArray[np.int32]


def numbers_in(column: array[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Give a column of numbers of an open minute."""
    return np.frombuffer(column, np.int64)


def bytes_in(column: bytearray | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give a column of small numbers of an open minute."""
    return np.frombuffer(column, np.uint8)


def roll_up(minute: int, events: OpenMinute, series: SeriesNumbers) -> RollUp:
    """Roll up a minute that has at least one event; all of them must be gathered."""
    few = len(events.codes) <= FEW
    tags = series.of_words(numbers_in(events.tags), events.words)
    return (roll_up_few if few else roll_up_columns)(minute, events, tags, series)


def roll_up_few(minute: int, events: OpenMinute, numbers: NDArray[np.int64], series: SeriesNumbers) -> RollUp:
    """Roll up a minute event by event: the quicker way for the few events of a quiet region."""
    members = series.members()
    kinds: dict[str, int] = {}
    wrote: dict[int, int] = {}
    took_part: set[int] = set()
    rows: dict[int, list[int]] = {}
    begin = 0
    all_tags = numbers.tolist()
    columns = (bytes_in(events.codes).tolist(), numbers_in(events.persons).tolist(), bytes_in(events.lengths).tolist())
    for code, person, length in zip(*columns, strict=True):
        kind = KINDS[code % MACHINE]
        kinds[kind] = kinds.get(kind, 0) + 1
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
        kinds,
        np.array(keys, np.int64),
        np.array([wrote.get(key, UNWRITTEN) for key in keys], np.int64),
        np.array(sorted(rows), np.int64),
        np.array([rows[number] for number in sorted(rows)], np.int32),
    )


def roll_up_columns(minute: int, events: OpenMinute, numbers: NDArray[np.int64], series: SeriesNumbers) -> RollUp:
    """Roll up a minute by columns: the cost of an event is least, that of a minute some sixty calls of numpy.

    There is an entry for each event and each of its series, the whole first. One sort of them by series and person
    brings together what belongs to a pair, and the pairs of a series.
    """
    codes, persons = bytes_in(events.codes), numbers_in(events.persons)
    owner, number, wrote = _entries_of_tags(bytes_in(events.lengths), numbers, series)
    keys = np.concatenate([persons, number << SERIES_SHIFT | persons[owner]])
    order = keys.argsort()
    keys = keys[order]
    entry_codes = np.concatenate([codes, codes[owner]])[order]
    starts = starts_of(keys)
    pairs = keys[starts]
    took_part = np.logical_or.reduceat(COUNTING[entry_codes], starts)
    wrote = np.concatenate([np.full(len(codes), UNWRITTEN), wrote])[order]

    of_pair = pairs >> SERIES_SHIFT
    rows = starts_of(of_pair)
    numbers = of_pair[rows]
    lengths = _lengths(starts[rows], len(keys))
    cells = np.arange(len(rows)).repeat(lengths) << 2 | COLUMN[entry_codes]
    table = np.zeros((len(rows), COLUMNS), np.int32)
    table[:, 0] = minute
    table[:, 1] = numbers
    table[:, SUMS.start : SUMS.start + 4] = np.bincount(cells, minlength=len(rows) << 2).reshape(-1, 4)
    table[:, SUMS.start] = lengths
    table[:, PEOPLE] = np.add.reduceat(took_part, rows, dtype=np.int32)
    wrote = np.minimum.reduceat(wrote, starts)
    return RollUp(_kinds(codes), pairs[took_part], wrote[took_part], numbers, table)


def _entries_of_tags(
    lengths: NDArray[np.uint8], number: NDArray[np.int64], series: SeriesNumbers
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Give an entry for each event and each of its tags and campaigns: place of the event, series number, place of
    the tag.
    """
    owner = np.arange(len(lengths)).repeat(lengths)
    wrote = np.arange(len(number))
    members = series.members()
    if members:
        parts = [(owner, number, wrote)]
        for campaign, tagged in members.items():
            # an event belongs to a campaign once, however many of its tags do
            places = owner[np.isin(number, list(tagged))]
            places = places[starts_of(places)]
            parts.append((places, np.full(len(places), campaign), np.full(len(places), UNWRITTEN)))
        owner, number, wrote = (np.concatenate([part[column] for part in parts]) for column in range(3))
    once = owner << SERIES_SHIFT | number
    once.sort()
    if (once[1:] == once[:-1]).any():  # somebody gave an event the same tag twice
        _, first = np.unique(owner << SERIES_SHIFT | number, return_index=True)
        first.sort()
        owner, number, wrote = owner[first], number[first], wrote[first]
    return owner, number, wrote


def _lengths(starts: NDArray[np.int64], end: int) -> NDArray[np.int64]:
    """Give how long each stretch is, the last one up to `end`; numpy's diff takes five times as long for few."""
    bounds = np.empty(len(starts) + 1, np.int64)
    bounds[:-1] = starts
    bounds[-1] = end
    return bounds[1:] - bounds[:-1]


def _kinds(codes: NDArray[np.uint8]) -> dict[str, int]:
    """Count the events of each kind."""
    by_code = np.bincount(codes, minlength=2 * MACHINE)
    counts = (by_code[:MACHINE] + by_code[MACHINE:]).tolist()
    return {kind: count for kind, count in zip(KINDS, counts, strict=True) if count}
