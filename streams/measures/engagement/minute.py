"""The events of one region and minute, gathered in columns as they come, and their roll-up when the minute closes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.activity import CAMPAIGN_PREFIX, WHOLE
from schemas.events import COUNTING_KINDS, KINDS
from streams.measures.engagement.bucket import COLUMNS, PEOPLE, SUMS
from streams.measures.engagement.windows import SERIES_SHIFT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.events import Event
    from streams.measures.engagement.numbering import Numbers

MACHINE: Final = len(KINDS)
"""Added to the code of a kind for what no person did."""
CODES: Final = {kind: code for code, kind in enumerate(KINDS)}
COUNTING: Final = np.array([kind in COUNTING_KINDS for kind in KINDS] + [False] * len(KINDS))
COLUMN: Final = np.array([{"post": 1, "reply": 2, "reshare": 3}.get(kind, 0) for kind in KINDS * 2])
_COUNTING: Final = COUNTING.tolist()
_COLUMN: Final = COLUMN.tolist()
"""By code: whether a person takes part by it, and which of the sums it belongs to (0: only to all events)."""


FEW: Final = 24
"""Up to so many events are rolled up one by one."""


class OpenMinute:
    """Columns of distinct events, in the order of their coming; `tags` and `forms` are flat, `lengths` to an event."""

    __slots__ = ("actors", "codes", "duplicates", "forms", "ids", "labelled", "lengths", "sources", "tags")

    def __init__(self) -> None:
        self.ids: dict[str, None] = {}
        self.codes: list[int] = []
        self.actors: list[str] = []
        self.lengths: list[int] = []
        self.tags: list[str] = []
        self.forms: list[str] = []
        self.labelled = False
        self.sources: set[str] = set()
        self.duplicates = 0

    def add(self, event: Event) -> None:
        """Add an event; one with a known id is a repeat."""
        if event.id in self.ids:
            self.duplicates += 1
            return
        self.ids[event.id] = None
        code = CODES[event.kind]
        if event.role == "bot" or event.machine:
            code += MACHINE
        self.codes.append(code)
        self.actors.append(event.actor)
        self.sources.add(event.source)
        tags = event.tags
        if len(tags) > 1 and len(set(tags)) != len(tags):
            tags = tuple(dict.fromkeys(tags))
        self.lengths.append(len(tags))
        self.tags += tags
        if event.labels and len(event.labels) == len(tags):
            self.labelled = True
            self.forms += event.labels
        else:
            self.forms += tags


class SeriesNumbers:
    """The series of one region: 0 is the whole, then tags and campaigns in order of appearance."""

    def __init__(self, numbers: Numbers, campaigns_of: Mapping[str, Sequence[str]]) -> None:
        self.numbers = numbers
        self._campaigns_of = campaigns_of
        self._campaigns: list[int] = []
        self._members: dict[int, set[int]] = {}
        self._looked_at = 0
        numbers.number(WHOLE)

    def campaigns(self) -> list[int]:
        """Give the numbers of the campaigns that have been seen, in order."""
        self._look()
        return self._campaigns

    def members(self) -> dict[int, set[int]]:
        """Give the numbers of the seen tags of each seen campaign."""
        self._look()
        return self._members

    def _look(self) -> None:
        """Look at the names that are new, and number the campaigns of new tags."""
        names = self.numbers.names
        while self._looked_at < len(names):
            number = self._looked_at
            self._looked_at += 1
            if names[number].startswith(CAMPAIGN_PREFIX):
                self._campaigns.append(number)
            for campaign in self._campaigns_of.get(names[number], ()):
                of = self.numbers.number(CAMPAIGN_PREFIX + campaign)
                self._members.setdefault(of, set()).add(number)


class RollUp(Struct):
    """One minute: `kinds` counts events; `keys` are the sorted distinct pairs, `tag_keys` the pair of each tag.

    `table` has shape (n, bucket.COLUMNS), its column of new people still empty.
    """

    kinds: dict[str, int]
    keys: NDArray[np.int64]
    table: NDArray[np.int32]
    tag_keys: NDArray[np.int64]


def roll_up(minute: int, events: OpenMinute, people: Numbers, series: SeriesNumbers) -> RollUp:
    """Roll up a minute that has at least one event."""
    few = len(events.codes) <= FEW
    return (roll_up_few if few else roll_up_columns)(minute, events, people, series)


def roll_up_few(minute: int, events: OpenMinute, people: Numbers, series: SeriesNumbers) -> RollUp:
    """Roll up a minute event by event: the quicker way for the few events of a quiet region."""
    persons = people.of(events.actors)
    tags = series.numbers.of(events.tags)
    members = series.members()
    kinds: dict[str, int] = {}
    keys: set[int] = set()
    tag_keys: list[int] = []
    rows: dict[int, list[int]] = {}
    begin = 0
    for code, person, length in zip(events.codes, persons, events.lengths, strict=True):
        kind = KINDS[code % MACHINE]
        kinds[kind] = kinds.get(kind, 0) + 1
        of_event = tags[begin : begin + length]
        begin += length
        tag_keys += [tag << SERIES_SHIFT | person for tag in of_event]
        campaigns = [campaign for campaign, tagged in members.items() if not tagged.isdisjoint(of_event)]
        column = _COLUMN[code]
        for number in (0, *of_event, *campaigns):
            row = rows.get(number)
            if row is None:
                row = rows[number] = [minute, number, 0, 0, 0, 0, 0, 0]
            row[SUMS.start] += 1
            if column:
                row[SUMS.start + column] += 1
            key = number << SERIES_SHIFT | person
            if _COUNTING[code] and key not in keys:
                keys.add(key)
                row[PEOPLE] += 1
    table = np.array([rows[number] for number in sorted(rows)], np.int32)
    return RollUp(kinds, np.array(sorted(keys), np.int64), table, np.array(tag_keys, np.int64))


def roll_up_columns(minute: int, events: OpenMinute, people: Numbers, series: SeriesNumbers) -> RollUp:
    """Roll up a minute by columns: the cost of an event is least, that of a minute some forty calls of numpy."""
    codes = np.array(events.codes)
    persons = np.array(people.of(events.actors))
    tags = np.array(series.numbers.of(events.tags), np.int64)
    place = np.arange(len(codes)).repeat(events.lengths)
    tag_place = place
    for campaign, members in series.members().items():
        # an event belongs to a campaign once, however many of its tags do
        places = sorted_distinct(tag_place[np.isin(tags[: len(events.tags)], list(members))])
        tags = np.concatenate([tags, np.full(len(places), campaign)])
        place = np.concatenate([place, places]) if len(places) else place
    tag_codes = codes[place]
    counting = COUNTING[codes]
    tag_keys = tags << SERIES_SHIFT | persons[place]
    keys = sorted_distinct(np.concatenate([persons[counting], tag_keys[COUNTING[tag_codes]]]))

    known = len(series.numbers.names)
    by_column = np.bincount(tags << 2 | COLUMN[tag_codes], minlength=known << 2).reshape(-1, 4)
    by_column[0] = np.bincount(COLUMN[codes], minlength=4)
    totals = by_column.sum(axis=1)
    present = totals.nonzero()[0]
    table = np.zeros((len(present), COLUMNS), np.int32)
    table[:, 0] = minute
    table[:, 1] = present
    table[:, SUMS.start] = totals[present]
    table[:, SUMS.start + 1 : SUMS.start + 4] = by_column[present, 1:]
    table[:, PEOPLE] = np.bincount(keys >> SERIES_SHIFT, minlength=known)[present]
    by_kind = np.bincount(codes, minlength=2 * MACHINE)
    by_kind = by_kind[:MACHINE] + by_kind[MACHINE:]
    kinds: dict[str, int] = {KINDS[code]: int(by_kind[code]) for code in by_kind.nonzero()[0].tolist()}
    return RollUp(kinds, keys, table, tag_keys[: len(events.tags)])


def sorted_distinct(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sort `keys` in place and give each once; for a few hundred far quicker than numpy's unique."""
    if len(keys) < 2:
        return keys
    keys.sort()
    first = np.empty(len(keys), bool)
    first[0] = True
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return keys[first]
