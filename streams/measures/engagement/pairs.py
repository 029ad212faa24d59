"""When each pair of series and person last took part: sorted pairs, and beside them those that are new of late.

To insert into a sorted array is to copy it. So new pairs gather in a second, smaller one until they are worth it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SERIES_SHIFT: Final = 32
"""A pair is series number << 32 | person number, each under 2**31."""
PERSON: Final = (1 << SERIES_SHIFT) - 1
"""Takes the person's number out of a pair."""
NEVER: Final = -(1 << 30)
LAST_PAIR: Final = np.iinfo(np.int64).max
"""Ends every array, so that the place of a pair always has something in it. It is no pair: numbers are under 2**31."""
FEWEST: Final = 4_096
SHARE: Final = 16
"""New pairs are merged when they are more than FEWEST and more than a SHARE-th of the others."""


class Sorted:
    """Sorted distinct pairs with their minutes, and LAST_PAIR behind them."""

    __slots__ = ("last", "pairs")

    def __init__(self, pairs: NDArray[np.int64], last: NDArray[np.int32]) -> None:
        self.pairs = np.append(pairs, LAST_PAIR)
        self.last = np.append(last, np.int32(NEVER))

    def insert(self, place: NDArray[np.int64], pairs: NDArray[np.int64], last: NDArray[np.int32] | int) -> None:
        """Insert sorted new pairs before the places where they belong."""
        into = place + np.arange(len(place))
        old = np.ones(len(self.pairs) + len(pairs), bool)
        old[into] = False
        both = np.empty(len(old), np.int64)
        minutes = np.empty(len(old), np.int32)
        both[into], minutes[into] = pairs, last
        both[old], minutes[old] = self.pairs, self.last
        self.pairs, self.last = both, minutes


class LastMinutes:
    """The last minute of every pair."""

    def __init__(self) -> None:
        self.set(np.empty(0, np.int64), np.empty(0, np.int32))

    def __len__(self) -> int:
        return len(self._settled.pairs) + len(self._recent.pairs) - 2

    def set(self, pairs: NDArray[np.int64], last: NDArray[np.int32]) -> None:
        """Replace everything by these sorted distinct pairs and their last minutes."""
        self._settled = Sorted(pairs, last)
        self._recent = Sorted(pairs[:0], last[:0])

    def all(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Give all pairs, sorted, with their last minutes."""
        if len(self._recent.pairs) > 1:
            recent = self._recent.pairs[:-1]
            self._settled.insert(self._settled.pairs.searchsorted(recent), recent, self._recent.last[:-1])
            self._recent = Sorted(recent[:0], self._recent.last[:0])
        return self._settled.pairs[:-1], self._settled.last[:-1]

    def of(self, keys: NDArray[np.int64]) -> NDArray[np.int32]:
        """Give the last minute of each pair of `keys`, NEVER of an unknown one."""
        found = np.full(len(keys), NEVER, np.int32)
        for part in (self._settled, self._recent):
            place = part.pairs.searchsorted(keys)
            known = part.pairs[place] == keys
            found[known] = part.last[place[known]]
        return found

    def touch(self, keys: NDArray[np.int64], minute: int) -> NDArray[np.int32]:
        """Let the sorted distinct `keys` take part in `minute`; give the last minute that each had before."""
        before = np.full(len(keys), NEVER, np.int32)
        settled, recent = self._settled, self._recent
        place = settled.pairs.searchsorted(keys)
        known = settled.pairs[place] == keys
        at = place[known]
        had = settled.last[at]
        before[known] = had
        settled.last[at] = np.maximum(had, minute)
        if len(at) < len(keys):
            others = np.logical_not(known).nonzero()[0]
            keys = keys[others]
            place = recent.pairs.searchsorted(keys)
            known = recent.pairs[place] == keys
            at = place[known]
            had = recent.last[at]
            before[others[known]] = had
            recent.last[at] = np.maximum(had, minute)
            if len(at) < len(keys):
                new = ~known
                recent.insert(place[new], keys[new], minute)
                if len(recent.pairs) > max(FEWEST, len(settled.pairs) // SHARE):
                    self.all()
        return before
