# cython: boundscheck=True, wraparound=False, initializedcheck=False
"""Distinct texts of one width, and the columns of the events that they belong to."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

import numpy as np

cdef enum:
    WORD = 8
    FREE = -1
    PROBES = 64

cdef uint64_t MIX = 0x9E3779B97F4A7C15u
cdef uint64_t ODD = 0xC2B2AE3D27D4EB4Fu


cdef inline uint64_t _hash(const uint8_t* text, Py_ssize_t width) noexcept:
    """Mix all bytes of a text of at least WORD: word by word, the last of which may overlap the one before."""
    cdef uint64_t mixed = 0, word
    cdef Py_ssize_t at = 0
    while at < width - WORD:
        memcpy(&word, text + at, WORD)
        mixed = (mixed ^ word) * ODD
        mixed ^= mixed >> 32
        at += WORD
    memcpy(&word, text + width - WORD, WORD)
    return (mixed ^ word) * MIX


def first_texts(bytes packed not None, Py_ssize_t width, uint8_t head):
    """Give the distinct ones of texts of `width` bytes, at least 8, that are packed one after the other.

    Gives them packed in the order in which they came first, `head` before each; and an array of their places, or None
    where no text came twice. Gives None alone where more than PROBES texts want the same place: they were chosen to
    collide, and a dict is faster.
    """
    cdef const uint8_t* texts = <const uint8_t*>PyBytes_AS_STRING(packed)
    cdef uint8_t* out
    cdef int32_t* table
    cdef int bits = 4
    cdef Py_ssize_t count, number, at, step, kept = 0
    cdef uint64_t mask
    if width < WORD or len(packed) % width:
        raise ValueError(f"{len(packed)} bytes are no texts of {width} bytes, or these are of less than {WORD}")
    count = len(packed) // width
    if count >= 1 << 30:
        raise ValueError(f"{count} texts at once")
    while <Py_ssize_t>1 << bits < 2 * count:
        bits += 1
    mask = (<uint64_t>1 << bits) - 1
    first = np.empty(count, np.int64)
    cdef int64_t[::1] places = first
    found = PyBytes_FromStringAndSize(NULL, count * (width + 1))
    out = <uint8_t*>PyBytes_AS_STRING(found)
    table = <int32_t*>malloc(sizeof(int32_t) << bits)
    if table == NULL:
        raise MemoryError
    try:
        memset(table, FREE, sizeof(int32_t) << bits)
        for number in range(count):
            at = <Py_ssize_t>(_hash(texts + number * width, width) >> (64 - bits))
            step = 0
            while table[at] != FREE and memcmp(texts + table[at] * width, texts + number * width, width) != 0:
                step += 1  # less than half of the places are taken, and steps of 1, 2, 3 ... lead to all of them
                at = <Py_ssize_t>(<uint64_t>(at + step) & mask)
                if step == PROBES:
                    return None
            if table[at] == FREE:
                table[at] = <int32_t>number
                places[kept] = number
                out[0] = head
                memcpy(out + 1, texts + number * width, width)
                out += width + 1
                kept += 1
    finally:
        free(table)
    if kept == count:
        return found, None
    return found[:kept * (width + 1)], first[:kept]


def leave(
    const int64_t[::1] places,
    uint8_t[::1] codes,
    uint8_t[::1] lengths,
    int64_t[::1] offsets,
    int64_t[::1] persons,
    int64_t[::1] sources,
    int64_t[::1] tags,
    int64_t[::1] forms,
):
    """Move the events at these rising places to the front of their columns; tags and forms have `lengths` of each.

    Gives how many of the tags are theirs.
    """
    cdef Py_ssize_t number, place, before = -1, skipped, begin = 0, left = 0, tag
    cdef uint8_t length
    if not codes.shape[0] == lengths.shape[0] == offsets.shape[0] == persons.shape[0] == sources.shape[0]:
        raise ValueError("columns of events that are not as long as each other")
    if tags.shape[0] != forms.shape[0]:
        raise ValueError(f"{tags.shape[0]} tags, but {forms.shape[0]} forms")
    for number in range(places.shape[0]):
        place = places[number]
        if place <= before:
            raise ValueError(f"place {place} behind {before}")
        for skipped in range(before + 1, place):
            begin += lengths[skipped]
        before = place
        length = lengths[place]
        codes[number], lengths[number] = codes[place], length
        offsets[number], persons[number], sources[number] = offsets[place], persons[place], sources[place]
        for tag in range(begin, begin + length):
            tags[left], forms[left] = tags[tag], forms[tag]
            left += 1
        begin += length
    return left
