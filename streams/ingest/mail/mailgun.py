"""Mailgun: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from msgspec import Raw, Struct, field

from streams.ingest.mail.happening import Happening
from streams.ingest.push import forged
from streams.ingest.signatures import fresh, hex_hmac, same
from streams.ingest.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

    from schemas.events import Kind

REMEMBERED: Final = 50_000
"""Tokens that are kept against replays; the oldest is forgotten."""
KINDS: Final[dict[str, Kind]] = {
    "delivered": "delivered",
    "opened": "open",
    "clicked": "click",
    "failed": "bounce",
    "complained": "complaint",
    "unsubscribed": "unsubscribe",
}
MACHINES: Final = frozenset({"apple", "generic"})
"""Bots by Mailgun's own count; `gmail` fetches when somebody reads."""


class _Signature(Struct):
    timestamp: str = ""
    token: str = ""
    signature: str = ""


class _Envelope(Struct):
    signature: _Signature
    event: Raw = field(name="event-data", default=Raw())


class _Client(Struct):
    agent: str | None = field(name="user-agent", default=None)
    bot: str | None = None


class _Message(Struct):
    headers: dict[str, str | None] = {}


class _Told(Struct):
    event: str
    id: str = ""
    timestamp: float | str = 0
    recipient: str = ""
    severity: str | None = None
    message: _Message | None = None
    client: _Client | None = field(name="client-info", default=None)
    tags: list[str] | None = None


_envelopes: Final[Typed[_Envelope]] = Typed(_Envelope)
_told: Final[Typed[_Told]] = Typed(_Told)


class Mailgun:
    """Checks an HMAC over time and token. It does not cover the body, so that a token is good for one body only."""

    trouble = ""

    def __init__(self, key: str, replay_seconds: float) -> None:
        """Take the webhook signing key."""
        self._key = key.encode()
        self._replay_seconds = replay_seconds
        self._tokens: dict[str, bytes] = {}

    async def prove(self, request: web.BaseRequest, body: bytes, now: int) -> None:
        """Check time, token and signature."""
        del request
        given = _envelopes.read(body).signature
        if not fresh(given.timestamp, now, self._replay_seconds):
            raise forged(f"wanted a signature within {self._replay_seconds:g} s of now")
        if not same(given.signature, hex_hmac(self._key, (given.timestamp + given.token).encode())):
            raise forged("wanted a signature, made with the key of `secret`")
        digest = hashlib.sha256(body).digest()
        if self._tokens.setdefault(given.token, digest) != digest:
            raise forged("wanted a token that has not come with another body")
        if len(self._tokens) > REMEMBERED:
            del self._tokens[next(iter(self._tokens))]

    def parts(self, body: bytes) -> list[bytes]:
        """Give the event."""
        return [bytes(_envelopes.read(body).event)]

    def happenings(self, raw: bytes) -> Iterable[Happening]:
        """Read it."""
        told = _told.read(raw)
        kind = KINDS.get(told.event)
        if kind is None or (kind == "bounce" and told.severity == "temporary"):
            return
        client = told.client or _Client()
        yield Happening(
            kind=kind,
            id=told.id,
            address=told.recipient,
            at=told.timestamp,
            message=(told.message.headers.get("message-id") if told.message else None) or "",
            agent=client.agent or "",
            machine=(client.bot or "") in MACHINES,
            tags=tuple(told.tags or ()),
        )
