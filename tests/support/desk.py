"""One receiver of messages at a desk: what is published, a phone, and a clock that the test moves."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from msgspec import json

from ops.notify.book import Book, Saved
from ops.notify.receivers import Receiver
from ops.notify.send import NotTakenError
from schemas.config import Config, Notification, NotifySettings, Secret
from schemas.directory import Directory, Region
from schemas.regions import Evidence, Transition

if TYPE_CHECKING:
    from ops.notify.words import Message

MINUTE = 60_000
HOUR = 60 * MINUTE
NOON = round(dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC).timestamp() * 1000)
REGIONS = tuple(f"r{number:02}" for number in range(40))


class Phone:
    """A receiver that takes everything, or nothing while it is `off`."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.off = False

    async def send(self, message: Message) -> None:
        """Take a message."""
        if self.off:
            raise NotTakenError
        assert message.title
        assert message.text, "Apprise sends no empty message"
        self.messages.append(message)


class Desk:
    """A book, one receiver with a phone, and a clock that the test moves."""

    def __init__(self, *, gather: float = 30, max_age: float = 60, **settings: Any) -> None:
        board = "https://grafana.example.org/"
        self.config = Config(notify=NotifySettings(board=board, gather_seconds=gather, max_age_minutes=max_age))
        self.directory = Directory(
            region=tuple(Region(name=name, title=name.upper(), team=f"team-{name[-1]}") for name in REGIONS)
        )
        self.settings = Notification(name="phone", url=Secret(environment="X"), **settings)
        self.phone = Phone()
        self.now = NOON
        self.saves: list[bytes] = []
        self.start()

    def start(self) -> None:
        """Start the process, again if need be: from what was saved last."""
        saved = json.decode(self.saves[-1], type=Saved) if self.saves else None
        self.book = Book(REGIONS, saved)
        self.receiver = Receiver(self.config, self.directory, self.settings, self.phone)

    def save(self) -> None:
        """Keep the book as the process would."""
        self.saves.append(json.encode(self.book.saved))

    def change(
        self, region: str, new: str, old: str = "active", reason: str = "no post", *, ago: int = 0, **more: int
    ) -> bool:
        """Publish a change of verdict, with `more` evidence; tells whether it was news."""
        at, evidence = self.now - ago, Evidence(**more)
        made = Transition(region, at, old, new, reason, evidence)  # type: ignore[arg-type]
        return self.book.take(made, published=self.now)

    async def later(self, seconds: float) -> list[str]:
        """Let time pass with a look each second; gives the titles of what was sent meanwhile."""
        before = len(self.phone.messages)
        for _ in range(round(seconds)):
            await self.receiver.look(self.book, self.now, self.save)
            self.now += 1000
        await self.receiver.look(self.book, self.now, self.save)
        return [message.title for message in self.phone.messages[before:]]
