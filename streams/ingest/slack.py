"""Source `slack`: the Events API. What is posted in channels; direct messages are not read.

Signature v0: https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta, Raw, Struct, field

from schemas.codec import UnreadableError
from schemas.config import Secret
from streams.ingest.listener import answer
from streams.ingest.push import PushSettings, PushSource, forged
from streams.ingest.signatures import fresh, hex_hmac, same
from streams.ingest.source import Item, RefusedInput, Rereader, SourceKind
from streams.ingest.submission import MAXIMUM_MENTIONS, submission_of
from streams.ingest.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from streams.ingest.source import Surroundings
    from streams.ingest.submission import Submission

REPLAY_SECONDS: Final = 300
"""How far a request's own time may be from ours, as Slack advises."""
LIMITED_FOR: Final = 10 * 60_000
"""How long (ms) the heartbeat says that Slack has left events out."""
READ: Final = frozenset({"message", "app_mention", "reaction_added"})
PRIVATE: Final = frozenset({"im", "mpim", "app_home"})
WRITTEN: Final = frozenset({"", "bot_message", "file_share", "me_message", "thread_broadcast"})
"""Subtypes of messages that somebody wrote; the others are about channels, members and threads."""

_MENTION: Final = re.compile(r"<@([A-Z0-9]+)(?:\|[^>]*)?>|<!subteam\^([A-Z0-9]+)(?:\|[^>]*)?>")
_MARKUP: Final = re.compile(r"<[^<>]*>")


class SlackSettings(PushSettings, frozen=True, kw_only=True, tag="slack"):
    """The Events API of one Slack app."""

    signing_secret: Annotated[Secret, Meta(description="the app's signing secret (Basic Information)")] = field(
        default_factory=Secret
    )
    acknowledge_seconds: Annotated[
        float, Meta(gt=0, le=60, description="how long a call waits for Kafka; Slack gives up after 3 (seconds)")
    ] = 2.5


class _Edited(Struct, gc=False):
    ts: str = ""


class _Attachment(Struct, gc=False):
    is_share: bool = False
    author_id: str | None = None
    channel_id: str | None = None
    ts: str | float | None = None


class _Item(Struct, gc=False):
    type: str = ""
    channel: str = ""
    ts: str = ""


class _Message(Struct):
    user: str | None = None
    bot_id: str | None = None
    text: str | None = None
    ts: str = ""
    thread_ts: str = ""
    attachments: list[_Attachment] | None = None
    edited: _Edited | None = None


class _Event(_Message):
    channel: str = ""
    channel_type: str = ""
    message: _Message | None = None
    previous_message: _Message | None = None
    item: _Item | None = None
    item_user: str | None = None
    reaction: str = ""
    event_ts: str = ""


class _Kind(Struct, gc=False):
    type: str = ""
    subtype: str | None = None


class _Envelope(Struct):
    type: str = ""
    challenge: str = ""
    event: Raw = Raw()


_envelopes: Final[Typed[_Envelope]] = Typed(_Envelope)
_kinds: Final[Typed[_Kind]] = Typed(_Kind)
_events: Final[Typed[_Event]] = Typed(_Event)


class SlackSource(PushSource):
    """Takes what Slack sends to the app's request URL."""

    def __init__(self, settings: SlackSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._signing_secret = settings.signing_secret
        self._key = b""
        self._limited_at = -LIMITED_FOR

    def prepare(self) -> None:
        """Read the signing secret."""
        self._key = self.secret(self._signing_secret, "signing_secret", 16).encode()

    def trouble(self, now: int) -> str:
        """Say that callers prove nothing, or that Slack has left events out."""
        if now < self._limited_at + LIMITED_FOR:
            return "Slack has left events out: more than 30,000 an hour (app_rate_limited)"
        return super().trouble(now)

    async def read(self, request: web.BaseRequest, body: bytes) -> list[Item] | web.StreamResponse:
        """Check the signature; give what the envelope holds, or answer the challenge of the set-up."""
        self._prove(request.headers, body)
        envelope = _envelopes.read(body)
        if envelope.type == "url_verification":
            return answer(200, challenge=envelope.challenge)
        what = _kinds.read(envelope.event) if envelope.event else _Kind()
        if "app_rate_limited" in (envelope.type, what.type):
            self._limited_at = self.clock()
            return []
        return _items(envelope, what, body, f"POST {self.path}")

    def _prove(self, headers: Mapping[str, str], body: bytes) -> None:
        stamp = headers.get("X-Slack-Request-Timestamp", "")
        if not fresh(stamp, self.clock(), REPLAY_SECONDS):
            raise forged(f"wanted X-Slack-Request-Timestamp within {REPLAY_SECONDS} s of now")
        signature = "v0=" + hex_hmac(self._key, b"v0:" + stamp.encode() + b":" + body)
        if not same(headers.get("X-Slack-Signature", ""), signature):
            raise forged("wanted X-Slack-Signature, made with the signing secret")


def _items(envelope: _Envelope, what: _Kind, body: bytes, place: str) -> list[Item]:
    if envelope.type != "event_callback" or not what.type:
        raise UnreadableError("wrong_type", "wanted an event_callback with its event, got another envelope")
    submission = submission_in(bytes(envelope.event), what) if what.type in READ else None
    return [] if submission is None else [Item(body, place, submission)]


def submission_of_event(raw: bytes) -> Submission | None:
    """Give what somebody did by an event, without its envelope. Raises UnreadableError."""
    what = _kinds.read(raw)
    return submission_in(raw, what) if what.type in READ else None


def submission_in(raw: bytes, what: _Kind) -> Submission | None:
    """Give what somebody did; None where nobody did anything that counts. Raises UnreadableError."""
    subtype = what.subtype or ""
    if what.type != "reaction_added" and subtype != "message_changed" and subtype not in WRITTEN:
        return None
    event = _events.read(raw)
    if what.type != "reaction_added":
        return None if event.channel_type in PRIVATE else _message(event, subtype)
    if event.item is None or event.item.type != "message":
        return None
    return submission_of(
        {
            "id": "/".join(("reaction", event.item.channel, event.item.ts, event.user or "", event.reaction)),
            "at": moment_of_stamp(event.event_ts),
            "account": event.user or "",
            "kind": "reaction",
            "channel": event.item.channel,
            "reference": f"{event.item.channel}/{event.item.ts}",
            "target": event.item_user or "",
        }
    )


def _message(event: _Event, subtype: str) -> Submission | None:
    message: _Message = event
    edited = subtype == "message_changed"
    if edited:
        if event.message is None or event.message.edited is None:
            return None  # Slack's own additions, such as previews of links, are no edits
        # An edited one has the moment of its first form.
        message = event.message
        if not message.ts and event.previous_message is not None:
            message.ts = event.previous_message.ts
    text = message.text or ""
    shared = next((part for part in message.attachments or () if part.is_share), None)
    answers = bool(message.thread_ts) and message.thread_ts != message.ts
    reference = f"{event.channel}/{message.thread_ts}" if answers else ""
    if shared is not None and shared.ts is not None:
        reference = f"{shared.channel_id}/{shared.ts}"
    named = [user or group for user, group in _MENTION.findall(text)]
    return submission_of(
        {
            "id": f"{event.channel}/{message.ts}",
            "at": moment_of_stamp(message.ts),
            "account": message.user or message.bot_id or "",
            "kind": "reshare" if shared is not None else "reply" if answers else "post",
            "text": html.unescape(_MARKUP.sub(" ", text)),
            "channel": event.channel,
            "reference": reference,
            "target": (shared.author_id or "") if shared is not None else "",
            "mentions": named[:MAXIMUM_MENTIONS],
            "bot": bool(message.bot_id) or subtype == "bot_message",
            "edited": edited,
        }
    )


def moment_of_stamp(stamp: str) -> int:
    """Give the milliseconds of Slack's seconds with six decimals."""
    whole, _, part = stamp.partition(".")
    if not (stamp.isascii() and whole.isdigit() and len(whole) < 12 and (part or "0").isdigit()):
        raise UnreadableError("wrong_type", "wanted `ts` as seconds since 1970, got another text")
    return int(whole) * 1000 + int((part + "000")[:3])


def build(settings: SlackSettings, surroundings: Surroundings) -> list[SlackSource]:
    """Make the source."""
    return [SlackSource(settings, surroundings)]


def rereader(settings: SlackSettings, surroundings: Surroundings) -> Rereader:  # noqa: ARG001 (as for every kind)
    """Make what reads a refused request again; it was signed when it came."""

    def read(refused: RefusedInput) -> list[Item]:
        try:
            envelope = _envelopes.read(refused.raw)
            what = _kinds.read(envelope.event) if envelope.event else _Kind()
            return _items(envelope, what, refused.raw, refused.place)
        except UnreadableError as fault:
            return [Item(refused.raw, refused.place, fault)]

    return read


KIND: Final = SourceKind(SlackSettings, build, rereader)
