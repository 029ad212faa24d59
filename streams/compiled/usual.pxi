"""What an event as ingest agents write it looks like, matched byte for byte; nothing is read behind `end`."""

cdef enum:
    DIGITS = 13  # of a time in milliseconds, from 2001 to 2286
    LONGEST_NAME = 64
    LONGEST_TAG = 140
    MOST_TAGS = 32


cdef struct Cursor:
    const char* at
    const char* end
    unsigned char seen  # every byte of a string so far, or-ed


cdef struct Span:
    const char* at
    Py_ssize_t length


cdef struct Found:
    const char* id
    const char* actor
    const char* former
    long long at
    Span region
    Span kind
    Span source
    Span role
    Span target_role
    bint machine
    int tags
    int labels
    Span tag[MOST_TAGS]
    Span label[MOST_TAGS]


cdef inline bint _stands(Cursor* here, const char* literal) noexcept:
    """Go on behind the literal where it stands here."""
    cdef Py_ssize_t length = <Py_ssize_t>strlen(literal)
    if here.end - here.at < length or memcmp(here.at, literal, length) != 0:
        return False
    here.at += length
    return True


cdef inline Hash _marks(Hash word) noexcept:
    """Give 0 where none of eight bytes is a quotation mark, a backslash, a control character or other than ASCII."""
    cdef Hash ones = 0x0101010101010101ULL
    cdef Hash quotes = word ^ 0x22 * ones
    cdef Hash slashes = word ^ 0x5C * ones
    return (quotes - ones | slashes - ones | word - 0x20 * ones | word) & 0x80 * ones


cdef inline bint _string(Cursor* here, Span* into, Py_ssize_t longest) noexcept:
    """Read 1 to `longest` bytes up to the quotation mark, and stop there."""
    cdef const char* at = here.at
    cdef const char* stop = here.end if here.end - at <= longest else at + longest + 1
    cdef unsigned char byte
    while stop - at >= 8 and not _marks(_word(at)):
        at += 8
    while at < stop:
        byte = <unsigned char>at[0]
        if byte == c'"':
            into.at, into.length = here.at, at - here.at
            here.at = at
            return into.length > 0
        if byte < 0x20 or byte == c"\\":
            return False
        here.seen |= byte
        at += 1
    return False


cdef inline bint _pseudonym(Cursor* here, const char** into) noexcept:
    """Read ID_BYTES up to the quotation mark, and stop there."""
    cdef Span span
    if here.end - here.at <= ID_BYTES or here.at[ID_BYTES] != c'"':
        return False
    into[0] = here.at
    if not (_marks(_word(here.at)) | _marks(_word(here.at + 8)) | _marks(_word(here.at + ID_BYTES - 8))):
        here.at += ID_BYTES
        return True
    return _string(here, &span, ID_BYTES) and span.length == ID_BYTES


cdef inline bint _time(Cursor* here, long long* into) noexcept:
    """Read DIGITS digits, the first of them not 0."""
    cdef int place
    cdef unsigned char digit
    if here.end - here.at < DIGITS or here.at[0] == c"0":
        return False
    into[0] = 0
    for place in range(DIGITS):
        digit = <unsigned char>here.at[place] - c"0"
        if digit > 9:
            return False
        into[0] = 10 * into[0] + digit
    here.at += DIGITS
    return True


cdef inline bint _strings(Cursor* here, Span* into, int* count) noexcept:
    """Read a list of strings behind its first quotation mark."""
    count[0] = 0
    while count[0] < MOST_TAGS:
        if not _string(here, &into[count[0]], LONGEST_TAG):
            return False
        count[0] += 1
        if _stands(here, b'"]'):
            return True
        if not _stands(here, b'","'):
            return False
    return False


cdef bint _fields(Cursor* here, Found* into) noexcept:
    """Read the fields that every event has, up to the quotation mark of the last one."""
    return (
        _stands(here, b'{"type":"event","id":"') and _pseudonym(here, &into.id)
        and _stands(here, b'","at":') and _time(here, &into.at)
        and _stands(here, b',"region":"') and _string(here, &into.region, LONGEST_NAME)
        and _stands(here, b'","actor":"') and _pseudonym(here, &into.actor)
        and _stands(here, b'","kind":"') and _string(here, &into.kind, LONGEST_NAME)
        and _stands(here, b'","source":"') and _string(here, &into.source, LONGEST_NAME)
        and _stands(here, b'"')
    )


cdef bint _other_fields(Cursor* here, Found* into) noexcept:
    """Read the fields that some events have; False where one of them is not usual."""
    cdef const char* other
    into.tags = into.labels = 0
    into.role.length = into.target_role.length = 0
    into.former = NULL
    if _stands(here, b',"tags":["') and not _strings(here, into.tag, &into.tags):
        return False
    if _stands(here, b',"labels":["') and not _strings(here, into.label, &into.labels):
        return False
    if _stands(here, b',"role":"') and not (_string(here, &into.role, LONGEST_NAME) and _stands(here, b'"')):
        return False
    if _stands(here, b',"reference":"') and not (_pseudonym(here, &other) and _stands(here, b'"')):
        return False
    if _stands(here, b',"target":"') and not (_pseudonym(here, &other) and _stands(here, b'"')):
        return False
    if _stands(here, b',"target_role":"') and not (
        _string(here, &into.target_role, LONGEST_NAME) and _stands(here, b'"')
    ):
        return False
    into.machine = _stands(here, b',"machine":true')
    return not _stands(here, b',"formerly":"') or _pseudonym(here, &into.former) and _stands(here, b'"')
