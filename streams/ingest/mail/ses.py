"""Amazon SES through SNS: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web
from msgspec import Struct, field

from streams.ingest.mail.happening import Happening
from streams.ingest.mail.sns import Sns, notices
from streams.ingest.push import forged
from streams.ingest.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schemas.events import Kind

KINDS: Final[dict[str, Kind]] = {
    "Delivery": "delivered",
    "Open": "open",
    "Click": "click",
    "Bounce": "bounce",
    "Complaint": "complaint",
    "Subscription": "unsubscribe",
}
NO_BOUNCES: Final = frozenset({"General", ""})
"""Subtypes of a transient bounce that are answering machines more often than not."""


class _Mail(Struct, rename="camel"):
    message_id: str = ""
    destination: list[str] = []
    timestamp: str = ""
    tags: dict[str, list[str]] | None = None


class _Recipient(Struct, rename="camel"):
    email_address: str = ""


class _Preferences(Struct, rename="camel"):
    unsubscribe_all: bool = False


class _Detail(Struct, rename="camel"):
    """What Bounce, Complaint, Delivery, Open, Click and Subscription have, each its own."""

    timestamp: str = ""
    bounce_type: str = ""
    bounce_sub_type: str = ""
    bounced_recipients: list[_Recipient] = []
    complained_recipients: list[_Recipient] = []
    recipients: list[str] = []
    user_agent: str | None = None
    link: str | None = None
    new_topic_preferences: _Preferences | None = None


class _Told(Struct, rename="camel"):
    notification_type: str = ""
    event_type: str = ""
    mail: _Mail = field(default_factory=_Mail)
    bounce: _Detail | None = None
    complaint: _Detail | None = None
    delivery: _Detail | None = None
    open: _Detail | None = None
    click: _Detail | None = None
    subscription: _Detail | None = None


_told: Final[Typed[_Told]] = Typed(_Told)


class Ses:
    """Reads what SES publishes to SNS topics."""

    def __init__(self, topics: Sequence[str]) -> None:
        """Take the ARNs of the topics. Raises OperatorError."""
        self.trouble = ""
        self._sns = Sns(topics)

    async def prove(self, request: web.BaseRequest, body: bytes, now: int) -> web.StreamResponse | None:
        """Check SNS's signature; confirm a subscription."""
        if request.headers.get("x-amz-sns-rawdelivery", "").casefold() == "true":
            raise forged("wanted signed messages: switch raw message delivery off at Amazon SNS")
        notice = notices.read(body)
        await self._sns.check(notice, now)
        if notice.type == "SubscriptionConfirmation":
            confirmed = await self._sns.confirm(notice)
            self.trouble = ""
            return confirmed
        if notice.type != "Notification":
            self.trouble = "Amazon SNS has ended the subscription: subscribe again"
            return web.Response()
        return None

    def parts(self, body: bytes) -> list[bytes]:
        """Give the notice."""
        return [body]

    def happenings(self, raw: bytes) -> Iterable[Happening]:
        """Read what SES says in it: one for each recipient."""
        notice = notices.read(raw)
        told = _told.read(notice.message)
        name = told.event_type or told.notification_type
        kind = KINDS.get(name)
        detail: _Detail | None = getattr(told, name.casefold(), None) if kind else None
        if kind is None or detail is None or not _counts(kind, detail):
            return
        named = [one.email_address for one in (*detail.bounced_recipients, *detail.complained_recipients)]
        for address in named or detail.recipients or told.mail.destination:
            yield Happening(
                kind=kind,
                address=address,
                at=detail.timestamp or notice.timestamp,
                message=told.mail.message_id,
                more=detail.link or "",
                agent=detail.user_agent or "",
                tags=tuple(value for values in (told.mail.tags or {}).values() for value in values),
            )


def _counts(kind: Kind, detail: _Detail) -> bool:
    if kind == "bounce":
        return detail.bounce_type != "Transient" or detail.bounce_sub_type not in NO_BOUNCES
    if kind == "unsubscribe":
        return bool(detail.new_topic_preferences and detail.new_topic_preferences.unsubscribe_all)
    return True
