"""What a shard counts since the beginning of the log: it has no minute, and so an entry of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from streams.measures.engagement.votes import Votes
from streams.measures.hashtags import LabelVotes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.measures.engagement.votes import Written

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
        self._votes = Votes(totals.votes)
        self._restored = totals.offset
        self._written = totals.offset

    def add(
        self,
        offset: int,
        *,
        duplicates: int = 0,
        late: int = 0,
        too_late: int = 0,
        kinds: Mapping[str, int] = NOTHING,
    ) -> None:
        """Add what the record at source `offset` has brought."""
        totals = self.totals
        if offset <= self._restored:
            return
        totals.offset = offset
        totals.duplicates += duplicates
        totals.late += late
        totals.too_late += too_late
        for kind, count in kinds.items():
            totals.kinds[kind] = totals.kinds.get(kind, 0) + count

    def vote(self, offset: int, written: Written, names: Sequence[str]) -> None:
        """Add the forms of tags that the record at source `offset` has brought; `names` are by series."""
        if offset > self._restored:
            self.totals.offset = offset
            self._votes.add(written, names)

    def labels(self, names: Sequence[str]) -> dict[str, str]:
        """Give, for those of `names` that most people write in another form, that form."""
        return self._votes.labels(names)

    def flush(self) -> Totals | None:
        """Give the totals where they have changed since the last flush."""
        if self.totals.offset == self._written:
            return None
        self._written = self.totals.offset
        self._votes.settle()
        return self.totals
