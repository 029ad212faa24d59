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
_ID: Final = np.uint8(0xA0 | ID_BYTES)
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
        if any(isinstance(part, list) for part in self._ids):
            self._distinct_text()
        else:
            self._distinct_packed(b"".join(self._ids))  # type: ignore[arg-type] # no part is a list

    def _distinct_text(self) -> None:
        ids: list[str] = []
        for part in self._ids:
            ids += part if isinstance(part, list) else texts(part)
        order = np.frombuffer(self.offsets, np.int64).argsort(kind="stable") if len(self._ids) > 1 else None
        if order is not None and (order[1:] < order[:-1]).any():
            self._choose(order)
            ids = [ids[place] for place in order.tolist()]
        first: dict[str, int] = {}
        places = [first.setdefault(one, place) for place, one in enumerate(ids)]
        self.ids = _pack(list(first))
        if len(first) < len(ids):
            self.duplicates = len(ids) - len(first)
            self._choose(np.array([place for place, one in enumerate(places) if place == one]))

    def _distinct_packed(self, packed: bytes) -> None:
        octets = np.frombuffer(packed, np.uint8).reshape(-1, ID_BYTES)
        heads = octets[:, :8].copy().view(np.uint64).reshape(-1)
        order = heads.argsort(kind="stable")
        ordered = heads[order]
        suspects = (ordered[1:] == ordered[:-1]).nonzero()[0]
        if len(suspects):
            seen: set[bytes] = set()
            keep = np.ones(len(heads), bool)
            for place in sorted({*order[suspects].tolist(), *order[suspects + 1].tolist()}):
                one = packed[place * ID_BYTES : (place + 1) * ID_BYTES]
                keep[place] = one not in seen
                seen.add(one)
            chosen = keep.nonzero()[0]
            if len(chosen) < len(heads):
                self.duplicates = len(heads) - len(chosen)
                octets = octets[chosen]
                self._choose(chosen)
        texts = np.empty((len(octets), ID_BYTES + 1), np.uint8)
        texts[:, 0] = _ID
        texts[:, 1:] = octets
        self.ids = _list_header(len(octets)) + texts.tobytes()

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


def _list_header(length: int) -> bytes:
    """Give what msgpack writes before a list."""
    return _pack([None] * length)[: -length or None]
