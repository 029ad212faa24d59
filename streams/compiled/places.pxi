"""Where a value of a record stands, as streams.values has it: packed one after the other."""

cdef struct Place:
    int begin  # under 0 it stands among others, counted from -1
    int length


cdef inline const char* _value_at(bytes raw, const Place* place) except NULL:
    """Give the first byte of a value that stands in `raw`."""
    if not 0 <= place.length <= PyBytes_GET_SIZE(raw) - place.begin:
        raise IndexError("a value outside of the bytes")
    return PyBytes_AS_STRING(raw) + place.begin
