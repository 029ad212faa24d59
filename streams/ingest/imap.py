"""Source `imap`: newsletters in a mailbox, where no provider tells what became of them.

A mail in a folder was delivered, one that is marked as seen was opened, one that is found in the trash was deleted. The
mailbox does not say when the last two happened: they get the moment of the look that found them. IMAPClient speaks
IMAP; it blocks, and so it works in a thread.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from schemas.codec import encode
from streams.ingest.mailbox import Found, Happening, ImapSettings, Looking, Position
from streams.ingest.pull import PullSource
from streams.ingest.rereading import items_of, rereader_of
from streams.ingest.source import Item, Rereader, SourceKind, Surroundings
from streams.ingest.submission import submission_of
from streams.ingest.typed import Typed
from streams.ingest.web import TroubleError

if TYPE_CHECKING:
    from streams.ingest.intake import Intake
    from streams.ingest.submission import Submission

_happenings: Final[Typed[Happening]] = Typed(Happening)


class ImapSource(PullSource):
    """Looks into one mailbox again and again."""

    def __init__(self, settings: ImapSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._settings = settings
        self._position: Position | None = None

    def prepare(self) -> None:
        """Read the password."""
        self.secret(self._settings.password, "password")

    async def work(self, intake: Intake) -> None:
        """Look every so often, with a connection for each look."""
        position = self._position or intake.restore(Position) or Position(oldest=self.first(intake.now()))
        while not intake.stopping:
            began = intake.now()
            position = self._position = await self._sent(position, intake)
            found = await self._look(position)
            if found.after != position or found.happened:
                position = msgspec.structs.replace(found.after, pending=found.happened)
                await intake.save(position)
                position = self._position = await self._sent(position, intake)
            self.complete(began)
            await intake.pause(self._settings.poll_seconds)

    async def fill(self, intake: Intake, since: int) -> str:
        """Send which newsletters came since then, and of those from before the source's own first start also what
        became of them: of later ones the source itself tells, at the moment when it sees it.
        """
        saved = intake.restore(Position)
        began = saved.oldest if saved else self.first(intake.now())
        found = await self._look(Position(oldest=since))
        # At the moment of the delivery, as nobody knows a better one: so they count once, however often this is done.
        delivered = {one.mail: one.at for one in found.happened if one.kind == "delivered"}
        happened = [
            msgspec.structs.replace(one, at=delivered[one.mail])
            for one in found.happened
            if one.kind == "delivered" or delivered[one.mail] < began
        ]
        return f"sent {await self.hand_over(_items(happened), intake)} events"

    async def _sent(self, position: Position, intake: Intake) -> Position:
        """Send what is pending; give the position after that."""
        if not position.pending:
            return position
        await self.hand_over(_items(position.pending), intake)
        after = msgspec.structs.replace(position, pending=[])
        await intake.save(after)
        return after

    async def _look(self, position: Position) -> Found:
        password = self.secret(self._settings.password, "password").strip()
        looking = Looking(self._settings, position, self.clock())
        try:
            return await asyncio.to_thread(looking.run, password)
        except asyncio.CancelledError:
            looking.abandon()
            raise
        except TimeoutError:
            raise TroubleError(f"{self._settings.host} did not answer in time") from None
        except OSError as error:
            words = error.strerror or type(error).__name__
            raise TroubleError(f"{self._settings.host} can't be reached ({words})") from None


def _items(happened: list[Happening]) -> list[Item]:
    return [item for one in happened for item in items_of(encode(one), "mailbox", read)]


def read(raw: bytes) -> Submission:
    """Read what became of a newsletter; raises UnreadableError."""
    one = _happenings.read(raw)
    return submission_of(
        {
            "id": f"{one.kind}/{one.mail}",
            "at": one.at,
            "account": one.account,
            "kind": one.kind,
            "text": one.subject,
            "reference": one.mail,
            "region": one.region,
        }
    )


def rereader(settings: ImapSettings, surroundings: Surroundings) -> Rereader:  # noqa: ARG001 (as for every kind)
    """Make what reads a refused happening again."""
    return rereader_of(read)


def build(settings: ImapSettings, surroundings: Surroundings) -> list[ImapSource]:
    """Make the source."""
    return [ImapSource(settings, surroundings)]


KIND: Final = SourceKind(ImapSettings, build, rereader)
