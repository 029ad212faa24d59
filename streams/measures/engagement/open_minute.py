"""The events of one region and minute that is not closed yet, in columns of numbers.

Events that come one by one wait in `fresh` until some have come, and are taken apart together while they are still in
the processor's cache: looked at again when their minute closes, they would cost several times as much.
"""

from __future__ import annotations

from array import array
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec import msgpack

from schemas.events import KINDS
from streams import compiled
from streams.measures.engagement.arrays import ragged
from streams.measures.engagement.clock import MINUTE
from streams.measures.engagement.columns import ID_BYTES, MACHINE, texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from schemas.events import Event
    from streams.measures.engagement.numbering import Numbers
    from streams.measures.engagement.people import People

CODES: Final = {kind: code for code, kind in enumerate(KINDS)}
MACHINE_CODES: Final = {kind: code + MACHINE for code, kind in enumerate(KINDS)}
_ID: Final = 0xA0 | ID_BYTES
"""What msgpack writes before a text of ID_BYTES."""
_pack: Final = msgpack.Encoder().encode


class OpenMinute:
    """Columns with an entry for each event in the order of its coming: `offsets`, `codes`, `persons`, `lengths` and
    `sources`; `tags` and `forms` have the tags and how those were written, one after the other, `lengths` of each.

    After distinct() they are those of distinct events, in the order of the log. Sources, tags and forms have numbers of
    `words`; a region numbers its tags minute by minute as they close, so that the order does not depend on how the log
    was read.
    """

    __slots__ = (
        "_ids",
        "codes",
        "duplicates",
        "forms",
        "fresh",
        "ids",
        "lengths",
        "offsets",
        "people",
        "persons",
        "sources",
        "tags",
        "words",
    )

    def __init__(self, people: People, words: Numbers) -> None:
        self.people = people
        self.words = words
        self.fresh: list[Event] = []
        self.offsets = array("q")
        self.codes = bytearray()
        self.persons = array("q")
        self.lengths = bytearray()
        self.sources = array("q")
        self.tags = array("q")
        self.forms = array("q")
        self.duplicates = 0
        self.ids = b""
        """Those of distinct events, packed as a list of text, once they are known."""
        self._ids: list[bytes | list[str]] = []

    def add(self, event: Event, offset: int) -> None:
        """Add one event. Names are linked at once, before anybody who comes later has a number."""
        if event.formerly:
            self.people.link(event.formerly, event.actor, event.at // MINUTE)
        self.fresh.append(event)
        self.offsets.append(offset)

    def gather(self) -> None:
        """Take the fresh events apart, if there are any."""
        events = self.fresh
        if not events:
            return
        self._ids.append([event.id for event in events])
        self.codes += bytes(
            [
                MACHINE_CODES[event.kind] if event.machine or event.role == "bot" else CODES[event.kind]
                for event in events
            ]
        )
        self.persons.fromlist(self.people.of([event.actor for event in events]))
        tags = [event.tags for event in events]
        self.lengths += bytes(map(len, tags))
        self.tags.fromlist(self.words.of(list(chain.from_iterable(tags))))
        written = [event.labels if len(event.labels) == len(event.tags) else event.tags for event in events]
        self.forms.fromlist(self.words.of(list(chain.from_iterable(written))))
        self.sources.fromlist(self.words.of([event.source for event in events]))
        self.fresh = []

    def extend(
        self, ids: bytes, octets: tuple[bytes, bytes], numbers: tuple[bytes, bytes, bytes, bytes, bytes]
    ) -> None:
        """Add events by their columns; none may be fresh. Of ids there are ID_BYTES each; `octets` are codes and
        lengths, `numbers` of eight bytes offsets, persons, sources, tags and forms.
        """
        codes, lengths = octets
        offsets, persons, sources, tags, forms = numbers
        self._ids.append(ids)
        self.codes += codes
        self.lengths += lengths
        self.offsets.frombytes(offsets)
        self.persons.frombytes(persons)
        self.sources.frombytes(sources)
        self.tags.frombytes(tags)
        self.forms.frombytes(forms)

    def renumber(self, words: Numbers) -> None:
        """Take the numbers of other words, when everything is gathered."""
        names = self.words.names
        for column in (self.sources, self.tags, self.forms):
            column[:] = array("q", words.of([names[number] for number in column]))
        self.words = words

    # -- when everything has come

    def distinct(self) -> None:
        """Leave out the events whose id came before; once, when everything is gathered."""
        packed = [part if isinstance(part, bytes) else _packed(part) for part in self._ids]
        if None in packed:
            self._distinct_text()
        else:
            self._distinct_packed(b"".join(packed))  # type: ignore[arg-type] # there is no None

    def _order(self) -> NDArray[np.int64] | None:
        """Give the places of the events in the order of the log, or None where they are in it."""
        if len(self._ids) == 1:
            return None
        offsets = np.frombuffer(self.offsets, np.int64)
        return offsets.argsort(kind="stable") if (offsets[1:] < offsets[:-1]).any() else None

    def _distinct_text(self) -> None:
        ids: list[str] = []
        for part in self._ids:
            ids += part if isinstance(part, list) else texts(part)
        order = self._order()
        if order is not None:
            self._choose(order)
            ids = [ids[place] for place in order.tolist()]
        first: dict[str, int] = {}
        places = [first.setdefault(one, place) for place, one in enumerate(ids)]
        self.ids = _pack(list(first))
        if len(first) < len(ids):
            self._leave(np.array([place for place, one in enumerate(places) if place == one]))

    def _distinct_packed(self, packed: bytes) -> None:
        order = self._order()
        if order is not None:
            self._choose(order)
            packed = np.frombuffer(packed, f"V{ID_BYTES}")[order].tobytes()
        quick = compiled.distinct.first_texts(packed, ID_BYTES, _ID) if compiled.COMPILED else None
        found, first = quick or first_texts(packed, ID_BYTES, _ID)
        self.ids = _list_header(len(found) // (ID_BYTES + 1)) + found
        if first is not None:
            self._leave(first)

    def _leave(self, places: NDArray[np.int64]) -> None:
        """Leave only the events at these rising places; the others are repeats."""
        self.duplicates = len(self.codes) - len(places)
        if not compiled.COMPILED:
            self._choose(places)
            return
        of_events = (self.codes, self.lengths, self.offsets, self.persons, self.sources)
        tags = compiled.distinct.leave(places, *of_events, self.tags, self.forms)
        for column in of_events:
            del column[len(places) :]
        del self.tags[tags:], self.forms[tags:]

    def _choose(self, places: NDArray[np.int64]) -> None:
        """Leave only the events at these places, in this order."""
        lengths = np.frombuffer(self.lengths, np.uint8).astype(np.int64)
        begins = (lengths.cumsum() - lengths)[places]
        lengths = lengths[places]
        tags = ragged(begins, lengths)
        self.lengths = bytearray(lengths.astype(np.uint8).tobytes())
        self.codes = bytearray(np.frombuffer(self.codes, np.uint8)[places].tobytes())
        for name, chosen in (
            ("offsets", places), ("persons", places), ("sources", places), ("tags", tags), ("forms", tags),
        ):  # fmt: skip
            column = np.frombuffer(getattr(self, name), np.int64) if len(getattr(self, name)) else np.empty(0, np.int64)
            setattr(self, name, array("q", column[chosen].tobytes()))

    def source_names(self) -> list[str]:
        """Give the names of the sources, in order."""
        names = self.words.names
        return sorted(names[number] for number in set(self.sources))


def _packed(ids: list[str]) -> bytes | None:
    """Pack ids one after the other, or give None where they are not all of ID_BYTES."""
    if any(len(one) != ID_BYTES for one in ids):
        return None
    packed = "".join(ids).encode()
    return packed if len(packed) == len(ids) * ID_BYTES else None


def first_texts(packed: bytes, width: int, head: int) -> tuple[bytes, NDArray[np.int64] | None]:
    """Give the distinct texts of `width` bytes in the order in which they came first, `head` before each; and their
    places, or None where no text came twice.
    """
    first: dict[bytes, int] = {}
    count = len(packed) // width
    for place in range(count):
        first.setdefault(packed[place * width : (place + 1) * width], place)
    mark = bytes([head])
    found = b"".join([mark + one for one in first])
    return found, None if len(first) == count else np.array(list(first.values()), np.int64)


def _list_header(length: int) -> bytes:
    """Give what msgpack writes before a list."""
    return _pack([None] * length)[: -length or None]
