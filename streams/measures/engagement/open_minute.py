"""The events of one region and minute that is not closed yet, in columns of numbers.

Events wait in `fresh` until some hundred have come, and are taken apart together while they are still in the
processor's cache: looked at again when their minute closes, they would cost several times as much.
"""

from __future__ import annotations

from array import array
from itertools import chain, compress
from operator import eq
from typing import TYPE_CHECKING, Final

from schemas.events import KINDS
from streams.measures.engagement.clock import MINUTE

if TYPE_CHECKING:
    from schemas.events import Event
    from streams.measures.engagement.numbering import Numbers
    from streams.measures.engagement.people import People

MACHINE: Final = len(KINDS)
"""Added to the code of a kind for what no person did."""
CODES: Final = {kind: code for code, kind in enumerate(KINDS)}
MACHINE_CODES: Final = {kind: code + MACHINE for code, kind in enumerate(KINDS)}


class OpenMinute:
    """Columns of distinct events in the order of their coming: `codes`, `persons` and `lengths` have one for each,
    `tags` and `forms` their tags and how those were written, one after the other, `lengths` of each event. `ids` are
    in the same order. Tags and forms have numbers of `words`; a region numbers its tags minute by minute as they close,
    so that the order does not depend on how the log was read.
    """

    __slots__ = (
        "codes",
        "duplicates",
        "forms",
        "fresh",
        "ids",
        "lengths",
        "people",
        "persons",
        "sources",
        "tags",
        "words",
    )

    def __init__(self, people: People, words: Numbers) -> None:
        self.people = people
        self.fresh: list[Event] = []
        self.ids: dict[str, int] = {}
        self.codes = bytearray()
        self.persons = array("q")
        self.lengths = bytearray()
        self.tags = array("q")
        self.words = words
        self.forms = array("q")
        self.sources: set[str] = set()
        self.duplicates = 0

    def gather(self) -> None:
        """Take the fresh events apart, if there are any; one with a known id is a repeat."""
        if not self.fresh:
            return
        events = self._distinct(self.fresh)
        self.codes += bytes(
            [
                MACHINE_CODES[event.kind] if event.machine or event.role == "bot" else CODES[event.kind]
                for event in events
            ]
        )
        for event in [event for event in events if event.formerly]:
            self.people.link(event.formerly, event.actor, event.at // MINUTE)
        self.persons.fromlist(self.people.of([event.actor for event in events]))
        tags = [event.tags for event in events]
        self.lengths += bytes(map(len, tags))
        self.tags.fromlist(self.words.of(list(chain.from_iterable(tags))))
        written = [event.labels if len(event.labels) == len(event.tags) else event.tags for event in events]
        self.forms.fromlist(self.words.of(list(chain.from_iterable(written))))
        self.sources.update([event.source for event in events])
        self.fresh = []

    def _distinct(self, events: list[Event]) -> list[Event]:
        """Give those events whose id is new."""
        known = len(self.ids)
        numbers = range(known + self.duplicates, known + self.duplicates + len(events))
        first = list(map(self.ids.setdefault, [event.id for event in events], numbers))
        repeats = len(events) - (len(self.ids) - known)
        if repeats:
            self.duplicates += repeats
            return list(compress(events, map(eq, first, numbers)))
        return events
