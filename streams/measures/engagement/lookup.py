"""Numbers of many short strings at once: a hash table in numpy arrays, in front of a dict that stays the truth.

A dict is asked name by name, and each answer waits for the memory of the one before; here the waits overlap. A string
is up to 32 bytes as four words of 64 bits, filled up with zeros, which are in no string. Rows are compared in full, so
that equal hashes are no matter; what is not found is asked of the dict and put here.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
WIDTH: Final = 4
"""Words of a row."""
FEWEST: Final = 1_024
MOST: Final = 1 << 18
"""Rows a table holds at most; it begins anew when there would be more."""
MIX: Final = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)
UNKNOWN: Final = -1


class Lookup:
    """An open-addressing table from rows of WIDTH words to numbers from 0 on."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._count = 0
        self._make(FEWEST * 2)

    def _make(self, size: int) -> None:
        self._keys: Words = np.zeros((size, WIDTH), np.uint64)
        self._numbers = np.full(size, UNKNOWN, np.int64)
        self._mask = size - 1
        self._shift = np.uint64(64 - self._mask.bit_length())

    def find(self, rows: Words) -> NDArray[np.int64]:
        """Give the number of each row of shape (n, WIDTH), UNKNOWN of those that are not here."""
        slots = self._slots(rows)
        found = self._numbers[slots]
        other = (_differ(self._keys.take(slots, 0), rows) & (found != UNKNOWN)).nonzero()[0]
        while len(other):
            slots[other] = slot = (slots[other] + 1) & self._mask
            found[other] = number = self._numbers[slot]
            other = other[_differ(self._keys[slot], rows[other]) & (number != UNKNOWN)]
        return found

    def put(self, rows: Words, numbers: NDArray[np.int64]) -> None:
        """Put rows; one that is here already, or stands among them twice, is put once."""
        if self._count + len(rows) > MOST:
            self.clear()
        if 3 * (self._count + len(rows)) > 2 * len(self._numbers):
            self._grow(self._count + len(rows))
        slots = self._slots(rows)
        waiting = np.arange(len(rows))
        while len(waiting):
            slot = slots[waiting]
            free = (self._numbers[slot] == UNKNOWN).nonzero()[0]
            if len(free):  # of several rows that want one slot one gets it, and the others go on from there
                _, one = np.unique(slot[free], return_index=True)
                free = free[one]
                self._keys[slot[free]] = rows[waiting[free]]
                self._numbers[slot[free]] = numbers[waiting[free]]
                self._count += len(free)
            elsewhere = _differ(self._keys[slot], rows[waiting])
            slots[waiting] = (slot + 1) & self._mask
            waiting = waiting[elsewhere]

    def _slots(self, rows: Words) -> NDArray[np.int64]:
        mixed = rows * MIX
        hashes = mixed[:, 0] ^ mixed[:, 1] ^ mixed[:, 2] ^ mixed[:, 3]
        hashes ^= hashes >> np.uint64(32)
        hashes *= MIX[0]
        hashes >>= self._shift
        slots: NDArray[np.int64] = hashes.view(np.int64)
        return slots

    def _grow(self, count: int) -> None:
        used = self._numbers != UNKNOWN
        keys, numbers = self._keys[used], self._numbers[used]
        size = len(self._numbers)
        while 2 * size < 3 * count:
            size *= 2
        self._make(size)
        self._count = 0
        if len(keys):
            self.put(keys, numbers)


def _differ(some: Words, others: Words) -> NDArray[np.bool_]:
    """Say of each row whether the other one is not the same."""
    other = some ^ others
    found: NDArray[np.bool_] = (other[:, 0] | other[:, 1] | other[:, 2] | other[:, 3]) != 0
    return found
