"""Hash tables in front of Python's dicts, which stay the truth: what is not found here is asked of the dict.

Open addressing, linear. Keys are compared in full, so that equal hashes are no matter. A search ends after PROBES
slots: keys chosen to collide make it no slower than the dict. A table begins anew when it would hold more than MOST.
"""

cdef enum:
    ID_BYTES = 22
    FEWEST_SLOTS = 1 << 10
    MOST = 1 << 18
    PROBES = 64

ctypedef unsigned long long Hash


cdef inline Hash _word(const char* at) noexcept:
    """Give the eight bytes from here on as a number, in the machine's order."""
    cdef Hash word
    memcpy(&word, at, 8)
    return word


cdef inline Hash _mixed(Hash value) noexcept:
    value ^= value >> 32
    value *= 0x9E3779B97F4A7C15ULL
    return value ^ value >> 29


cdef inline Hash _hash_of(const char* at, Py_ssize_t length) noexcept:
    """Give the hash of up to some hundred bytes."""
    cdef Hash value = <Hash>length
    cdef const char* end = at + length
    while end - at > 8:
        value = (value ^ _word(at)) * 0xC2B2AE3D27D4EB4FULL
        value ^= value >> 29
        at += 8
    if length >= 8:
        value ^= _word(end - 8)
    else:
        while at < end:
            value = value << 8 ^ <unsigned char>at[0]
            at += 1
    return _mixed(value)


cdef inline Hash _hash_of_person(const char* name, int region) noexcept:
    return _mixed(
        _word(name) * 0x9E3779B97F4A7C15ULL
        ^ _word(name + 8) * 0xC2B2AE3D27D4EB4FULL
        ^ _word(name + ID_BYTES - 8) * 0x165667B19E3779F9ULL
        ^ <Hash>region * 0xD6E8FEB86659FD93ULL
    )


cdef struct Word:
    Hash hash
    Py_ssize_t begin
    int length  # 0 where the slot is free: no word is empty
    int number


cdef class Words:
    """Numbers of words, by their bytes."""

    cdef Word* slots
    cdef char* text
    cdef Py_ssize_t size, count, used, room

    def __cinit__(self, names=()):
        cdef int number
        self.clear()
        for number, name in enumerate(names):
            self.put(name, len(name), _hash_of(name, len(name)), number)

    def __dealloc__(self):
        free(self.slots)
        free(self.text)

    cdef int clear(self) except -1:
        cdef Word* slots = <Word*>calloc(FEWEST_SLOTS, sizeof(Word))
        if slots == NULL:
            raise MemoryError
        free(self.slots)
        self.slots, self.size, self.count = slots, FEWEST_SLOTS, 0
        self.used = 0
        return 0

    cdef int find(self, const char* name, Py_ssize_t length, Hash hash) noexcept:
        """Give the number of a word, -1 where it is not here."""
        cdef Py_ssize_t place = <Py_ssize_t>(hash & <Hash>(self.size - 1)), _
        cdef Word* slot
        for _ in range(PROBES):
            slot = &self.slots[place]
            if slot.length == 0:
                return -1
            if slot.hash == hash and slot.length == length and memcmp(self.text + slot.begin, name, length) == 0:
                return slot.number
            place = (place + 1) & (self.size - 1)
        return -1

    cdef int put(self, const char* name, Py_ssize_t length, Hash hash, int number) except -1:
        """Put a word that is not here."""
        cdef Py_ssize_t room
        cdef char* text
        if self.count >= MOST:
            self.clear()
        if 2 * self.count >= self.size:
            self._grow(2 * self.size)
        if self.used + length > self.room:
            room = 2 * (self.used + length)
            text = <char*>realloc(self.text, room)
            if text == NULL:
                raise MemoryError
            self.text, self.room = text, room
        memcpy(self.text + self.used, name, length)
        if self._enter(Word(hash, self.used, <int>length, number)):
            self.used += length
        return 0

    cdef int _grow(self, Py_ssize_t size) except -1:
        cdef Word* old = self.slots
        cdef Py_ssize_t before = self.size, place
        cdef Word* slots = <Word*>calloc(size, sizeof(Word))
        if slots == NULL:
            raise MemoryError
        self.slots, self.size, self.count = slots, size, 0
        for place in range(before):
            if old[place].length:
                self._enter(old[place])
        free(old)
        return 0

    cdef bint _enter(self, Word word) noexcept:
        cdef Py_ssize_t place = <Py_ssize_t>(word.hash & <Hash>(self.size - 1)), _
        for _ in range(PROBES):
            if self.slots[place].length == 0:
                self.slots[place] = word
                self.count += 1
                return True
            place = (place + 1) & (self.size - 1)
        return False


cdef struct Person:
    char name[ID_BYTES]
    int region
    int number  # plus 1; 0 where the slot is free


cdef class Persons:
    """Numbers of people, by pseudonyms of ID_BYTES and the numbers of their regions."""

    cdef Person* slots
    cdef Py_ssize_t size, count

    def __cinit__(self):
        self.clear()

    def __dealloc__(self):
        free(self.slots)

    cdef int clear(self) except -1:
        cdef Person* slots = <Person*>calloc(FEWEST_SLOTS, sizeof(Person))
        if slots == NULL:
            raise MemoryError
        free(self.slots)
        self.slots, self.size, self.count = slots, FEWEST_SLOTS, 0
        return 0

    cdef inline void fetch(self, Hash hash) noexcept:
        """Let the processor fetch what find() will look at."""
        prefetch(&self.slots[hash & <Hash>(self.size - 1)])

    cdef int find(self, const char* name, int region, Hash hash) noexcept:
        """Give the number of somebody, -1 where nobody of that name is here."""
        cdef Py_ssize_t place = <Py_ssize_t>(hash & <Hash>(self.size - 1)), _
        cdef Person* slot
        for _ in range(PROBES):
            slot = &self.slots[place]
            if slot.number == 0:
                return -1
            if slot.region == region and memcmp(slot.name, name, ID_BYTES) == 0:
                return slot.number - 1
            place = (place + 1) & (self.size - 1)
        return -1

    cdef int put(self, const char* name, int region, Hash hash, int number) except -1:
        """Put somebody who is not here."""
        cdef Person one
        if self.count >= MOST:
            self.clear()
        if 3 * self.count >= 2 * self.size:
            self._grow(2 * self.size)
        memcpy(one.name, name, ID_BYTES)
        one.region, one.number = region, number + 1
        self._enter(&one, hash)
        return 0

    cdef int _grow(self, Py_ssize_t size) except -1:
        cdef Person* old = self.slots
        cdef Py_ssize_t before = self.size, place
        cdef Person* slots = <Person*>calloc(size, sizeof(Person))
        if slots == NULL:
            raise MemoryError
        self.slots, self.size, self.count = slots, size, 0
        for place in range(before):
            if old[place].number:
                self._enter(&old[place], _hash_of_person(old[place].name, old[place].region))
        free(old)
        return 0

    cdef void _enter(self, const Person* one, Hash hash) noexcept:
        cdef Py_ssize_t place = <Py_ssize_t>(hash & <Hash>(self.size - 1)), _
        cdef Person* slot
        for _ in range(PROBES):
            slot = &self.slots[place]
            if slot.number == 0:
                slot[0] = one[0]
                self.count += 1
                return
            if slot.region == one.region and memcmp(slot.name, one.name, ID_BYTES) == 0:
                return
            place = (place + 1) & (self.size - 1)
