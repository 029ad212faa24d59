"""How many people wrote each tag how, in columns: counted by minute without a step of Python for each vote.

Every (tag, form) that has been met has a slot in an array of counts. The LabelVotes of the tags, which are what the
table holds, learn of the counts when they are asked for a label, may have to shrink, or are written.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from streams import compiled
from streams.measures.engagement.arrays import longer
from streams.measures.engagement.bucket import NEW, SERIES
from streams.measures.engagement.minute import UNWRITTEN, numbers_in
from streams.measures.engagement.numbering import Numbers
from streams.measures.engagement.pairs import PERSON, SERIES_SHIFT
from streams.measures.hashtags import LabelVotes
from streams.measures.hashtags.labels import MAXIMUM_FORMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.measures.engagement.minute import RollUp
    from streams.measures.engagement.open_minute import OpenMinute

FEW: Final = 16
NO_SLOT: Final = 0
"""A slot of no form, whose count none reaches: it leads where a tag's label is not known."""
BEYOND: Final = 1 << 62


class Written(Struct, frozen=True):
    """One vote each of people for whom a tag is new: series numbers of `tags`, and `forms` by their number in `words`.

    Both are arrays of shape (n,).
    """

    tags: NDArray[np.int64]
    forms: NDArray[np.int64]
    words: Numbers


def newcomers(rolled: RollUp, new: NDArray[np.bool_], events: OpenMinute) -> Written:
    """Count those of the pairs of a minute that are `new` into its table; give their votes."""
    if compiled.COMPILED:
        forms = numbers_in(events.forms)
        found = compiled.closing.newcomers(rolled.keys, new.view(np.uint8), rolled.wrote, forms, rolled.table)
        return Written(*found, events.words)
    keys = rolled.keys[new]
    rows = rolled.table[:, SERIES].searchsorted(keys >> SERIES_SHIFT)
    rolled.table[:, NEW] = np.bincount(rows, minlength=len(rolled.table))
    return votes_of(events, keys, rolled.wrote[new])


def votes_of(events: OpenMinute, keys: NDArray[np.int64], wrote: NDArray[np.int64]) -> Written:
    """Give the votes of some pairs, each by the tag that it `wrote` first (minute.RollUp)."""
    tagged = wrote != UNWRITTEN
    return Written(keys[tagged] >> SERIES_SHIFT, numbers_in(events.forms)[wrote[tagged]], events.words)


class _Tag(Struct):
    """A tag that has been met: its place among them, its votes, and the slots of its forms."""

    name: str
    place: int
    votes: LabelVotes
    slots: dict[str, int] = field(default_factory=dict)


class Votes:
    """Counts votes on top of `by_tag`, which is up to date after `settle`."""

    def __init__(self, by_tag: dict[str, LabelVotes]) -> None:
        self._by_tag = by_tag
        self._forget()

    def _forget(self) -> None:
        """Begin again from what `by_tag` holds."""
        self._met: list[_Tag] = []
        self._tags: dict[str, _Tag] = {}
        self._labels: dict[str, str] = {}
        self._counts = np.full(1, BEYOND)
        self._settled = self._counts.copy()
        self._tag_of = np.zeros(1, np.int64)
        self._form_of = [""]
        self._forms_of: list[dict[str, int]] = [{}]
        self._place_of = [0]
        self._begin: list[int] = []
        self._leaders = np.zeros(0, np.int64)
        self._words: Numbers | None = None

    def add(self, written: Written, names: Sequence[str]) -> None:
        """Count votes; `names` are by series.

        Forms that are counted already come first, then new ones by code points: so the counts are a function of the
        minute, even where there are more forms than are kept.
        """
        tags, forms, words = written.tags, written.forms, written.words
        if words is not self._words:
            if len(tags) < FEW:  # not worth forgetting the words that are known
                self._meet(tags << SERIES_SHIFT | forms, words, names)
                return
            self._words = words
            self._slot_of, self._series_of = np.zeros(0, np.int64), np.zeros(0, np.int64)
        if len(words.names) > len(self._slot_of):
            self._slot_of = longer(self._slot_of, len(words.names), NO_SLOT)
            self._series_of = longer(self._series_of, len(words.names), -1)
        slots = self._slot_of[forms]
        known = self._series_of[forms] == tags
        if np.count_nonzero(known) == len(known):
            self._count(slots, np.ones(len(slots), np.int64))
            return
        self._count(slots[known], np.ones(np.count_nonzero(known), np.int64))
        met = np.logical_not(known)
        self._meet(tags[met] << SERIES_SHIFT | forms[met], words, names)

    def _count(self, slots: NDArray[np.int64], people: NDArray[np.int64]) -> None:
        """Count so many `people` more for each slot; look for a label again where another may lead."""
        counts, leaders = self._counts, self._leaders
        if compiled.COMPILED:
            places = compiled.closing.count_votes(slots, people, counts, self._tag_of, leaders)
        else:
            np.add.at(counts, slots, people)
            of_tags = self._tag_of[slots]
            rivals = (counts[slots] >= counts[leaders[of_tags]]) & (slots != leaders[of_tags])
            places = of_tags[rivals].tolist()
            leaders[places] = NO_SLOT
        for place in places:
            self._labels.pop(self._met[place].name, None)

    def _meet(self, votes: NDArray[np.int64], words: Numbers, names: Sequence[str]) -> None:
        """Count votes (series << 32 | word) for which no slot is known by the word alone."""
        met, surplus = [], []
        for pair, people in Counter(votes.tolist()).items():
            tag, form = self._tag(names[pair >> SERIES_SHIFT]), words.names[pair & PERSON]
            met.append((form not in tag.votes.forms, tag.name, form, pair, people))
        met.sort()
        slots = []
        for new, name, form, _, people in met:
            tag = self._tags[name]
            if new and len(tag.votes.forms) == MAXIMUM_FORMS:
                surplus.append((name, form, people))
                slots.append(NO_SLOT)
            else:
                slots.append(self._slot(tag, form))
        self._reach()
        at = np.array(slots, np.int64)
        counted = at.nonzero()[0]
        pairs = np.array([pair for _, _, _, pair, _ in met], np.int64)[counted]
        at = at[counted]
        if words is self._words:
            self._slot_of[pairs & PERSON], self._series_of[pairs & PERSON] = at, pairs >> SERIES_SHIFT
        self._count(at, np.array([people for _, _, _, _, people in met], np.int64)[counted])
        if surplus:
            self.settle()
            self._forget()
        for name, form, people in surplus:
            self._by_tag[name].add(form, people)

    def _tag(self, name: str) -> _Tag:
        tag = self._tags.get(name)
        if tag is None:
            votes = self._by_tag.get(name)
            if votes is None:
                votes = self._by_tag[name] = LabelVotes()
            tag = self._tags[name] = _Tag(name, len(self._met), votes)
            self._met.append(tag)
            self._leaders = longer(self._leaders, len(self._met), NO_SLOT)
        return tag

    def _slot(self, tag: _Tag, form: str) -> int:
        """Give the slot of a form; that of a new one is to be reached before it is counted."""
        slot = tag.slots.get(form)
        if slot is None:
            forms = tag.votes.forms
            slot = tag.slots[form] = len(self._form_of)
            self._form_of.append(form)
            self._forms_of.append(forms)
            self._place_of.append(tag.place)
            self._begin.append(forms.setdefault(form, 0))
        return slot

    def _reach(self) -> None:
        """Make room for the counts of new slots."""
        if self._begin:
            end = len(self._form_of)
            begin = end - len(self._begin)
            self._counts, self._settled = longer(self._counts, end), longer(self._settled, end)
            self._tag_of = longer(self._tag_of, end)
            self._counts[begin:end] = self._settled[begin:end] = self._begin
            self._tag_of[begin:end] = self._place_of[begin:]
            self._begin.clear()

    def labels(self, names: Sequence[str]) -> dict[str, str]:
        """Give, for those of `names` that most people write in another form, that form."""
        known = self._labels
        found = {}
        for name in names:
            label = known.get(name)
            if label is None:
                if name not in self._by_tag:
                    continue
                label = self._label(self._tag(name))
            if label != name:
                found[name] = label
        return found

    def _label(self, tag: _Tag) -> str:
        for form, slot in tag.slots.items():
            tag.votes.forms[form] = int(self._counts[slot])
        label = tag.votes.label(tag.name)
        if tag.votes.forms:
            self._labels[tag.name] = label
            self._leaders[tag.place] = self._slot(tag, label)
            self._reach()
        return label

    def settle(self) -> None:
        """Bring `by_tag` up to date."""
        changed = (self._counts != self._settled).nonzero()[0]
        self._settled[changed] = self._counts[changed]
        form_of, forms_of = self._form_of, self._forms_of
        for slot, count in zip(changed.tolist(), self._counts[changed].tolist(), strict=True):
            forms_of[slot][form_of[slot]] = count
