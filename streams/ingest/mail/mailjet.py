"""Mailjet: https://dev.mailjet.com/email/guides/webhooks/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from streams.ingest.mail.basic import Basic
from streams.ingest.mail.happening import Happening
from streams.ingest.parts import one_or_many
from streams.ingest.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.events import Kind

KINDS: Final[dict[str, Kind]] = {
    "sent": "delivered",
    "open": "open",
    "click": "click",
    "bounce": "bounce",
    "spam": "complaint",
    "unsub": "unsubscribe",
}
"""`sent` means that the recipient's server has it; `blocked` was never sent."""


class _Told(Struct):
    event: str
    time: int | str = 0
    message: int | str = field(name="MessageID", default="")
    email: str = ""
    customcampaign: str | None = None
    agent: str | None = None
    url: str | None = None


_told: Final[Typed[_Told]] = Typed(_Told)


class Mailjet(Basic):
    """Reads one event, or several where grouping is on."""

    def parts(self, body: bytes) -> list[bytes]:
        """Give each event."""
        return one_or_many(body)

    def happenings(self, raw: bytes) -> Iterable[Happening]:
        """Read one."""
        told = _told.read(raw)
        kind = KINDS.get(told.event)
        if kind is not None:
            yield Happening(
                kind=kind,
                address=told.email,
                at=told.time,
                message=str(told.message),
                more=told.url or "",
                agent=told.agent or "",
                tags=(told.customcampaign,) if told.customcampaign else (),
            )
