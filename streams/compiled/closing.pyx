# cython: boundscheck=True, wraparound=False, initializedcheck=False
"""The roll-up of one minute: the distinct pairs of series and person, and the sums of each series.

There is an entry for each event and each of its series. A stable sort of them by pair, byte by byte from the last (Knuth,
The Art of Computer Programming 3, 5.2.5), brings together what belongs to a pair, in the order of the events, and the
pairs of a series.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

import numpy as np

cdef enum:
    SERIES_SHIFT = 32
    FEW = 24  # up to so many entries are sorted by insertion
    COLUMNS = 8
    SERIES = 1
    SUMS = 2
    NEW = 6
    PEOPLE = 7
    UNWRITTEN = -1

cdef struct Entry:
    uint64_t pair
    int32_t event
    int32_t wrote


cdef void _insert(Entry* entries, Py_ssize_t count) noexcept:
    cdef Py_ssize_t number, at
    cdef Entry one
    for number in range(1, count):
        one = entries[number]
        at = number
        while at > 0 and entries[at - 1].pair > one.pair:
            entries[at] = entries[at - 1]
            at -= 1
        entries[at] = one


cdef Entry* _sort(Entry* entries, Entry* spare, Py_ssize_t count) noexcept:
    """Sort entries, stable; give which of the two arrays has them."""
    cdef Py_ssize_t places[256]
    cdef Py_ssize_t number, sum, here
    cdef uint64_t differ = 0
    cdef int shift, digit
    if count <= FEW:
        _insert(entries, count)
        return entries
    for number in range(count):
        differ |= entries[number].pair ^ entries[0].pair
    for shift in range(0, 64, 8):
        if not differ >> shift & 0xFF:
            continue
        memset(places, 0, sizeof(places))
        for number in range(count):
            places[entries[number].pair >> shift & 0xFF] += 1
        sum = 0
        for digit in range(256):
            here = places[digit]
            places[digit] = sum
            sum += here
        for number in range(count):
            digit = entries[number].pair >> shift & 0xFF
            spare[places[digit]] = entries[number]
            places[digit] += 1
        entries, spare = spare, entries
    return entries


cdef inline Py_ssize_t _first_of(int64_t tag, const int64_t[::1] tagged) noexcept:
    """Give where a tag begins among sorted ones, or would."""
    cdef Py_ssize_t low = 0, high = tagged.shape[0], middle
    while low < high:
        middle = (low + high) >> 1
        if tagged[middle] < tag:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline uint64_t _pair(int64_t series, int64_t person) noexcept:
    return <uint64_t>series << SERIES_SHIFT | <uint64_t>person


cdef inline bint _new_pair(const Entry* entries, Py_ssize_t number) noexcept:
    return number == 0 or entries[number].pair != entries[number - 1].pair


cdef inline bint _new_series(const Entry* entries, Py_ssize_t number) noexcept:
    return number == 0 or entries[number].pair >> SERIES_SHIFT != entries[number - 1].pair >> SERIES_SHIFT


cdef Py_ssize_t _fill(
    const Entry* entries,
    Py_ssize_t count,
    const uint8_t[::1] codes,
    const uint8_t[::1] counting,
    const uint8_t[::1] column,
    int64_t[::1] keys,
    int64_t[::1] wrote,
    int32_t[:, ::1] table,
) except -1:
    """Count sorted entries; give how many pairs took part."""
    cdef Py_ssize_t number, row = -1, kept = 0
    cdef int32_t first_wrote = UNWRITTEN
    cdef bint took_part = False, again
    cdef uint8_t code
    for number in range(count):
        if _new_pair(entries, number):
            if _new_series(entries, number):
                row += 1
                table[row, SERIES] = <int32_t>(entries[number].pair >> SERIES_SHIFT)
            first_wrote = UNWRITTEN
            took_part = again = False
        else:  # the same tag twice, or several tags of a campaign
            again = entries[number].event == entries[number - 1].event
        if first_wrote == UNWRITTEN:
            first_wrote = entries[number].wrote
            if took_part:
                wrote[kept - 1] = first_wrote
        if again:
            continue
        code = codes[entries[number].event]
        table[row, SUMS] += 1
        if column[code]:
            table[row, SUMS + column[code]] += 1
        if counting[code] and not took_part:
            took_part = True
            table[row, PEOPLE] += 1
            keys[kept] = <int64_t>entries[number].pair
            wrote[kept] = first_wrote
            kept += 1
    return kept


def roll_up(
    const uint8_t[::1] codes,
    const int64_t[::1] persons,
    const uint8_t[::1] lengths,
    const int64_t[::1] tags,
    const int64_t[::1] tagged,
    const int64_t[::1] campaigns,
    const uint8_t[::1] counting,
    const uint8_t[::1] column,
):
    """Roll up the events of a minute by their `codes`, `persons` and `tags`, `lengths` of each.

    Each tag of the sorted `tagged` belongs to the campaign beside it. By code, `counting` says whether a person takes
    part, and `column` which of the sums an event belongs to besides the first. Gives the sorted distinct pairs of those
    who took part, for each the place of the tag where its person first wrote it or -1, and the packed rows of the
    series but for their minute: arrays of shape (pairs,), (pairs,), (series, 8). Raises ValueError where columns do not
    fit each other or a number is none.
    """
    cdef Py_ssize_t events = codes.shape[0], count = events + tags.shape[0]
    cdef Py_ssize_t event, place, member, begin = 0, number = 0, pairs = 0, rows = 0
    cdef int64_t beyond = <int64_t>1 << 31
    cdef Entry* memory
    cdef Entry* entries
    if persons.shape[0] != events or lengths.shape[0] != events:
        raise ValueError(f"{events} codes, but {persons.shape[0]} persons and {lengths.shape[0]} lengths")
    if campaigns.shape[0] != tagged.shape[0]:
        raise ValueError(f"{tagged.shape[0]} tags of {campaigns.shape[0]} campaigns")
    for event in range(events):
        begin += lengths[event]
    if begin != tags.shape[0]:
        raise ValueError(f"{tags.shape[0]} tags where the events have {begin}")
    if tagged.shape[0]:
        for member in range(campaigns.shape[0]):
            if not 0 <= campaigns[member] < beyond:
                raise ValueError(f"the number of a campaign is {campaigns[member]}")
        for place in range(tags.shape[0]):
            member = _first_of(tags[place], tagged)
            while member < tagged.shape[0] and tagged[member] == tags[place]:
                member += 1
                count += 1
    if count >= beyond:
        raise ValueError(f"{count} entries in one minute")
    memory = <Entry*>malloc(2 * (count + 1) * sizeof(Entry))
    if memory == NULL:
        raise MemoryError
    try:
        begin = 0
        for event in range(events):
            if not 0 <= persons[event] < beyond:
                raise ValueError(f"the number of a person is {persons[event]}")
            memory[number] = Entry(<uint64_t>persons[event], <int32_t>event, UNWRITTEN)
            number += 1
            for place in range(begin, begin + lengths[event]):
                if not 0 <= tags[place] < beyond:
                    raise ValueError(f"the number of a tag is {tags[place]}")
                memory[number] = Entry(_pair(tags[place], persons[event]), <int32_t>event, <int32_t>place)
                number += 1
                member = _first_of(tags[place], tagged)
                while member < tagged.shape[0] and tagged[member] == tags[place]:
                    memory[number] = Entry(_pair(campaigns[member], persons[event]), <int32_t>event, UNWRITTEN)
                    number += 1
                    member += 1
            begin += lengths[event]
        entries = _sort(memory, memory + count, count)
        for number in range(count):
            if _new_pair(entries, number):
                pairs += 1
                if _new_series(entries, number):
                    rows += 1
        keys, wrote, table = np.empty(pairs, np.int64), np.empty(pairs, np.int64), np.zeros((rows, COLUMNS), np.int32)
        pairs = _fill(entries, count, codes, counting, column, keys, wrote, table)
    finally:
        free(memory)
    return keys[:pairs], wrote[:pairs], table


def newcomers(
    const int64_t[::1] keys,
    const uint8_t[::1] new,
    const int64_t[::1] wrote,
    const int64_t[::1] forms,
    int32_t[:, ::1] table,
):
    """Count those of the sorted pairs that are `new` into the rows of their series, which have all of these.

    Gives the votes of those who `wrote` a tag: arrays of the tags and of the forms in which they wrote it, shape (votes,).
    """
    cdef Py_ssize_t number, row = 0, votes = 0
    cdef int64_t series
    if new.shape[0] != keys.shape[0] or wrote.shape[0] != keys.shape[0]:
        raise ValueError(f"{keys.shape[0]} pairs, of {new.shape[0]} and {wrote.shape[0]} of which something is known")
    tags_of, forms_of = np.empty(keys.shape[0], np.int64), np.empty(keys.shape[0], np.int64)
    cdef int64_t[::1] tags = tags_of
    cdef int64_t[::1] words = forms_of
    for number in range(keys.shape[0]):
        if not new[number]:
            continue
        series = keys[number] >> SERIES_SHIFT
        while table[row, SERIES] != series:
            row += 1
        table[row, NEW] += 1
        if wrote[number] != UNWRITTEN:
            tags[votes] = series
            words[votes] = forms[wrote[number]]
            votes += 1
    return tags_of[:votes], forms_of[:votes]


def count_votes(
    const int64_t[::1] slots,
    const int64_t[::1] people,
    int64_t[::1] counts,
    const int64_t[::1] tag_of,
    int64_t[::1] leaders,
):
    """Count so many `people` more for each of the slots; `tag_of` gives the place of each slot's tag.

    Where another slot than the one in `leaders` has as many by now, none leads, which is slot 0: gives the places of
    these tags.
    """
    cdef Py_ssize_t number
    cdef int64_t slot, place
    cdef list open_again = []
    if people.shape[0] != slots.shape[0]:
        raise ValueError(f"{slots.shape[0]} slots, but {people.shape[0]} counts")
    for number in range(slots.shape[0]):
        counts[slots[number]] += people[number]
    for number in range(slots.shape[0]):
        slot = slots[number]
        place = tag_of[slot]
        if slot != leaders[place] and counts[slot] >= counts[leaders[place]]:
            leaders[place] = 0
            open_again.append(place)
    return open_again
