"""What a shard counts since the beginning of the log: it has no minute, and so an entry of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from streams.measures.hashtags import LabelVotes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NOTHING: Final[Mapping[str, int]] = {}


class Totals(Struct, array_like=True):
    """Counts folded up to source `offset`: events by kind, repeats, late ones, and by tag the forms people wrote."""

    offset: int = -1
    duplicates: int = 0
    late: int = 0
    too_late: int = 0
    kinds: dict[str, int] = {}
    votes: dict[str, LabelVotes] = {}


class TotalsKeeper:
    """Adds to the totals, unless the table that they were restored from has the source offset already."""

    def __init__(self, totals: Totals) -> None:
        self.totals = totals
        self._labels: dict[str, str] = {}
        self._restored = totals.offset
        self._written = totals.offset

    def add(  # noqa: PLR0913 - each is one of the totals
        self,
        offset: int,
        *,
        duplicates: int = 0,
        late: int = 0,
        too_late: int = 0,
        kinds: Mapping[str, int] = NOTHING,
        votes: Iterable[tuple[str, str, int]] = (),
    ) -> None:
        """Add what the record at source `offset` has brought; `votes` are a tag, a form of it and how many wrote it."""
        totals = self.totals
        if offset <= self._restored:
            return
        totals.offset = offset
        totals.duplicates += duplicates
        totals.late += late
        totals.too_late += too_late
        for kind, count in kinds.items():
            totals.kinds[kind] = totals.kinds.get(kind, 0) + count
        for tag, form, people in votes:
            self._vote(tag, form, people)

    def _vote(self, tag: str, form: str, people: int) -> None:
        """Count the votes; the tag's label is looked for again only where another form may have come before it."""
        votes = self.totals.votes.get(tag)
        if votes is None:
            votes = self.totals.votes[tag] = LabelVotes()
        if form in votes.forms:
            votes.forms[form] += people
        else:
            votes.add(form, people)
        label = self._labels.get(tag)
        if label is not None and label != form and votes.forms.get(form, 0) >= votes.forms.get(label, 0):
            del self._labels[tag]

    def labels(self, names: Sequence[str]) -> dict[str, str]:
        """Give, for those of `names` that most people write in another form, that form."""
        known, votes = self._labels, self.totals.votes
        found = {}
        for name in names:
            if name in votes:
                label = known.get(name)
                if label is None:
                    label = known[name] = votes[name].label(name)
                if label != name:
                    found[name] = label
        return found

    def flush(self) -> Totals | None:
        """Give the totals where they have changed since the last flush."""
        if self.totals.offset == self._written:
            return None
        self._written = self.totals.offset
        return self.totals
