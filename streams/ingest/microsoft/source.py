"""The source `microsoft`: proves Graph's notifications by their client state, opens them, and watches over the
subscriptions they belong to.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated, Final

from aiohttp import web
from msgspec import Meta, Struct, field

from schemas.codec import UnreadableError, encode
from schemas.config import Secret
from streams.ingest import times
from streams.ingest.microsoft.encrypted import Encrypted, Opener
from streams.ingest.microsoft.messages import submissions
from streams.ingest.push import PushSettings, PushSource, RejectedError, forged
from streams.ingest.signatures import same
from streams.ingest.source import Item, RefusedInput, Rereader, SourceKind
from streams.ingest.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.ingest.source import Surroundings

SHORTEST_STATE: Final = 16
LONGEST_TOKEN: Final = 2048
TOLD_FOR: Final = 60 * 60_000
"""How long (ms) the heartbeat repeats what Microsoft has said about a subscription."""
LIFECYCLE: Final = {
    "missed": "Microsoft has left notifications out: fill the gap in from an export",
    "subscriptionRemoved": "Microsoft has removed a subscription: make it again",
    "reauthorizationRequired": "a subscription has to be authorised again",
}


class MicrosoftSettings(PushSettings, frozen=True, kw_only=True, tag="microsoft"):
    """Change notifications of Microsoft Graph for Teams and Viva Engage."""

    client_state: Annotated[
        Secret, Meta(description="the clientState of the subscriptions, which proves each notification")
    ] = field(default_factory=Secret)
    private_key: Annotated[
        Secret, Meta(description="RSA key in PEM, to whose certificate Microsoft encrypts what it sends")
    ] = field(default_factory=Secret)


class _Resource(Struct):
    odata_type: str = field(name="@odata.type", default="")


class _Notification(Struct, rename="camel"):
    client_state: str | None = None
    subscription_id: str = ""
    subscription_expiration_date_time: str | None = None
    change_type: str = ""
    lifecycle_event: str = ""
    resource_data: _Resource | None = None
    encrypted_content: Encrypted | None = None


class _Batch(Struct):
    value: list[_Notification]


_batches: Final[Typed[_Batch]] = Typed(_Batch)


class MicrosoftSource(PushSource):
    """Takes what Graph sends to a subscription's notificationUrl and lifecycleNotificationUrl."""

    def __init__(self, settings: MicrosoftSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._graph = settings
        self._state = ""
        self._opener: Opener | None = None
        self._said = ""
        self._said_at = 0
        self._expires: dict[str, int] = {}

    def prepare(self) -> None:
        """Read the client state and the private key."""
        self._state = self.secret(self._graph.client_state, "client_state", SHORTEST_STATE)
        self._opener = Opener(self.secret(self._graph.private_key, "private_key"))

    def trouble(self, now: int) -> str:
        """Say what Microsoft has said about a subscription, or that one has expired."""
        if self._said and now < self._said_at + TOLD_FOR:
            return self._said
        if self._expires and all(moment <= now for moment in self._expires.values()):
            return "the subscriptions have expired: renew them at Microsoft Graph"
        return super().trouble(now)

    def screen(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """Give the validation token of the set-up back."""
        token = request.rel_url.query.get("validationToken")
        if token is None:
            return None
        if len(token) > LONGEST_TOKEN:
            raise RejectedError(400, f"wanted a validationToken of at most {LONGEST_TOKEN} characters")
        return web.Response(text=token, content_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})

    async def read(self, request: web.BaseRequest, body: bytes) -> list[Item]:
        """Give what the notifications of a batch say that prove where they come from; the others are passed over."""
        del request
        try:
            batch = _batches.read(body).value
        except UnreadableError as fault:
            raise forged(str(fault)) from fault
        proved = [(index, one) for index, one in enumerate(batch) if same(one.client_state or "", self._state)]
        wanted = "wanted the clientState of `client_state` in each notification"
        if not proved:
            raise forged(wanted)
        if len(proved) < len(batch):
            self.rejections.turned_away(self.clock(), wanted)
        items: list[Item] = []
        closed: list[RejectedError] = []
        for index, one in proved:
            place = f"POST {self.path}, notification {index}"
            try:
                items += self._items(one, place)
            except RejectedError as fault:
                # Such as another subscription's, with another certificate: the others are heard all the same.
                closed.append(fault)
                items.append(Item(encode(one.encrypted_content), place, UnreadableError("unreadable", str(fault))))
        if len(closed) == len(proved):
            raise closed[0]
        return items

    def _items(self, one: _Notification, place: str) -> Iterator[Item]:
        self._note(one)
        if one.lifecycle_event or one.change_type == "deleted":
            return
        raw = b""
        beside = _Beside(one.resource_data.odata_type if one.resource_data else "", one.change_type == "created")
        context = encode(beside).decode()
        try:
            raw = self._opened(one)
            for submission in submissions(raw, beside.named, created=beside.created):
                yield Item(raw, place, submission, context=context)
        except UnreadableError as fault:
            yield Item(raw, place, fault, context=context)

    def _opened(self, one: _Notification) -> bytes:
        if one.encrypted_content is None:
            raise UnreadableError("wrong_type", "wanted encryptedContent: subscribe with includeResourceData")
        assert self._opener is not None  # noqa: S101 (prepare comes first)
        return self._opener.open(one.encrypted_content)

    def _note(self, one: _Notification) -> None:
        """Keep what the notification says about its subscription; expired ones are forgotten for newer ones."""
        now = self.clock()
        if one.lifecycle_event:
            self._said = LIFECYCLE.get(one.lifecycle_event, "Microsoft has said something new about a subscription")
            self._said_at = now
        if one.lifecycle_event == "subscriptionRemoved":
            self._expires.pop(one.subscription_id, None)
        elif one.subscription_expiration_date_time:
            with contextlib.suppress(times.MomentError):
                moment = times.from_rfc3339(one.subscription_expiration_date_time)
                self._expires = {key: at for key, at in self._expires.items() if at > now}
                self._expires[one.subscription_id] = moment


class _Beside(Struct, frozen=True):
    """What a notification says beside its content, which a refused content needs to be read again."""

    named: str = ""
    created: bool = True


_besides: Final[Typed[_Beside]] = Typed(_Beside)


def rereader(settings: MicrosoftSettings, surroundings: Surroundings) -> Rereader:  # noqa: ARG001 (as for every kind)
    """Make what reads a refused content again; it was decrypted when it came."""

    def again(refused: RefusedInput) -> list[Item]:
        try:
            beside = _besides.read(refused.context or "{}")
            found = submissions(refused.raw, beside.named, created=beside.created)
            return [Item(refused.raw, refused.place, one) for one in found]
        except UnreadableError as fault:
            return [Item(refused.raw, refused.place, fault)]

    return again


def build(settings: MicrosoftSettings, surroundings: Surroundings) -> list[MicrosoftSource]:
    """Make the source."""
    return [MicrosoftSource(settings, surroundings)]


KIND: Final = SourceKind(MicrosoftSettings, build, rereader)
