# cython: boundscheck=True, wraparound=False, cdivision=True
"""Events read out of the bytes of records as ingest agents write them, and taken into their minutes by columns.

A record is read in one pass over its bytes: the fields in their order, without those that have their default, no space
between them, ids and pseudonyms of ID_BYTES, strings without escapes. One that differs in any byte is not `usual` and
is left to the decoder, which takes or refuses it.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset, strlen

include "places.pxi"
include "prefetch.pxi"
include "tables.pxi"
include "usual.pxi"

cdef enum:
    MINUTE = 60_000
    ROWS = 2_048  # that wait at most
    ROOM = 4 * ROWS  # for their tags


cdef struct Row:
    Hash hash  # of the person
    long long offset
    long long minute
    int region
    int source
    int person
    int words  # where its tags begin
    int group
    int next  # of its group
    unsigned char code
    unsigned char tags
    char id[ID_BYTES]
    char actor[ID_BYTES]


cdef struct Group:
    int first
    int last
    int rows
    int tags


cdef class Reader:
    """Reads the usual events of runs of records, which wait here until they are taken into their minutes.

    `numbers` has the numbers of words, those of regions, sources, tags and written forms; `opened` gives for a minute, a
    region and the offset of its first event here an open minute with `people`, `gather()` and `extend()`. `kinds` and
    `roles` are the schema's names, `bot` one of the latter; `machine` is added to the code of a kind for what no person
    did. `tail` is what every record ends with.
    """

    cdef object numbers
    cdef object opened
    cdef Words words, kinds, roles
    cdef Persons persons
    cdef bytes tail
    cdef int bot, machine
    cdef object offsets
    cdef bytes raw, places
    cdef list others, formers
    cdef Py_ssize_t place, count
    cdef Row* rows
    cdef int* tags
    cdef int* forms
    cdef Group* groups
    cdef int* heads
    cdef int kept, used

    def __cinit__(self, numbers, opened, kinds, roles, bytes bot not None, int machine, bytes tail not None):
        self.numbers, self.opened, self.machine, self.tail = numbers, opened, machine, tail
        self.words, self.kinds, self.roles, self.persons = Words(), Words(kinds), Words(roles), Persons()
        self.bot = roles.index(bot)
        self.offsets, self.raw, self.places, self.others, self.formers = (), b"", b"", [], []
        self.rows = <Row*>malloc(ROWS * sizeof(Row))
        self.tags = <int*>malloc(ROOM * sizeof(int))
        self.forms = <int*>malloc(ROOM * sizeof(int))
        self.groups = <Group*>malloc(ROWS * sizeof(Group))
        self.heads = <int*>malloc(2 * ROWS * sizeof(int))
        if self.rows == NULL or self.tags == NULL or self.forms == NULL or self.groups == NULL or self.heads == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.rows)
        free(self.tags)
        free(self.forms)
        free(self.groups)
        free(self.heads)

    def begin(self, offsets, bytes raw not None, bytes places not None, list others not None):
        """Begin with a run of records: their offsets, and their values as streams.values.Values has them."""
        cdef Py_ssize_t count = PyBytes_GET_SIZE(places) // <Py_ssize_t>sizeof(Place)
        if len(offsets) != count:
            raise ValueError(f"{len(offsets)} offsets of {count} values")
        self.offsets, self.raw, self.places, self.others = offsets, raw, places, others
        self.place, self.count = 0, count

    def next(self, long long closed_to, long long future):
        """Read on to the next record that is no usual event of a minute from `closed_to` on, before `future` (ms); give
        its place in the run, or where there is none the number of records.
        """
        cdef Found found
        cdef const Place* at
        cdef object other
        cdef Py_ssize_t place
        cdef int code
        while self.place < self.count:
            place = self.place
            self.place += 1
            at = <const Place*>PyBytes_AS_STRING(self.places) + place
            if at.begin >= 0:
                code = self._read(_value_at(self.raw, at), at.length, &found)
            else:
                other = self.others[-1 - <Py_ssize_t>at.begin]
                if other is None:
                    continue  # says nothing
                if type(other) is not bytes:
                    return place
                code = self._read(PyBytes_AS_STRING(<bytes>other), PyBytes_GET_SIZE(<bytes>other), &found)
            if code < 0 or found.at >= future or found.at // MINUTE < closed_to:
                return place
            self._keep(&found, code, self.offsets[place])
        self.offsets, self.raw, self.places, self.others = (), b"", b"", []  # nobody needs their memory any more
        return self.count

    def links(self):
        """Say whether an event that waits has a former name."""
        return bool(self.formers)

    def forget_people(self):
        """Ask for the numbers of all people again."""
        self.persons.clear()

    cdef int _read(self, const char* value, Py_ssize_t size, Found* found) except -2:
        """Read a record; give the code of its kind, or -1 where it is not usual."""
        cdef Cursor here
        cdef Py_ssize_t length = len(self.tail)
        cdef int code, role
        here.at, here.end, here.seen = value, value + size, 0
        if not (_fields(&here, found) and _other_fields(&here, found)):
            return -1
        if here.end - here.at != length or memcmp(here.at, PyBytes_AS_STRING(self.tail), length) != 0:
            return -1
        code = self._known(self.kinds, &found.kind)
        if code < 0 or found.target_role.length and self._known(self.roles, &found.target_role) < 0:
            return -1
        if found.role.length:
            role = self._known(self.roles, &found.role)
            if role < 0:
                return -1
            found.machine |= role == self.bot
        if here.seen >= 0x80:
            try:
                PyUnicode_DecodeUTF8(value, size, NULL)
            except UnicodeDecodeError:
                return -1
        return code + self.machine if found.machine else code

    cdef inline int _known(self, Words names, Span* name) noexcept:
        return names.find(name.at, name.length, _hash_of(name.at, name.length))

    cdef inline int _number(self, Span* name) except -1:
        """Give the number of a word, which is valid UTF-8."""
        cdef Hash hash = _hash_of(name.at, name.length)
        cdef int number = self.words.find(name.at, name.length, hash)
        if number < 0:
            number = self.numbers[PyUnicode_DecodeUTF8(name.at, name.length, NULL)]
            self.words.put(name.at, name.length, hash, number)
        return number

    cdef int _keep(self, Found* found, int code, long long offset) except -1:
        """Let an event wait."""
        cdef Row* row
        cdef int place
        cdef Span* form
        if self.kept == ROWS or ROOM - self.used < found.tags:
            self.take()
        row = &self.rows[self.kept]
        row.offset, row.minute, row.code, row.tags = offset, found.at // MINUTE, code, found.tags
        row.region, row.source, row.words = self._number(&found.region), self._number(&found.source), self.used
        memcpy(row.id, found.id, ID_BYTES)
        memcpy(row.actor, found.actor, ID_BYTES)
        row.hash = _hash_of_person(row.actor, row.region)
        self.persons.fetch(row.hash)
        for place in range(found.tags):
            self.tags[self.used + place] = self._number(&found.tag[place])
            # forms are told of all tags of an event or of none
            form = &found.label[place] if found.labels == found.tags else &found.tag[place]
            self.forms[self.used + place] = self._number(form)
        if found.former != NULL:
            self.formers.append((self.kept, found.former[:ID_BYTES]))
        self.used += found.tags
        self.kept += 1
        return 0

    cpdef int take(self) except -1:
        """Take what waits into its minutes: they open, and then people are linked and get their numbers, in the order
        of the records.
        """
        cdef int kept = self.kept, count, number
        cdef Row* row
        cdef list formers = self.formers, minutes = []
        if not kept:
            return 0
        count = self._group(kept)
        self.kept, self.used, self.formers = 0, 0, []
        for number in range(count):
            row = &self.rows[self.groups[number].first]
            minutes.append(self.opened(row.minute, row.region, row.offset))
        for number, former in formers:
            row = &self.rows[number]
            minutes[row.group].people.link(former.decode(), _text(row.actor), row.minute)
        for minute in minutes:
            minute.gather()
        for number in range(kept):
            row = &self.rows[number]
            row.person = self.persons.find(row.actor, row.region, row.hash)
            if row.person < 0:
                row.person = minutes[row.group].people[_text(row.actor)]
                self.persons.put(row.actor, row.region, row.hash, row.person)
        for number in range(count):
            self._extend(minutes[number], &self.groups[number])
        return 0

    cdef int _group(self, int kept) noexcept:
        """Put together the events of a minute and region; give how many groups those are, by their first events."""
        cdef int count = 0, number, place, size = 16
        cdef Row* row
        cdef Row* first
        cdef Group* group
        while size < 2 * kept:
            size *= 2
        memset(self.heads, 0, size * sizeof(int))
        for number in range(kept):
            row = &self.rows[number]
            place = <int>(_mixed(<Hash>row.minute << 32 ^ <Hash>row.region) & <Hash>(size - 1))
            while self.heads[place]:
                first = &self.rows[self.groups[self.heads[place] - 1].first]
                if first.minute == row.minute and first.region == row.region:
                    break
                place = (place + 1) & (size - 1)
            if not self.heads[place]:
                self.groups[count] = Group(number, number, 0, 0)
                count += 1
                self.heads[place] = count
            row.group = self.heads[place] - 1
            group = &self.groups[row.group]
            self.rows[group.last].next = number
            group.last = number
            group.rows += 1
            group.tags += row.tags
        return count

    cdef int _extend(self, minute, Group* group) except -1:
        """Add the events of a group to their minute."""
        cdef bytes ids = _room(group.rows * ID_BYTES), codes = _room(group.rows), lengths = _room(group.rows)
        cdef bytes offsets = _room(group.rows * 8), persons = _room(group.rows * 8), sources = _room(group.rows * 8)
        cdef bytes tags = _room(group.tags * 8), forms = _room(group.tags * 8)
        cdef char* id = PyBytes_AS_STRING(ids)
        cdef char* code = PyBytes_AS_STRING(codes)
        cdef char* length = PyBytes_AS_STRING(lengths)
        cdef long long* offset = <long long*>PyBytes_AS_STRING(offsets)
        cdef long long* person = <long long*>PyBytes_AS_STRING(persons)
        cdef long long* source = <long long*>PyBytes_AS_STRING(sources)
        cdef long long* tag = <long long*>PyBytes_AS_STRING(tags)
        cdef long long* form = <long long*>PyBytes_AS_STRING(forms)
        cdef int place, word, at = 0, number = group.first
        cdef Row* row
        for place in range(group.rows):
            row = &self.rows[number]
            memcpy(id + place * ID_BYTES, row.id, ID_BYTES)
            code[place], length[place] = <char>row.code, <char>row.tags
            offset[place], person[place], source[place] = row.offset, row.person, row.source
            for word in range(row.words, row.words + row.tags):
                tag[at], form[at] = self.tags[word], self.forms[word]
                at += 1
            number = row.next
        minute.extend(ids, (codes, lengths), (offsets, persons, sources, tags, forms))
        return 0


cdef bytes _room(Py_ssize_t length):
    """Give bytes to be written."""
    return PyBytes_FromStringAndSize(NULL, length)


cdef str _text(const char* name):
    """Give a pseudonym, which is valid UTF-8."""
    return PyUnicode_DecodeUTF8(name, ID_BYTES, NULL)
