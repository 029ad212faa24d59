"""Mandrill (Mailchimp Transactional): https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from aiohttp import web
from msgspec import Struct, field

from schemas.codec import UnreadableError
from streams.errors import OperatorError
from streams.ingest.mail.happening import Happening
from streams.ingest.parts import many
from streams.ingest.push import forged
from streams.ingest.signatures import base64_hmac, same
from streams.ingest.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.events import Kind

SIGNATURE: Final = "X-Mandrill-Signature"
FIELDS: Final = 16
"""Fields of a form that are read; there is one."""
KINDS: Final[dict[str, Kind]] = {
    "delivered": "delivered",
    "open": "open",
    "click": "click",
    "hard_bounce": "bounce",
    "soft_bounce": "bounce",
    "spam": "complaint",
    "unsub": "unsubscribe",
}
"""`send` comes before `delivered` for the same mail."""


class _Mail(Struct):
    id: str = field(name="_id", default="")
    email: str = ""
    tags: list[str] | None = None


class _Told(Struct):
    event: str = ""
    ts: float | str = 0
    msg: _Mail = field(default_factory=_Mail)
    agent: str | None = field(name="user_agent", default=None)
    url: str | None = None


_told: Final[Typed[_Told]] = Typed(_Told)


class Mandrill:
    """Checks an HMAC over the address that Mandrill calls and the fields of the form; reads batches."""

    trouble = ""

    def __init__(self, key: str, url: str) -> None:
        """Take the webhook's key, and the address exactly as it stands at Mandrill. Raises OperatorError."""
        if not url:
            raise OperatorError(
                "the `url` that Mandrill calls, which is part of its signature",
                "it is not set",
                "copy it from Mandrill's list of webhooks",
                retry=False,
            )
        self._key = key.encode()
        self._url = url

    async def prove(self, request: web.BaseRequest, body: bytes, now: int) -> web.StreamResponse | None:
        """Check the signature; the set-up begins with a HEAD."""
        del now
        if request.method == "HEAD":
            return web.Response()
        signed = self._url + "".join(name + value for name, value in sorted(_form(body)))
        if not same(request.headers.get(SIGNATURE, ""), base64_hmac(self._key, signed.encode(), "sha1")):
            raise forged(f"wanted {SIGNATURE}, made with the key of `secret` for `url`")
        return None

    def parts(self, body: bytes) -> list[bytes]:
        """Give each event."""
        events = dict(_form(body)).get("mandrill_events")
        if events is None:
            raise UnreadableError("wrong_type", "wanted a form with mandrill_events, got another one")
        return many(events)

    def happenings(self, raw: bytes) -> Iterable[Happening]:
        """Read one."""
        told = _told.read(raw)
        kind = KINDS.get(told.event)
        if kind is not None:
            yield Happening(
                kind=kind,
                address=told.msg.email,
                at=told.ts,
                message=told.msg.id,
                more=told.url or "",
                agent=told.agent or "",
                tags=tuple(told.msg.tags or ()),
            )


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS)
    except ValueError as error:
        raise forged("wanted a form") from error
