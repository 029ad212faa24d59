"""Rolling windows of one region: exact distinct people and sums, forward on the minute grid, whatever the log's age.

A person counts in the window (m - W, m] of a series if the last minute in which they took part lies in it: so one
number for each pair of series and person is enough for every window, and memory is bounded by series x people.
Sums leave the window with the row that brought them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from schemas.activity import WINDOWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.measures.engagement.bucket import Rows
    from streams.measures.engagement.history import History

LENGTHS: Final = tuple(WINDOWS.values())
LENGTHS_ARRAY: Final = np.array(LENGTHS)
LONGEST: Final = max(LENGTHS)
METRICS: Final = 5
"""Columns of a sum: events, posts, replies, reshares, new people."""
NEVER: Final = -(1 << 30)
HOUR: Final = 60
LEAP: Final = 1_440
"""A step of time over so many minutes is taken at once, not hour by hour."""

SERIES_SHIFT: Final = 32
"""A pair is series number << 32 | person number."""


def pair_of(series: int, person: int) -> int:
    """Pack the numbers of a series and a person (each under 2**31) into one key."""
    return series << SERIES_SHIFT | person


class RegionWindows:
    """The windows of one region's series as of its last closed minute."""

    def __init__(self) -> None:
        self.minute = NEVER
        self._pairs: NDArray[np.int64] = np.empty(0, np.int64)
        self._last: NDArray[np.int32] = np.empty(0, np.int32)
        self._people: NDArray[np.int64] = np.zeros((len(LENGTHS), 0), np.int64)
        self._sums: NDArray[np.int64] = np.zeros((len(LENGTHS), 0, METRICS), np.int64)
        self._leaving: list[dict[int, NDArray[np.int64]]] = [{} for _ in LENGTHS]
        self._hours = [NEVER] * len(LENGTHS)

    def pairs(self) -> int:
        """Give how many pairs of series and person are remembered."""
        return len(self._pairs)

    def grow(self, series: int) -> None:
        """Make room for series numbers under `series`."""
        have = self._people.shape[1]
        if series > have:
            more = max(series, 2 * have, 16) - have
            self._people = np.concatenate([self._people, np.zeros((len(LENGTHS), more), np.int64)], axis=1)
            self._sums = np.concatenate([self._sums, np.zeros((len(LENGTHS), more, METRICS), np.int64)], axis=1)

    def every(self) -> NDArray[np.int64]:
        """Give the distinct people of every series; shape (windows, series or more)."""
        return self._people

    def at(self, series: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give people, of shape (windows, series), and sums, of shape (METRICS, windows, series), of some series."""
        return self._people[:, series], self._sums[:, series].transpose(2, 0, 1)

    def advance(self, minute: int, history: History) -> None:
        """Let everything leave that is out of the windows which end with `minute`; time never goes back."""
        for place, length in enumerate(LENGTHS):
            first, last = self.minute - length + 1, minute - length
            if last >= first and minute > self.minute:
                self._expire_people(place, first, last)
                for rows in history.leaving(first, last, length):
                    np.subtract.at(self._sums[place], rows.series, rows.counts)
        self.minute = max(self.minute, minute)

    def _expire_people(self, place: int, first: int, last: int) -> None:
        if last - first >= LEAP:
            inside = (self._last >= first) & (self._last <= last)
            self._people[place] -= self._count(self._pairs[inside] >> SERIES_SHIFT)
            self._hours[place] = NEVER
            self._prepare_hour(place, last // HOUR)
            leaving = self._leaving[place]
            for minute in [minute for minute in leaving if minute <= last]:
                del leaving[minute]
        else:
            for hour in range(first // HOUR, last // HOUR + 1):
                if self._hours[place] != hour:
                    self._prepare_hour(place, hour)
                leaving = self._leaving[place]
                for minute in [minute for minute in leaving if minute <= last] if leaving else ():
                    keys = leaving.pop(minute)
                    if minute < first:  # it left before its hour was sorted
                        continue
                    gone = keys[self._last[self._pairs.searchsorted(keys)] == minute]
                    self._people[place] -= self._count(gone >> SERIES_SHIFT)
        if LENGTHS[place] == LONGEST and last // HOUR != (first - 1) // HOUR:
            keep = self._last > last
            self._pairs, self._last = self._pairs[keep], self._last[keep]

    def _prepare_hour(self, place: int, hour: int) -> None:
        """Sort the pairs whose last minute lies in the hour by that minute: one look at all pairs an hour."""
        self._hours[place] = hour
        inside = np.flatnonzero((self._last >= hour * HOUR) & (self._last < (hour + 1) * HOUR))
        minutes = self._last[inside]
        order = np.argsort(minutes, kind="stable")
        keys, minutes = self._pairs[inside][order], minutes[order]
        starts = np.flatnonzero(np.diff(minutes, prepend=NEVER))
        leaving = self._leaving[place] = {}
        bounds = [*starts.tolist(), len(minutes)]
        for begin, end in pairwise(bounds):
            leaving[int(minutes[begin])] = keys[begin:end]

    def _count(self, series: NDArray[np.int64]) -> NDArray[np.int64]:
        """Count how often each series number comes."""
        return np.bincount(series, minlength=self._people.shape[1])

    def add(self, minute: int, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Count the sorted distinct pairs `keys` as taking part in `minute`; give those that are new in 28 days.

        `minute` is the last closed one, or an earlier one for late events.
        """
        if not len(keys):
            return keys
        have = self._pairs
        place = have.searchsorted(keys)
        before = np.full(len(keys), NEVER, np.int32)
        known = (have[np.minimum(place, len(have) - 1)] == keys) if len(have) else np.zeros(len(keys), bool)
        at = place[known]
        before[known] = self._last[at]
        starts = self.minute - LENGTHS_ARRAY
        found, windows = ((before[:, None] <= starts) & (minute > starts)).nonzero()
        np.add.at(self._people, (windows, keys[found] >> SERIES_SHIFT), 1)
        self._last[at] = np.maximum(before[known], minute)
        if len(at) < len(keys):
            self._insert(place[~known], keys[~known], minute)
        if minute < self.minute:
            self._expect(minute, keys[before < minute])
        return keys[before <= minute - LONGEST]

    def _insert(self, place: NDArray[np.int64], keys: NDArray[np.int64], minute: int) -> None:
        """Insert new pairs before the places where they belong."""
        into = place + np.arange(len(place))
        old = np.ones(len(self._pairs) + len(keys), bool)
        old[into] = False
        pairs = np.empty(len(old), np.int64)
        last = np.empty(len(old), np.int32)
        pairs[into], last[into] = keys, minute
        pairs[old], last[old] = self._pairs, self._last
        self._pairs, self._last = pairs, last

    def _expect(self, minute: int, keys: NDArray[np.int64]) -> None:
        """Let late pairs leave with their minute where its hour has been sorted already."""
        for window in range(len(LENGTHS)):
            if self._hours[window] == minute // HOUR:
                had = self._leaving[window].get(minute)
                self._leaving[window][minute] = keys if had is None else np.union1d(had, keys)

    def add_rows(self, rows: Rows, history: History) -> None:
        """Add sums to every window that holds their minutes."""
        for window, length in enumerate(LENGTHS):
            held = history.inside(self.minute, length, rows)
            np.add.at(self._sums[window], held.series, held.counts)

    def add_minute(self, rows: Rows) -> None:
        """Add the sums of the minute that has just been closed, one row for each series, to every window."""
        self._sums[:, rows.series] += rows.counts

    def restore(self, minute: int, pairs: NDArray[np.int64], last: NDArray[np.int32]) -> None:
        """Set the people from what is remembered: pairs, in any order, repeats allowed, with their minutes.

        `minute` is the last closed one; the sums are added by `add_rows`.
        """
        order = np.lexsort((last, pairs))
        pairs, last = pairs[order], last[order]
        newest = np.append(pairs[1:] != pairs[:-1], np.ones(min(len(pairs), 1), bool))
        self.minute, self._pairs, self._last = minute, pairs[newest], last[newest]
        for window, length in enumerate(LENGTHS):
            self._people[window] = self._count(self._pairs[self._last > minute - length] >> SERIES_SHIFT)
            self._hours[window] = NEVER
