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
from streams import compiled
from streams.measures.engagement.arrays import longer
from streams.measures.engagement.bucket import SERIES, SUMS
from streams.measures.engagement.pairs import NEVER, SERIES_SHIFT, LastMinutes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.measures.engagement.bucket import Rows
    from streams.measures.engagement.history import History

LENGTHS: Final = tuple(WINDOWS.values())
LENGTHS_ARRAY: Final = np.array(LENGTHS)
LONGEST: Final = max(LENGTHS)
PLACES: Final = np.arange(len(LENGTHS))
METRICS: Final = 5
"""Columns of a sum: events, posts, replies, reshares, new people."""
HOUR: Final = 60
LEAP: Final = 1_440
"""A step of time over so many minutes is taken at once, not hour by hour."""


class RegionWindows:
    """The windows of one region's series as of its last closed minute."""

    def __init__(self) -> None:
        self.minute = NEVER
        self._last = LastMinutes()
        self._people: NDArray[np.int64] = np.zeros((0, len(LENGTHS)), np.int64)
        self._sums: NDArray[np.int64] = np.zeros((0, len(LENGTHS), METRICS), np.int64)
        self._leaving: list[dict[int, NDArray[np.int64]]] = [{} for _ in LENGTHS]
        self._hours = [NEVER] * len(LENGTHS)

    def pairs(self) -> int:
        """Give how many pairs of series and person are remembered."""
        return len(self._last)

    def grow(self, series: int) -> None:
        """Make room for series numbers under `series`."""
        self._people = longer(self._people, series)
        self._sums = longer(self._sums, series)

    def every(self) -> NDArray[np.int64]:
        """Give the distinct people of every series; shape (series or more, windows)."""
        return self._people

    def at(self, series: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give people, of shape (windows, series), and sums, of shape (METRICS, windows, series), of some series."""
        return self._people[series].T, self._sums[series].transpose(2, 1, 0)

    def advance(self, minute: int, history: History) -> None:
        """Let everything leave that is out of the windows which end with `minute`; time never goes back."""
        if minute > self.minute:
            for place, length in enumerate(LENGTHS):
                first, last = self.minute - length + 1, minute - length
                self._expire_people(place, first, last)
                for rows in history.leaving(first, last, length):
                    np.subtract.at(self._sums[:, place], rows.series, rows.counts)
            self.minute = minute

    def _expire_people(self, place: int, first: int, last: int) -> None:
        if last - first >= LEAP:
            self._count(place, self._last.between(first, last)[0], -1)
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
                    self._count(place, keys[self._last.of(keys) == minute], -1)
        if LENGTHS[place] == LONGEST and last // HOUR != (first - 1) // HOUR:
            self._last.forget(last)

    def _prepare_hour(self, place: int, hour: int) -> None:
        """Sort the pairs whose last minute lies in the hour by that minute: one look at all pairs an hour."""
        self._hours[place] = hour
        self._leaving[place] = {}
        keys, minutes = self._last.between(hour * HOUR, hour * HOUR + HOUR - 1)
        if not len(keys):
            return
        order = np.argsort((minutes - hour * HOUR).astype(np.int8), kind="stable")  # sorts such by counting
        keys, minutes = keys[order], minutes[order]
        starts = np.flatnonzero(np.diff(minutes, prepend=NEVER))
        leaving = self._leaving[place]
        bounds = [*starts.tolist(), len(minutes)]
        for begin, end in pairwise(bounds):
            leaving[int(minutes[begin])] = keys[begin:end]

    def _count(self, place: int, keys: NDArray[np.int64], people: int) -> None:
        """Count so many `people` more for the series of each key."""
        np.add.at(self._people.reshape(-1), (keys >> SERIES_SHIFT) * len(LENGTHS) + place, people)

    def add(self, minute: int, keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Count the sorted distinct pairs `keys` as taking part in `minute`; tell those that are new in 28 days.

        `minute` is the last closed one, or an earlier one for late events.
        """
        before = self._last.touch(keys, minute)
        starts = self.minute - LENGTHS_ARRAY
        if compiled.COMPILED:
            compiled.windows.come(keys, before, minute, starts, self._people)
        else:
            self._come(keys, before, minute, starts)
        if minute < self.minute:
            self._expect(minute, keys[before < minute])
        return before <= minute - LONGEST

    def _come(self, keys: NDArray[np.int64], before: NDArray[np.int32], minute: int, starts: NDArray[np.int64]) -> None:
        """Count pairs, by the last minutes that they had before, into windows whose `starts` are out of them."""
        places = ((keys >> SERIES_SHIFT) * len(LENGTHS))[:, None] + PLACES
        np.add.at(self._people.reshape(-1), places[(before[:, None] <= starts) & (minute > starts)], 1)

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
            np.add.at(self._sums[:, window], held.series, held.counts)

    def add_minute(self, table: NDArray[np.int32]) -> None:
        """Add the packed rows of the minute that has just been closed, one for each series, to every window."""
        if compiled.COMPILED:
            compiled.windows.add_sums(table, SUMS.start, self._sums)
        else:
            self._sums[table[:, SERIES]] += table[:, None, SUMS]

    def restore(self, minute: int, pairs: NDArray[np.int64], last: NDArray[np.int32]) -> None:
        """Set the people from what is remembered: pairs, in any order, repeats allowed, with their minutes.

        `minute` is the last closed one; the sums are added by `add_rows`.
        """
        order = np.lexsort((last, pairs))
        pairs, last = pairs[order], last[order]
        newest = np.append(pairs[1:] != pairs[:-1], np.ones(min(len(pairs), 1), bool))
        pairs, last = pairs[newest], last[newest]
        self.minute = minute
        self._last.set(pairs, last)
        self._people[:] = 0
        for window, length in enumerate(LENGTHS):
            self._count(window, pairs[last > minute - length], 1)
            self._hours[window] = NEVER
