"""One receiver at work: gathers what is new, sends it once, and keeps what it has been told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import structlog

from ops.notify.choose import Chooser, tell
from ops.notify.hours import QuietHours
from ops.notify.send import NotTakenError
from ops.notify.words import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.notify.book import Book
    from ops.notify.choose import News
    from ops.notify.words import Message
    from schemas.config import Config, Notification
    from schemas.directory import Directory

log = structlog.get_logger(__name__)


class Way(Protocol):
    """What is needed of ops.notify.send.Sender."""

    async def send(self, message: Message) -> None:
        """Send a message; raises NotTakenError."""


LONGEST: Final = 4
"""What keeps coming is sent after so many times the gathering time in any case."""


class Gathered:
    """What is being gathered for one message, and since when (ms)."""

    def __init__(self) -> None:
        self._news: News | None = None
        self._first = 0
        self._last = 0

    def complete(self, news: News, now: int, gather: int) -> bool:
        """Take how things are now; tells whether nothing new has come for `gather`, or it has taken too long."""
        if self._news is None:
            self._first = now
        if news != self._news:
            self._news, self._last = news, now
        return now - self._last >= gather or now - self._first >= LONGEST * gather


class Receiver:
    """Looks what its receiver does not know yet, and tells it.

    The book is saved before a message goes out and after it was taken. A crash between the two sends the message again,
    with a word that it may be a repeat: at least once, and twice only if the process dies in that moment.
    """

    def __init__(self, config: Config, directory: Directory, settings: Notification, way: Way) -> None:
        hours = QuietHours(settings.quiet_hours, settings.time_zone)
        max_age = round(config.notify.max_age_minutes * 60_000)
        self.name = settings.name
        self._gather = round(config.notify.gather_seconds * 1000)
        self._chooser = Chooser(settings, scope(settings, directory), hours, max_age)
        titles = {region.name: region.title for region in directory.region}
        self._writer = Writer(titles, hours.zone, config.notify.board)
        self._way = way
        self._gathered = Gathered()
        self._failed = False

    async def look(self, book: Book, now: int, save: Callable[[], None]) -> None:
        """Send what is due at `now` (ms since the epoch); what the receiver does not take is tried at the next look."""
        told = book.told(self.name)
        news = self._chooser.choose(book, now)
        if news.empty:
            self._gathered = Gathered()
            if news.forgotten:
                tell(book, self.name, news)
                save()
            return
        if not self._gathered.complete(news, now, self._gather):
            return
        again = self.name in book.saved.sending
        message = self._writer.write(news, told, again=again)
        book.saved.sending.add(self.name)
        save()
        try:
            await self._way.send(message)
        except NotTakenError:
            # it was not taken, so that a later one is no repeat
            book.saved.sending.discard(self.name)
            save()
            if not self._failed:
                log.warning("notify.not_taken", receiver=self.name, then="it is tried until it is too old")
            self._failed = True
            return
        tell(book, self.name, news)
        book.saved.sending.discard(self.name)
        save()
        self._failed = False
        self._gathered = Gathered()
        log.info("notify.sent", receiver=self.name, changes=len(news.changes), returns=len(news.returns))


def scope(settings: Notification, directory: Directory) -> frozenset[str]:
    """Give the regions that a receiver hears of: those that are named, or of its teams; all where neither is set."""
    return frozenset(
        region.name
        for region in directory.region
        if (not settings.regions and not settings.teams)
        or region.name in settings.regions
        or (region.team and region.team in settings.teams)
    )
