"""The open minutes of one partition: where its events wait, one by one or by columns, until their minute closes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streams.measures.engagement.columns import reader
from streams.measures.engagement.numbering import Numbers
from streams.values import Values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schemas.events import Event
    from streams.compiled.reading import Reader
    from streams.measures.engagement.open_minute import OpenMinute
    from streams.measures.engagement.people import People
    from streams.measures.engagement.region import RegionShard

TOGETHER: Final = 64
"""Events of one region and minute that are taken apart together."""
MOST_WORDS: Final = 10_000
"""Words that have a number; they are numbered anew when there are more, as far as open minutes do not need them."""


class OpenMinutes:
    """`minutes` has by minute and region the events that have come, `first` the offset of each minute's first one."""

    def __init__(self, shard_of: Callable[[str], RegionShard]) -> None:
        self.minutes: dict[int, dict[str, OpenMinute]] = {}
        self.first: dict[int, int] = {}
        self.words = Numbers()
        self._shard_of = shard_of
        self._reader: Reader | None = None
        self._ungathered: list[OpenMinute] = []
        self._most_words = MOST_WORDS

    def read(self, offsets: Sequence[int], values: Sequence[bytes | None]) -> Reader:
        """Begin to read a run of records by columns; what the reader gives waits until it is gathered."""
        if self._reader is None:
            self._reader = reader(self.words, self._open_by_number)
        found = values if isinstance(values, Values) else Values.of(values)
        self._reader.begin(offsets, found.raw, found.places, found.others)
        return self._reader

    def add(self, event: Event, minute: int, offset: int) -> None:
        """Add one event."""
        try:
            events = self.minutes[minute][event.region]
        except KeyError:
            self._take()  # what came before it comes first
            events = self._open(minute, event.region, offset)
        self.link(event.actor, events.people)
        events.add(event, offset)
        if len(events.fresh) == 1:
            self._ungathered.append(events)
        elif len(events.fresh) >= TOGETHER:
            events.gather()

    def link(self, name: str, people: People) -> None:
        """Take what waits where it may link the name of somebody who has no number yet."""
        if self._reader is not None and self._reader.links() and name not in people:
            self._take()

    def _open_by_number(self, minute: int, region: int, offset: int) -> OpenMinute:
        return self._open(minute, self.words.names[region], offset)

    def _open(self, minute: int, region: str, offset: int) -> OpenMinute:
        """Give the region's minute; open it for its first event."""
        of_minute = self.minutes.get(minute)
        if of_minute is None:
            of_minute = self.minutes[minute] = {}
            self.first[minute] = offset
        elif offset < self.first[minute]:
            self.first[minute] = offset
        events = of_minute.get(region)
        if events is None:
            events = of_minute[region] = self._shard_of(region).open(self.words)
        return events

    def gather(self) -> None:
        """Take apart all events that have come since the last time."""
        self._take()
        for events in self._ungathered:
            events.gather()
        self._ungathered.clear()

    def forget_people(self) -> None:
        """Look all people up again: some names have been forgotten."""
        if self._reader is not None:
            self._reader.forget_people()

    def renumber(self) -> None:
        """Number the words anew where there are too many; between two runs. Those of open minutes may be many: next
        time is when there are twice as many as they have.
        """
        if len(self.words) > self._most_words:
            self.gather()
            self.words = Numbers()
            self._reader = None
            for of_minute in self.minutes.values():
                for events in of_minute.values():
                    events.renumber(self.words)
            self._most_words = max(MOST_WORDS, 2 * len(self.words))

    def closing(self, bound: int) -> list[int]:
        """Give the open minutes before `bound`, in order."""
        return sorted(minute for minute in self.minutes if minute < bound)

    def drop(self, minute: int) -> dict[str, OpenMinute]:
        """Give away a minute."""
        del self.first[minute]
        return self.minutes.pop(minute)

    def _take(self) -> None:
        """Take the events that have been read by columns into their minutes."""
        if self._reader is not None:
            self._reader.take()
