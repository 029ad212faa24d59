"""SparkPost: https://developers.sparkpost.com/api/webhooks/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from streams.ingest.mail.basic import Basic
from streams.ingest.mail.happening import Happening
from streams.ingest.parts import many
from streams.ingest.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.events import Kind

KINDS: Final[dict[str, Kind]] = {
    "delivery": "delivered",
    "open": "open",
    "initial_open": "open",
    "amp_open": "open",
    "amp_initial_open": "open",
    "click": "click",
    "amp_click": "click",
    "bounce": "bounce",
    "out_of_band": "bounce",
    "spam_complaint": "complaint",
    "list_unsubscribe": "unsubscribe",
    "link_unsubscribe": "unsubscribe",
}
NO_BOUNCES: Final = frozenset({"60", "70", "80", "100"})
"""Classes of bounces that are none: answering machines, delays, subscriptions, challenges."""
UNSUBSCRIBE: Final = "90"


class _Agent(Struct):
    is_prefetched: bool | None = None


class _Told(Struct):
    type: str
    event_id: str = ""
    rcpt_to: str = ""
    raw_rcpt_to: str = ""
    timestamp: str = ""
    message_id: str = ""
    transmission_id: str = ""
    campaign_id: str | None = None
    bounce_class: str | None = None
    user_agent: str | None = None
    user_agent_parsed: _Agent | None = None
    is_prefetched: bool | None = None


class _Wrapped(Struct):
    msys: dict[str, _Told] = {}


_told: Final[Typed[_Wrapped]] = Typed(_Wrapped)


class SparkPost(Basic):
    """Reads batches."""

    def parts(self, body: bytes) -> list[bytes]:
        """Give each event; the first call after the set-up holds none."""
        return many(body)

    def happenings(self, raw: bytes) -> Iterable[Happening]:
        """Read one."""
        for told in _told.read(raw).msys.values():
            kind = KINDS.get(told.type)
            if kind == "bounce" and told.bounce_class in NO_BOUNCES:
                kind = None
            if kind == "bounce" and told.bounce_class == UNSUBSCRIBE:
                kind = "unsubscribe"
            if kind is None:
                continue
            parsed = told.user_agent_parsed
            yield Happening(
                kind=kind,
                id=told.event_id,
                address=told.rcpt_to or told.raw_rcpt_to,
                at=told.timestamp,
                message=told.message_id or told.transmission_id,
                agent=told.user_agent or "",
                machine=bool(told.is_prefetched) or bool(parsed and parsed.is_prefetched),
                tags=(told.campaign_id,) if told.campaign_id else (),
            )
