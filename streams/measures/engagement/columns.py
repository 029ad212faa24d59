"""Events as columns, read out of the bytes of many records at once, where they are written as Jun writes them.

To make an object of each event costs more than all that is counted with it. Ingest agents write events in one way: the
fields in the order of schemas.events.Event without those that have their default, no space between them, ids and
pseudonyms of ID_BYTES. Of a run of such records numpy reads the same bytes of all at once. A record that differs in
any byte of that is not `usual` and says nothing here: it is for the decoder, which takes or refuses it. So this module
never decides that a record is bad, and every event that it gives is the one that the decoder would have given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.events import KINDS, MAXIMUM_TAGS, Role
from schemas.version import VERSION
from streams.measures.engagement.lookup import UNKNOWN, Lookup
from streams.measures.engagement.text import ID_BYTES, Integers, Literal, Text, Words, eight_digits
from streams.measures.engagement.words import WordNumbers, lookup_of

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_NAME: Final = 64
LONGEST_TAG: Final = 140
MACHINE: Final = len(KINDS)
"""Added to the code of a kind for what no person did."""
ROLES: Final = get_args(Role)
BOT: Final = ROLES.index("bot")

_HEAD: Final = Literal(b'{"type":"event","id":"')
_AT: Final = Literal(b'","at":')
_REGION: Final = Literal(b',"region":"')
_ACTOR: Final = Literal(b'","actor":"')
_KIND: Final = Literal(b'","kind":"')
_SOURCE: Final = Literal(b'","source":"')
_TAGS: Final = Literal(b',"tags":["')
_LABELS: Final = Literal(b',"labels":["')
_ROLE: Final = Literal(b',"role":"')
_REFERENCE: Final = Literal(b',"reference":"')
_TARGET: Final = Literal(b',"target":"')
_TARGET_ROLE: Final = Literal(b',"target_role":"')
_MACHINE: Final = Literal(b',"machine":true')
_FORMERLY: Final = Literal(b',"formerly":"')
_TAIL: Final = Literal(b',"v":%d}' % VERSION)
_NEXT: Final = Literal(b'","')
_LAST: Final = Literal(b'"]')
_DIGITS: Final = 13
"""Of a time in milliseconds, from 2001 to 2286."""


class Columns(Struct, frozen=True):
    """The usual events among the records of a run: where they stand in it (`index`, rising) and columns as long.

    `at` are ms; `ids` and `actors` ID_BYTES each; `persons` the latter as rows for a Lookup, whose last word is free;
    `region` and `source` numbers of words; `codes` those of kinds, MACHINE added for what no person did. `formerly` has
    the former pseudonyms of those events (by their place) that say one. `lengths` are the numbers of tags; `tags` and
    `forms` the numbers of their words, one event after the other, `begins` where those of each event begin.
    """

    index: Integers
    at: Integers
    ids: NDArray[np.void]
    actors: NDArray[np.void]
    persons: Words
    region: Integers
    source: Integers
    codes: NDArray[np.uint8]
    lengths: Integers
    begins: Integers
    tags: Integers
    forms: Integers
    formerly: dict[int, bytes]


_KINDS: Final = lookup_of(KINDS)
_ROLES: Final = lookup_of(ROLES)


class _List(Struct):
    """Strings of lists: the event that each belongs to, its place in the list, where it begins and how long it is."""

    owners: Integers
    places: Integers
    begins: Integers
    lengths: Integers

    def only(self, good: NDArray[np.bool_]) -> _List:
        """Give what belongs to good events, and number the events by their place among those."""
        kept = good[self.owners]
        owners = (good.cumsum() - 1)[self.owners[kept]]
        return _List(owners, self.places[kept], self.begins[kept], self.lengths[kept])


class _Reading:
    """The events that are usual so far, each read up to `place`."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self.index = (text.plain() & text.has(_HEAD, text.begins)).nonzero()[0]
        self.good = np.ones(len(self.index), bool)
        self.place = text.begins[self.index]
        self.ends = text.ends[self.index]

    def literal(self, literal: Literal) -> None:
        """Read what must stand here in all of them."""
        self.good &= self.text.has(literal, self.place)
        self.place = self.place + literal.length

    def pseudonym(self) -> tuple[Integers, Words]:
        """Read a pseudonym in all of them: where it begins, and its rows."""
        begins = self.place
        rows, good = self.text.pseudonyms(begins)
        self.good &= good
        self.place = begins + ID_BYTES
        return begins, rows

    def time(self) -> Integers:
        """Read a number of _DIGITS digits, the first of them not 0, in all of them."""
        begins = self.place
        upper, first = eight_digits(self.text.at(begins))
        lower, second = eight_digits(self.text.at(begins + (_DIGITS - 8)))
        self.good &= first & second & (upper >= np.uint64(10**7))
        self.place = begins + _DIGITS
        return (upper // np.uint64(10 ** (16 - _DIGITS))).astype(np.int64) * 10**8 + lower.astype(np.int64)

    def name(self) -> tuple[Integers, Integers]:
        """Read a string up to its quotation mark in all of them: where it begins and its length."""
        begins = self.place
        lengths = self.text.closes(begins, LONGEST_NAME)
        self.good &= lengths > 0
        self.place = begins + lengths
        return begins, lengths

    def look(self) -> None:
        """Look at the bytes that come next, before what only some of them have."""
        self.next = self.text.at(self.place)

    def known(self, names: Lookup, found: Integers | slice, begins: Integers, lengths: Integers) -> Integers:
        """Give the places of the names among a schema's; an event with another one is not usual."""
        codes = names.find(self.text.rows(begins, lengths))
        self.good[found] &= codes != UNKNOWN
        return codes

    def having(self, literal: Literal) -> Integers:
        """Read the literal where it stands; give which of them those are."""
        found: Integers = ((self.next & literal.masks[0]) == literal.words[0]).nonzero()[0]
        if literal.count > 1:
            found = found[self.text.has(literal, self.place[found])]
        self.place[found] += literal.length
        return found

    def went_on(self, found: Integers, lengths: Integers | int) -> None:
        """Go on behind what some of them had."""
        self.place[found] = place = self.place[found] + lengths
        self.next[found] = self.text.at(place)

    def some_pseudonyms(self, literal: Literal) -> tuple[Integers, Integers]:
        """Read a field that is a pseudonym, where it stands: in which of them, and where it begins."""
        found = self.having(literal)
        begins = self.place[found]
        if len(found):
            self.good[found] &= self.text.pseudonyms(begins)[1]
            self.went_on(found, ID_BYTES + 1)
        return found, begins

    def some_names(self, literal: Literal) -> tuple[Integers, Integers, Integers]:
        """Read a field that is a name, where it stands: in which of them, where it begins and its length."""
        found = self.having(literal)
        begins = self.place[found]
        lengths = self.text.closes(begins, LONGEST_NAME)
        self.good[found] &= lengths > 0
        self.went_on(found, lengths + 1)
        return found, begins, lengths

    def some_lists(self, literal: Literal) -> _List:
        """Read a field that is a list of strings, where it stands."""
        owners = self.having(literal)
        begins = self.place[owners]
        parts: list[tuple[Integers, Integers, Integers, Integers]] = []
        for number in range(MAXIMUM_TAGS):
            if not len(owners):
                break
            lengths = self.text.closes(begins, LONGEST_TAG)
            parts.append((owners, np.full(len(owners), number), begins, lengths))
            ends = begins + lengths
            there = np.where(lengths > 0, self.text.at(ends), 0)
            last = (there & _LAST.masks[0]) == _LAST.words[0]
            more = (there & _NEXT.masks[0]) == _NEXT.words[0]
            self.place[owners[last]] = ends[last]
            self.went_on(owners[last], _LAST.length)
            self.good[owners[~(last | more)]] = False
            owners, begins = owners[more], ends[more] + _NEXT.length
        self.good[owners] = False  # a list that is too long
        if not parts:
            return _List(*[np.empty(0, np.int64)] * 4)
        return _List(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def read(values: Sequence[bytes], words: WordNumbers) -> Columns:
    """Read the usual events of a run of records."""
    text = Text(values)
    reading = _Reading(text)
    reading.place = reading.place + _HEAD.length
    ids, _ = reading.pseudonym()
    reading.literal(_AT)
    at = reading.time()
    reading.literal(_REGION)
    region = reading.name()
    reading.literal(_ACTOR)
    actors, persons = reading.pseudonym()
    reading.literal(_KIND)
    codes = reading.known(_KINDS, slice(None), *reading.name())
    reading.literal(_SOURCE)
    source = reading.name()
    reading.place += 1
    reading.look()
    tags = reading.some_lists(_TAGS)
    labels = reading.some_lists(_LABELS)
    role = reading.some_names(_ROLE)
    no_person = role[0][reading.known(_ROLES, *role) == BOT]
    reading.some_pseudonyms(_REFERENCE)
    reading.some_pseudonyms(_TARGET)
    reading.known(_ROLES, *reading.some_names(_TARGET_ROLE))
    machine = reading.having(_MACHINE)
    reading.went_on(machine, 0)
    has_former, former = reading.some_pseudonyms(_FORMERLY)
    reading.literal(_TAIL)
    good = reading.good & (reading.place == reading.ends)
    kept = slice(None) if good.all() else good  # a slice copies nothing

    codes[np.union1d(no_person, machine)] += MACHINE
    tags, labels = tags.only(good), labels.only(good)
    parts = [
        [column[kept] for column in region], [column[kept] for column in source],
        [tags.begins, tags.lengths], [labels.begins, labels.lengths],
    ]  # fmt: skip
    numbers = words.of(text, *(np.concatenate([part[column] for part in parts]) for column in range(2)))
    regions, sources, tag_words, label_words = np.split(numbers, np.cumsum([len(part[0]) for part in parts])[:-1])
    count = len(regions)
    lengths = np.bincount(tags.owners, minlength=count)
    begins = lengths.cumsum() - lengths
    in_order = np.empty(len(tag_words), np.int64)
    in_order[begins[tags.owners] + tags.places] = tag_words
    forms = in_order.copy()
    # forms are told of all tags of an event or of none
    told = (np.bincount(labels.owners, minlength=count) == lengths)[labels.owners]
    forms[begins[labels.owners[told]] + labels.places[told]] = label_words[told]
    place = good.cumsum() - 1
    formerly = {
        int(place[event]): text.data[begin : begin + ID_BYTES]
        for event, begin in zip(has_former.tolist(), former.tolist(), strict=True)
        if good[event]
    }
    return Columns(
        reading.index[kept], at[kept], text.window(ids[kept], ID_BYTES), text.window(actors[kept], ID_BYTES),
        persons[kept], regions, sources, codes[kept].astype(np.uint8), lengths, begins, in_order, forms, formerly,
    )  # fmt: skip
