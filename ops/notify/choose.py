"""Chooses what a receiver is to be told: the difference between how the regions are and what it knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from ops.notify.book import EVERYTHING, Change, Told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.notify.book import Book
    from ops.notify.hours import QuietHours
    from schemas.config import Notification

OVER: Final = frozenset({"active", "quiet"})
"""Verdicts by which a region that was told of is well again."""

SETTLED: Final = 5 * 60_000
"""A recovery is heard of some minutes (ms) after it happened: a silence that was held back is told so much later."""


class News(Struct, frozen=True):
    """What a receiver is to be told in one message, and what it knows afterwards.

    `changes` are regions with a verdict that matters, `returns` those that no longer have it. `everything` is set when
    the whole has gone silent or is no longer so, `why` says by what.
    """

    changes: tuple[Change, ...] = ()
    returns: tuple[Change, ...] = ()
    everything: bool | None = None
    why: str = ""
    silent: tuple[Change, ...] = ()
    forgotten: tuple[str, ...] = ()
    """Regions whose return is too old to be told, or isn't wanted: only the book changes."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to be said."""
        return not (self.changes or self.returns) and self.everything is None


class Chooser:
    """Chooses for one receiver, whose regions are `scope`; `max_age` in ms."""

    def __init__(self, receiver: Notification, scope: frozenset[str], hours: QuietHours, max_age: int) -> None:
        self.receiver = receiver
        self.scope = scope
        self.hours = hours
        self.max_age = max_age

    def choose(self, book: Book, now: int) -> News:
        """Give what is to be told at `now` (ms since the epoch)."""
        told = book.told(self.receiver.name)
        incidents = book.incidents(self.receiver.name)
        quiet = self.hours.are_now(now)
        whole = book.everything_silent() and "silent" in self.receiver.verdicts
        silent = tuple(one for one in self._ours(book) if one.new == "silent")
        everything = None
        if whole and silent and EVERYTHING not in told:
            # the whole may come hours after the last silence: once those who slept then should have posted
            by_itself = book.saved.whole_counts_from if book.saved.everything else 0
            if self._in_time(max(by_itself, *(one.counts_from for one in silent)), now):
                everything = True
        elif not whole and EVERYTHING in told and not quiet:
            everything = False  # and which are still silent; in quiet hours a new silence can't wait for that
        changes, returns, forgotten = [], [], []
        for latest in self._ours(book):
            change, knows = latest, told.get(latest.region)
            if self._matters(change):
                covered = change.new == "silent" and (whole or everything is False)
                if change.held and knows is None and incidents.get(change.region) == change.incident:
                    change = replace(change, counts_from=change.counts_from + change.held + SETTLED)
                    covered |= now < change.counts_from
                unknown = knows is None or knows.verdict != change.new
                if unknown and not covered and self._in_time(change.counts_from, now):
                    changes.append(change)
            elif knows is not None and self.receiver.returns and self._in_time(change.counts_from, now):
                returns.append(change)
            elif knows is not None:
                forgotten.append(change.region)
        why = book.saved.why if everything and book.saved.everything else ""
        news = News(tuple(changes), tuple(returns), everything, why, silent, tuple(forgotten))
        return self._hushed(news) if quiet else news

    def _ours(self, book: Book) -> Iterator[Change]:
        return (change for name, change in sorted(book.latest.items()) if name in self.scope)

    def _matters(self, change: Change) -> bool:
        """A first verdict is no news: it says how things were before anybody looked."""
        return change.new in self.receiver.verdicts and change.old != ""

    def _in_time(self, counts_from: int, now: int) -> bool:
        """Tell whether what counts from that moment (ms) is young enough.

        What waits for the end of quiet hours is as old as that end. So is what came shortly before them and was not
        told yet: it was gathered, late, or not taken.
        """
        last = self.hours.end(counts_from) + self.max_age
        end = self.hours.end(last)
        return now <= (end + self.max_age if end > last else last)

    def _hushed(self, news: News) -> News:
        """Leave what can't wait until the end of the quiet hours."""
        always = self.receiver.always
        return News(
            tuple(change for change in news.changes if change.new in always),
            (),
            True if news.everything and "everything" in always else None,
            news.why,
            news.silent,
        )


def tell(book: Book, receiver: str, news: News) -> None:
    """Write into the book that a receiver has been told."""
    told, incidents = book.told(receiver), book.incidents(receiver)
    for change in news.changes:
        told[change.region] = Told(change.new, change.at)
    for change in (*news.changes, *(news.silent if news.everything is False else ())):
        if change.new == "silent":
            incidents[change.region] = change.incident
    for name in (*(change.region for change in news.returns), *news.forgotten):
        told.pop(name, None)
    if news.everything is None:
        return
    if news.everything:
        told[EVERYTHING] = Told("silent", max(change.at for change in news.silent))
    else:
        told.pop(EVERYTHING, None)
        for change in news.silent:
            told[change.region] = Told("silent", change.at)
