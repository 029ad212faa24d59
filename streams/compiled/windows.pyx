# cython: boundscheck=True, wraparound=False, initializedcheck=False
"""Rolling windows: the last minutes of pairs in a hash table, people by window, and sums.

A pair is series << 32 | person. The table has open addressing, its size is a power of two and 0 is a free place; the
pairs of series 0 stand by person in `whole` instead.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t

import numpy as np

include "prefetch.pxi"

cdef enum:
    SERIES_SHIFT = 32
    AHEAD = 12  # so many pairs ahead their places are fetched from memory

cdef int64_t FREE = 0
cdef int64_t FIRST = <int64_t>1 << SERIES_SHIFT
cdef int32_t NEVER = -(1 << 30)
cdef uint64_t MIX = 0x9E3779B97F4A7C15u


cdef int _shift_of(const int64_t[::1] table, const int32_t[::1] last) except -1:
    """Give how far a hash is shifted for a place in this table, which has as many pairs as minutes."""
    cdef int bits = 1
    if last.shape[0] != table.shape[0]:
        raise ValueError(f"{table.shape[0]} places, but {last.shape[0]} minutes")
    while bits < 62 and <Py_ssize_t>1 << bits < table.shape[0]:
        bits += 1
    if <Py_ssize_t>1 << bits != table.shape[0]:
        raise ValueError(f"a table's size is a power of two, not {table.shape[0]}")
    return 64 - bits


cdef inline Py_ssize_t _place(int64_t pair, const int64_t[::1] table, int shift) except -1:
    """Give the place of a pair, or else the free one where it belongs."""
    cdef Py_ssize_t at = <Py_ssize_t>(<uint64_t>pair * MIX >> shift)
    cdef Py_ssize_t step = 0
    while table[at] != pair and table[at] != FREE:
        step += 1
        if step == table.shape[0]:
            raise ValueError("the table is full")
        at = (at + step) & (table.shape[0] - 1)
    return at


cdef inline void _fetch_ahead(
    const int64_t[::1] keys, Py_ssize_t number, const int64_t[::1] table, const int32_t[::1] last, int shift
) noexcept:
    """Let the processor fetch the place of the pair that comes AHEAD of this one, if that is in the table."""
    cdef Py_ssize_t at
    number += AHEAD
    if number < keys.shape[0] and keys[number] >= FIRST:
        at = <Py_ssize_t>(<uint64_t>keys[number] * MIX >> shift)
        prefetch(&table[at])
        prefetch(&last[at])


def last_of(const int64_t[::1] keys, const int32_t[::1] whole, const int64_t[::1] table, const int32_t[::1] last):
    """Give the last minute of each pair of `keys`, NEVER of an unknown one; an array of shape (keys,)."""
    cdef int shift = _shift_of(table, last)
    cdef Py_ssize_t number, place
    cdef int64_t key
    found = np.empty(keys.shape[0], np.int32)
    cdef int32_t[::1] minutes = found
    for number in range(keys.shape[0]):
        _fetch_ahead(keys, number, table, last, shift)
        key = keys[number]
        if key >= FIRST:
            place = _place(key, table, shift)
            minutes[number] = last[place] if table[place] == key else NEVER
        else:
            minutes[number] = whole[key] if key < whole.shape[0] else NEVER
    return found


def enter(const int64_t[::1] pairs, const int32_t[::1] minutes, int64_t[::1] table, int32_t[::1] last):
    """Enter distinct pairs, none of the whole, with their last minutes."""
    cdef int shift = _shift_of(table, last)
    cdef Py_ssize_t number, place
    for number in range(pairs.shape[0]):
        place = _place(pairs[number], table, shift)
        table[place] = pairs[number]
        last[place] = minutes[number]


def touch(const int64_t[::1] keys, int32_t minute, int32_t[::1] whole, int64_t[::1] table, int32_t[::1] last):
    """Let distinct pairs take part in `minute`.

    Give an array of shape (keys,), the last minute that each had before or NEVER, and how many were entered into the
    table, which must have room for them.
    """
    cdef int shift = _shift_of(table, last)
    cdef Py_ssize_t number, place, entered = 0
    cdef int64_t key
    cdef int32_t had
    before = np.empty(keys.shape[0], np.int32)
    cdef int32_t[::1] minutes = before
    for number in range(keys.shape[0]):
        _fetch_ahead(keys, number, table, last, shift)
        key = keys[number]
        if key < FIRST:
            had = whole[key]
            if had < minute:
                whole[key] = minute
        else:
            place = _place(key, table, shift)
            if table[place] == FREE:
                table[place] = key
                last[place] = NEVER
                entered += 1
            had = last[place]
            if had < minute:
                last[place] = minute
        minutes[number] = had
    return before, entered


def come(
    const int64_t[::1] keys,
    const int32_t[::1] before,
    int64_t minute,
    const int64_t[::1] starts,
    int64_t[:, ::1] people,
):
    """Count the pairs of `minute`, which had these last minutes before, into the windows to which they are new.

    `starts` are the last minutes that are out of each window, `people` has shape (series, windows).
    """
    cdef Py_ssize_t number, window
    cdef int64_t series
    if before.shape[0] != keys.shape[0]:
        raise ValueError(f"{keys.shape[0]} pairs, but {before.shape[0]} minutes")
    for number in range(keys.shape[0]):
        series = keys[number] >> SERIES_SHIFT
        for window in range(starts.shape[0]):
            if before[number] <= starts[window] < minute:
                people[series, window] += 1


def add_sums(const int32_t[:, ::1] table, Py_ssize_t first, int64_t[:, :, ::1] sums):
    """Add the columns of `table` (rows of a bucket) from `first` on to every window of the series in its column 1.

    `sums` has shape (series, windows, metrics).
    """
    cdef Py_ssize_t row, window, metric
    cdef int64_t series
    for row in range(table.shape[0]):
        series = table[row, 1]
        for window in range(sums.shape[1]):
            for metric in range(sums.shape[2]):
                sums[series, window, metric] += table[row, first + metric]
