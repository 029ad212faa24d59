"""Postmark: https://postmarkapp.com/developer/webhooks/webhooks-overview."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from streams.ingest.mail.basic import Basic
from streams.ingest.mail.happening import Happening
from streams.ingest.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.events import Kind

BOUNCES: Final[dict[str, Kind]] = {
    "HardBounce": "bounce",
    "SoftBounce": "bounce",
    "BadEmailAddress": "bounce",
    "DnsError": "bounce",
    "Blocked": "bounce",
    "SMTPApiError": "bounce",
    "SpamNotification": "complaint",
    "SpamComplaint": "complaint",
    "Unsubscribe": "unsubscribe",
}
"""Types of a Bounce that mean something; the others are answering machines and delays."""


class _Told(Struct, rename="pascal"):
    record_type: str
    type: str = ""
    message_id: str = field(name="MessageID", default="")
    recipient: str = ""
    email: str = ""
    delivered_at: str = ""
    received_at: str = ""
    bounced_at: str = ""
    changed_at: str = ""
    tag: str | None = None
    user_agent: str | None = None
    original_link: str | None = None
    suppress_sending: bool | None = None
    suppression_reason: str | None = None
    origin: str | None = None


_told: Final[Typed[_Told]] = Typed(_Told)


class Postmark(Basic):
    """Reads one event a call."""

    def parts(self, body: bytes) -> list[bytes]:
        """Give the body."""
        return [body]

    def happenings(self, raw: bytes) -> Iterable[Happening]:
        """Read one."""
        told = _told.read(raw)
        kind = self._kind(told)
        if kind is None:
            return
        yield Happening(
            kind=kind,
            address=told.recipient or told.email,
            at=told.delivered_at or told.received_at or told.bounced_at or told.changed_at,
            message=told.message_id,
            more=told.original_link or "",
            agent=told.user_agent or "",
            tags=(told.tag,) if told.tag else (),
        )

    def _kind(self, told: _Told) -> Kind | None:
        if told.record_type == "Bounce":
            return BOUNCES.get(told.type)
        if told.record_type == "SubscriptionChange":
            # Suppressions after bounces and complaints are told as those.
            own = told.suppress_sending and told.origin == "Recipient"
            return "unsubscribe" if own and told.suppression_reason == "ManualSuppression" else None
        named: dict[str, Kind] = {
            "Delivery": "delivered", "Open": "open", "Click": "click", "SpamComplaint": "complaint",
        }  # fmt: skip
        return named.get(told.record_type)
