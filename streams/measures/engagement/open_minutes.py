"""The open minutes of one partition: where its events wait, one by one or by columns, until their minute closes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from streams.measures.engagement.arrays import ragged, starts_of
from streams.measures.engagement.clock import MINUTE
from streams.measures.engagement.lookup import UNKNOWN, Lookup
from streams.measures.engagement.text import texts
from streams.measures.engagement.words import MOST_WORDS, WordNumbers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schemas.events import Event
    from streams.measures.engagement.columns import Columns
    from streams.measures.engagement.open_minute import OpenMinute
    from streams.measures.engagement.people import People
    from streams.measures.engagement.region import RegionShard

Integers = NDArray[np.int64]

MANY: Final = 256
"""From so many records on a run is folded by columns."""
TOGETHER: Final = 64
"""Events of one region and minute that are taken apart together."""
REGION_BITS: Final = 32
"""Of a key of minute and region; the minutes of columns take 28."""
FEW: Final = 16
"""With fewer events of each region and minute in a run, columns cost more than they spare."""
PAUSE: Final = 32
"""Runs until columns are tried again where they cost more."""


class Bulk:
    """The columns of one run of records, of which those before `taken` have been taken.

    `at` is how far the run has been read, as an index into its records. What is `out` is not taken from the columns: it
    is for whoever reads records one by one.
    """

    def __init__(self, columns: Columns, offsets: Sequence[int]) -> None:
        self.columns = columns
        self.minutes = columns.at // MINUTE
        every = np.arange(offsets.start, offsets.stop) if isinstance(offsets, range) else np.asarray(offsets, np.int64)
        self.offsets = every[columns.index]
        self.out = np.zeros(len(columns.index), bool)
        self.taken = 0
        self.at = 0

    def others(self, count: int) -> list[int]:
        """Give, of the run of `count` records, the places of those that are no event here, and `count` itself."""
        others = np.ones(count + 1, bool)
        others[self.columns.index[~self.out]] = False
        return others.nonzero()[0].tolist()

    def newest_before(self, places: list[int]) -> dict[int, int]:
        """Give for each of these places, which rise to the end of the run, the newest time (ms) of an event since the
        one before. Where there is none it is one of after it, or 0.
        """
        starts = self.columns.index.searchsorted([0, *places[:-1]])
        newest = np.maximum.reduceat(np.append(self.columns.at, 0), starts)  # a stretch may begin behind the last event
        return dict(zip(places, newest.tolist(), strict=True))

    def leave_out(self, events: NDArray[np.bool_], before: int | None = None) -> list[int]:
        """Leave out such of the events that have not been read, and stand `before` a place; give where they stand in
        the run, rising.
        """
        events = events & ~self.out
        index = self.columns.index
        events[: index.searchsorted(self.at)] = False
        if before is not None:
            events[index.searchsorted(before) :] = False
        self.out |= events
        places: list[int] = index[events].tolist()
        return places


class OpenMinutes:
    """`minutes` has by minute and region the events that have come, `first` the offset of each minute's first one."""

    def __init__(self, shard_of: Callable[[str], RegionShard]) -> None:
        self.minutes: dict[int, dict[str, OpenMinute]] = {}
        self.first: dict[int, int] = {}
        self.words = WordNumbers()
        self.bulk: Bulk | None = None
        self._shard_of = shard_of
        self._persons = Lookup()
        self._ungathered: list[OpenMinute] = []
        self._pause = 0
        self._most_words = MOST_WORDS

    def scattered(self) -> bool:
        """Say whether the events of a run are, by the last ones, spread over too many regions to take them together."""
        self._pause = max(self._pause - 1, 0)
        return self._pause > 0

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
        if self.bulk is not None and self.bulk.columns.formerly and name not in people:
            self._take()

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
            events = of_minute[region] = self._shard_of(region).open(self.words.numbers)
        return events

    def gather(self) -> None:
        """Take apart all events that have come since the last time."""
        self._take()
        for events in self._ungathered:
            events.gather()
        self._ungathered.clear()

    def forget_people(self) -> None:
        """Look all people up again: some names have been forgotten."""
        self._persons.clear()

    def renumber(self) -> None:
        """Number the words anew where there are too many; between two runs. Those of open minutes may be many: next
        time is when there are twice as many as they have.
        """
        if len(self.words.numbers) > self._most_words:
            self.gather()
            self.words = WordNumbers()
            self._persons.clear()
            for of_minute in self.minutes.values():
                for events in of_minute.values():
                    events.renumber(self.words.numbers)
            self._most_words = max(MOST_WORDS, 2 * len(self.words.numbers))

    def closing(self, bound: int) -> list[int]:
        """Give the open minutes before `bound`, in order."""
        return sorted(minute for minute in self.minutes if minute < bound)

    def drop(self, minute: int) -> dict[str, OpenMinute]:
        """Give away a minute."""
        del self.first[minute]
        return self.minutes.pop(minute)

    def _take(self) -> None:
        """Take the events of the run's columns up to where it has been read into their minutes."""
        bulk = self.bulk
        if bulk is None:
            return
        columns = bulk.columns
        begin, end = bulk.taken, int(columns.index.searchsorted(bulk.at))
        bulk.taken = end
        chosen = (~bulk.out[begin:end]).nonzero()[0] + begin
        if not len(chosen):
            return
        keys = bulk.minutes[chosen] << REGION_BITS | columns.region[chosen]
        order = keys.argsort(kind="stable")
        chosen, keys = chosen[order], keys[order]
        persons, rows = self._known(chosen, columns)
        lengths = columns.lengths[chosen]
        place = ragged(columns.begins[chosen], lengths)
        offsets, ids = bulk.offsets[chosen], columns.ids[chosen]
        of_events: dict[str, NDArray[np.generic]] = {
            "offsets": offsets,
            "codes": columns.codes[chosen],
            "persons": persons,
            "sources": columns.source[chosen],
            "lengths": lengths.astype(np.uint8),
        }
        of_tags: dict[str, NDArray[np.generic]] = {"tags": columns.tags[place], "forms": columns.forms[place]}
        starts = starts_of(keys)
        bounds = [*starts.tolist(), len(keys)]
        if len(keys) < FEW * len(starts) and len(keys) >= MANY:
            self._pause = PAUSE
        tag_bounds = np.concatenate([[0], lengths.cumsum()])[bounds].tolist()
        names = self.words.numbers.names
        missing = persons == UNKNOWN
        # regions that nobody knows begin in the order of their first events, however the log was read
        groups = offsets[starts].argsort().tolist()
        opened = [
            self._open(int(bulk.minutes[chosen[first]]), names[int(columns.region[chosen[first]])], int(offsets[first]))
            for first in starts[groups].tolist()
        ]
        self._link(np.sort(chosen[missing]), columns)
        for group, events in zip(groups, opened, strict=True):
            events.gather()
            part = slice(bounds[group], bounds[group + 1])
            unknown = missing[part].nonzero()[0]
            if len(unknown):
                persons[part][unknown] = events.people.of(texts(columns.actors[chosen[part][unknown]].tobytes()))
            tags = slice(tag_bounds[group], tag_bounds[group + 1])
            parts = {name: column[part] for name, column in of_events.items()}
            events.extend(ids[part], parts | {name: column[tags] for name, column in of_tags.items()})
        self._persons.put(rows[missing], persons[missing])

    def _known(self, chosen: Integers, columns: Columns) -> tuple[Integers, NDArray[np.uint64]]:
        """Give the numbers of the people of the chosen events where they are known here, and their rows."""
        rows = columns.persons[chosen]
        rows[:, 3] = columns.region[chosen]
        return self._persons.find(rows), rows

    def _link(self, events: Integers, columns: Columns) -> None:
        """Link the names of the people of such of these events, rising, as say a former one."""
        if not columns.formerly:
            return
        for event in events.tolist():
            former = columns.formerly.get(event)
            if former is not None:
                people = self._shard_of(self.words.numbers.names[int(columns.region[event])]).people
                name = columns.actors[event].tobytes().decode()
                people.link(former.decode(), name, int(columns.at[event]) // MINUTE)
