"""When each pair of series and person last took part: by person for the whole region, in a hash table for the rest.

Half of all pairs are those of the whole region; an array by the number of the person holds them. The others are too
many for arrays (series x people) and stand in a hash table with open addressing, which numpy searches for all pairs of
a minute at once. A pair takes 20 to 40 bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from streams import compiled
from streams.measures.engagement.arrays import longer

if TYPE_CHECKING:
    from numpy.typing import NDArray

SERIES_SHIFT: Final = 32
"""A pair is series number << 32 | person number, each under 2**31."""
PERSON: Final = (1 << SERIES_SHIFT) - 1
"""Takes the person's number out of a pair."""
NEVER: Final = -(1 << 30)
LAST_MINUTE: Final = (1 << 31) - 1
FREE: Final = 0
"""In the hash table, no pair: those of series 0 are not in it."""
FIRST: Final = 1 << SERIES_SHIFT
"""The least pair of another series than the whole."""
MIX: Final = np.uint64(0x9E3779B97F4A7C15)
"""Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4): the upper bits of the product are the place."""
FEWEST_BITS: Final = 10
FULL: Final = 0.6
"""The table is made twice as large when more of its places are taken."""


class LastMinutes:
    """The last minute of every pair."""

    def __init__(self) -> None:
        self.set(np.empty(0, np.int64), np.empty(0, np.int32))

    def __len__(self) -> int:
        return self._taken + int(np.count_nonzero(self._whole != NEVER))

    def set(self, pairs: NDArray[np.int64], last: NDArray[np.int32]) -> None:
        """Replace everything by these distinct pairs and their last minutes."""
        self._oldest = int(last.min(initial=LAST_MINUTE))
        """No pair has an earlier minute."""
        whole = pairs < FIRST
        self._whole = np.full(int(pairs[whole].max(initial=0)) + 1, NEVER, np.int32)
        self._whole[pairs[whole]] = last[whole]
        self._fill(pairs[~whole], last[~whole])

    def _fill(self, pairs: NDArray[np.int64], last: NDArray[np.int32], more: int = 0) -> None:
        """Make a hash table of these pairs that is less than half full when `more` have come."""
        self._taken = len(pairs)
        self._bits = max(FEWEST_BITS, (2 * (len(pairs) + more)).bit_length())
        self._pairs = np.full(1 << self._bits, FREE, np.int64)
        self._last = np.full(1 << self._bits, NEVER, np.int32)
        if compiled.COMPILED:
            compiled.windows.enter(pairs, last, self._pairs, self._last)
        else:
            self._last[self._places(pairs, enter=True)] = last

    def _places(self, pairs: NDArray[np.int64], *, enter: bool) -> NDArray[np.int64]:
        """Give the place of each of these distinct pairs in the table, or that of a free one, which `enter` takes."""
        table = self._pairs
        places = (pairs.view(np.uint64) * MIX >> np.uint64(64 - self._bits)).view(np.int64)
        others = (table[places] != pairs).nonzero()[0]
        step = 0
        while len(others):
            at, wanted = places[others], pairs[others]
            have = table[at]
            if enter:
                free = have == FREE
                table[at[free]] = wanted[free]  # of several that want the same place the last one has it
                have = table[at]
            others = others[(have != wanted) & (have != FREE)]
            step += 1  # steps of 1, 2, 3 ... lead to every place of a table whose size is a power of two
            places[others] = places[others] + step & (1 << self._bits) - 1
        return places

    def all(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Give all pairs with their last minutes, in no order but that those of the whole come first."""
        return self.between(NEVER + 1, LAST_MINUTE)

    def between(self, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Give the pairs whose last minute is one of `first` to `last`, in the order of `all`, and that minute."""
        if last < self._oldest:
            return np.empty(0, np.int64), np.empty(0, np.int32)
        people = np.flatnonzero((self._whole >= first) & (self._whole <= last))
        taken = np.flatnonzero((self._last >= first) & (self._last <= last))
        return (
            np.concatenate([people, self._pairs[taken]]),
            np.concatenate([self._whole[people], self._last[taken]]),
        )

    def forget(self, last: int) -> None:
        """Forget the pairs that have not taken part since minute `last`, or only in it."""
        if self._oldest <= last:
            self.set(*self.between(last + 1, LAST_MINUTE))

    def of(self, keys: NDArray[np.int64]) -> NDArray[np.int32]:
        """Give the last minute of each pair of `keys`, NEVER of an unknown one."""
        if compiled.COMPILED:
            return compiled.windows.last_of(keys, self._whole, self._pairs, self._last)
        whole = keys < FIRST
        found = np.full(len(keys), NEVER, np.int32)
        known = whole & (keys < len(self._whole))
        found[known] = self._whole[keys[known]]
        others = ~whole
        found[others] = self._last[self._places(keys[others], enter=False)]
        return found

    def touch(self, keys: NDArray[np.int64], minute: int) -> NDArray[np.int32]:
        """Let the sorted distinct `keys` take part in `minute`; give the last minute that each had before."""
        self._oldest = min(self._oldest, minute)
        border = int(keys.searchsorted(FIRST))
        if border:
            self._whole = longer(self._whole, int(keys[border - 1]) + 1, NEVER)
        more = len(keys) - border
        if self._taken + more > FULL * len(self._pairs):
            taken = self._pairs.nonzero()[0]
            self._fill(self._pairs[taken], self._last[taken], more)
        if compiled.COMPILED:
            before, entered = compiled.windows.touch(keys, minute, self._whole, self._pairs, self._last)
        else:
            before, entered = self._touch(keys, border, minute)
        self._taken += entered
        return before

    def _touch(self, keys: NDArray[np.int64], border: int, minute: int) -> tuple[NDArray[np.int32], int]:
        """Let the keys take part, of which the first `border` are those of the whole; there is room for all.

        Give the last minute that each had before, and how many are new in the hash table.
        """
        people, pairs = keys[:border], keys[border:]
        places = self._places(pairs, enter=True)
        before = np.concatenate([self._whole[people], self._last[places]])
        self._whole[people] = np.maximum(before[:border], minute)
        self._last[places] = np.maximum(before[border:], minute)
        return before, int(np.count_nonzero(before[border:] == NEVER))
