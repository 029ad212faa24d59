"""What every provider tells of a mail, in one form; and how one may be spoken to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

from schemas.codec import UnreadableError
from schemas.events import MAXIMUM_TAGS, Kind
from streams.ingest import times
from streams.ingest.mail.machines import by_machine
from streams.ingest.submission import submission_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

    from streams.ingest.submission import Submission

SECONDS: Final = 253_402_300_800
PERSONAL: Final = frozenset({"open", "click"})
"""What a person does, unless a machine did it for them."""


class Happening(Struct, frozen=True, kw_only=True):
    """One thing that happened to one mail at one recipient; `at` is a moment as the provider gives it.

    `id` is the provider's own id of the happening; where there is none, what tells it from others: it is put together
    from the kind, the message, the address, the moment and `more`.
    """

    kind: Kind
    address: str
    at: float | str
    message: str
    id: str = ""
    more: str = ""
    agent: str = ""
    machine: bool = False
    tags: tuple[str, ...] = ()

    def submission(self) -> Submission:
        """Give it as a submission; raises UnreadableError."""
        if not self.address:
            raise UnreadableError("wrong_type", "wanted the address of a recipient, got none")
        whole = "/".join((self.kind, self.message, self.address.casefold(), str(self.at), self.more))
        return submission_of(
            {
                "id": self.id or whole,
                "at": milliseconds(self.at),
                "account": self.address,
                "kind": self.kind,
                "tags": [tag for tag in self.tags if tag.startswith("#")][:MAXIMUM_TAGS],
                "reference": self.message,
                "machine": self.machine or (self.kind in PERSONAL and by_machine(self.agent)),
            }
        )


class Provider(Protocol):
    """How one provider proves its calls, and what it says in them."""

    trouble: str
    """What is wrong, in words, beside calls that prove nothing."""

    async def prove(self, request: web.BaseRequest, body: bytes, now: int) -> web.StreamResponse | None:
        """Raise RejectedError where nothing proves the body; answer what belongs to the set-up (`now` in ms)."""

    def parts(self, body: bytes) -> list[bytes]:
        """Give the happenings of a body, each as it came; raises UnreadableError."""

    def happenings(self, raw: bytes) -> Iterable[Happening]:
        """Read one of them; none where it is nothing that counts. Raises UnreadableError."""


def milliseconds(moment: float | str) -> int:
    """Read a moment: seconds since 1970 as a number or digits, or ISO 8601 with an offset. Raises UnreadableError."""
    try:
        seconds = float(moment)
    except ValueError:
        try:
            return times.from_rfc3339(str(moment))
        except times.MomentError as error:
            raise UnreadableError("wrong_type", f"{error}, as the time of the happening") from error
    if not (math.isfinite(seconds) and 0 < seconds < SECONDS):
        raise UnreadableError("wrong_type", "wanted the time of the happening in seconds since 1970, got none")
    return round(seconds * 1000)
