# cython: boundscheck=True, wraparound=False
"""The records of a Kafka batch: where their values stand in its bytes.

The layout is that of Kafka's message format 2, in Kafka's documentation under "Record".
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.limits cimport INT_MAX

include "places.pxi"

cdef enum:
    SHORTEST = 7  # bytes of a record: length, attributes, two deltas, lengths of key and value, number of headers


cdef inline bint _varint(const unsigned char* data, Py_ssize_t* at, Py_ssize_t end, long long* value) noexcept:
    """Read a zigzag varint and go on behind it; say whether there was one before `end`."""
    cdef unsigned long long read = 0
    cdef int shift = 0
    cdef unsigned char byte
    while at[0] < end and shift < 64:
        byte = data[at[0]]
        at[0] += 1
        read |= <unsigned long long>(byte & 0x7F) << shift
        if byte < 0x80:
            value[0] = <long long>(read >> 1) ^ -<long long>(read & 1)
            return True
        shift += 7
    return False


def places_of(bytes raw not None, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t count, int tombstone):
    """Give the places of the values of the `count` records that stand, not compressed, between two places of `raw`;
    that of one without a value begins at `tombstone`.

    None where their offsets do not follow one another. Raises ValueError where they are cut or have other sizes than
    they say, or `raw` is too large for places.
    """
    cdef const unsigned char* data = <const unsigned char*>PyBytes_AS_STRING(raw)
    cdef Py_ssize_t at = begin, stop, number
    cdef long long length = 0, delta = 0
    cdef bytes found
    cdef Place* places
    if not 0 <= begin <= end <= PyBytes_GET_SIZE(raw) or end > INT_MAX:
        raise ValueError("records outside of the bytes")
    if not 0 <= count <= (end - begin) // SHORTEST:  # so that no more memory is asked for than there are records
        raise ValueError(f"{count} records in {end - begin} bytes")
    found = PyBytes_FromStringAndSize(NULL, count * <Py_ssize_t>sizeof(Place))
    places = <Place*>PyBytes_AS_STRING(found)
    for number in range(count):
        if not _varint(data, &at, end, &length) or not 0 < length <= end - at:
            raise ValueError(f"record {number} of {count} goes beyond its batch")
        stop = at + length
        at += 1  # its attributes, which are not used
        if not (_varint(data, &at, stop, &delta) and _varint(data, &at, stop, &delta)):
            raise ValueError(f"record {number} of {count} has no offset")
        if delta != number:
            return None
        if not _varint(data, &at, stop, &length) or length > stop - at:
            raise ValueError(f"the key of record {number} of {count} goes beyond it")
        if length > 0:
            at += length
        if not _varint(data, &at, stop, &length) or length > stop - at:
            raise ValueError(f"the value of record {number} of {count} goes beyond it")
        places[number] = Place(tombstone, 0) if length < 0 else Place(<int>at, <int>length)
        at = stop
    if at != end:
        raise ValueError(f"{end - at} bytes behind the last of {count} records")
    return found


def values_at(bytes raw not None, bytes places not None, list others not None):
    """Give the values at some places of `raw` or among the others. Raises IndexError for a place outside of them."""
    cdef const Place* place = <const Place*>PyBytes_AS_STRING(places)
    cdef Py_ssize_t number
    cdef list values = []
    for number in range(PyBytes_GET_SIZE(places) // <Py_ssize_t>sizeof(Place)):
        if place[number].begin < 0:
            values.append(others[-1 - <Py_ssize_t>place[number].begin])
        else:
            values.append(PyBytes_FromStringAndSize(_value_at(raw, &place[number]), place[number].length))
    return values
