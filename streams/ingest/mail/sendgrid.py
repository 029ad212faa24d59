"""SendGrid: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from streams.errors import OperatorError
from streams.ingest.extras import needed
from streams.ingest.mail.happening import Happening
from streams.ingest.parts import many
from streams.ingest.push import forged
from streams.ingest.signatures import fresh, from_base64
from streams.ingest.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

    from schemas.events import Kind

SIGNATURE: Final = "X-Twilio-Email-Event-Webhook-Signature"
STAMP: Final = "X-Twilio-Email-Event-Webhook-Timestamp"
KINDS: Final[dict[str, Kind]] = {
    "delivered": "delivered",
    "open": "open",
    "click": "click",
    "bounce": "bounce",
    "spamreport": "complaint",
    "unsubscribe": "unsubscribe",
    "group_unsubscribe": "unsubscribe",
}
"""`processed`, `deferred` and `dropped` are about mails that nobody has."""


class _Told(Struct):
    event: str
    email: str = ""
    timestamp: float | str = 0
    sg_event_id: str = ""
    sg_message_id: str = ""
    category: str | list[str] | None = None
    useragent: str | None = None
    sg_machine_open: bool | None = None


_told: Final[Typed[_Told]] = Typed(_Told)


class SendGrid:
    """Checks ECDSA signatures (P-256, SHA-256) over time and body; reads batches."""

    trouble = ""

    def __init__(self, public_key: str, replay_seconds: float) -> None:
        """Take the verification key: base64 of a public key in DER. Raises OperatorError."""
        serialization = needed("cryptography.hazmat.primitives.serialization", "the signatures of SendGrid")
        self._ec = needed("cryptography.hazmat.primitives.asymmetric.ec", "the signatures of SendGrid")
        self._hashes = needed("cryptography.hazmat.primitives.hashes", "the signatures of SendGrid")
        self._invalid = needed("cryptography.exceptions", "the signatures of SendGrid").InvalidSignature
        self._replay_seconds = replay_seconds
        der = from_base64("".join(public_key.split()))
        try:
            key = serialization.load_der_public_key(der or b"")
        except ValueError:
            key = None
        if not isinstance(key, self._ec.EllipticCurvePublicKey):
            raise OperatorError(
                "SendGrid's verification key as base64",
                "something else came",
                "copy it from Settings, Mail Settings, Signed Event Webhook",
                retry=False,
            )
        self._key = key

    async def prove(self, request: web.BaseRequest, body: bytes, now: int) -> None:
        """Verify the signature."""
        stamp = request.headers.get(STAMP, "")
        if not fresh(stamp, now, self._replay_seconds):
            raise forged(f"wanted {STAMP} within {self._replay_seconds:g} s of now")
        signature = from_base64(request.headers.get(SIGNATURE, ""))
        try:
            self._key.verify(signature or b"", stamp.encode() + body, self._ec.ECDSA(self._hashes.SHA256()))
        except self._invalid:
            raise forged(f"wanted {SIGNATURE}, made with the key of `secret`") from None

    def parts(self, body: bytes) -> list[bytes]:
        """Give each event."""
        return many(body)

    def happenings(self, raw: bytes) -> Iterable[Happening]:
        """Read one."""
        told = _told.read(raw)
        kind = KINDS.get(told.event)
        if kind is not None:
            categories = [told.category] if isinstance(told.category, str) else told.category or []
            yield Happening(
                kind=kind,
                id=told.sg_event_id,
                address=told.email,
                at=told.timestamp,
                message=told.sg_message_id.partition(".")[0],  # what follows is about one attempt
                agent=told.useragent or "",
                machine=bool(told.sg_machine_open),
                tags=tuple(categories),
            )
