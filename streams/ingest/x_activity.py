"""Source `x-activity`: the Account Activity API of X. Posts, answers, reposts and likes of and to subscribed accounts.

https://docs.x.com/x-api/account-activity/introduction. The answer to X's challenge is an HMAC with the key that signs
bodies too: so only what looks like a challenge, and can be no body, is answered.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from msgspec import Meta, Raw, Struct, field

from schemas.codec import UnreadableError
from schemas.config import Secret
from schemas.events import MAXIMUM_TAGS
from streams.ingest import times
from streams.ingest.listener import answer
from streams.ingest.push import PushSettings, PushSource, RejectedError, forged
from streams.ingest.rereading import rereader_of
from streams.ingest.signatures import base64_hmac, same
from streams.ingest.source import Item, Rereader, SourceKind
from streams.ingest.submission import MAXIMUM_MENTIONS, submission_of
from streams.ingest.typed import Typed
from streams.measures.hashtags import check_entities

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from streams.ingest.source import Surroundings
    from streams.ingest.submission import Submission

CHALLENGE: Final = re.compile(r"[\w+/=.-]{1,256}", re.ASCII)
TOLD_FOR: Final = 24 * 60 * 60_000
"""How long (ms) the heartbeat says that an account has left."""
SIGNATURE: Final = "x-twitter-webhooks-signature"
MOMENT: Final = "%a %b %d %H:%M:%S %z %Y"
"""Such as Wed Oct 10 20:19:24 +0000 2018."""


class XActivitySettings(PushSettings, frozen=True, kw_only=True, tag="x-activity"):
    """The Account Activity API of X."""

    consumer_secret: Annotated[
        Secret, Meta(description="the app's API key secret, by which X signs and is answered")
    ] = field(default_factory=Secret)


class _User(Struct):
    screen_name: str = ""


class _Mention(Struct):
    screen_name: str = ""
    indices: tuple[int, int] = (0, 0)


class _Tag(Struct):
    text: str = ""


class _Entities(Struct):
    user_mentions: list[_Mention] = []
    hashtags: list[_Tag] = []


class _Long(Struct):
    full_text: str = ""
    display_text_range: tuple[int, int] = (0, 0)
    entities: _Entities | None = None


class _Status(Struct):
    id_str: str = ""
    created_at: str = ""
    timestamp_ms: str = ""
    user: _User = field(default_factory=_User)
    text: str = ""
    full_text: str = ""
    display_text_range: tuple[int, int] = (0, 0)
    entities: _Entities | None = None
    extended_tweet: _Long | None = None
    in_reply_to_status_id_str: str | None = None
    in_reply_to_screen_name: str | None = None
    retweeted_status: _Status | None = None
    quoted_status: _Status | None = None

    def whole(self) -> _Long:
        """Give the text and what is in it, whichever way it came."""
        return self.extended_tweet or _Long(self.full_text or self.text, self.display_text_range, self.entities)


class _Like(Struct):
    id: str = ""
    created_at: str = ""
    timestamp_ms: str | int = ""
    user: _User = field(default_factory=_User)
    favorited_status: _Status = field(default_factory=_Status)


class _Activity(Struct):
    for_user_id: str = ""
    tweet_create_events: list[Raw] = []
    favorite_events: list[Raw] = []
    user_event: Raw = Raw()


class _Who(Struct):
    user_id: str = ""


class _Revoke(Struct):
    source: _Who = field(default_factory=_Who)


class _UserEvent(Struct):
    revoke: _Revoke | None = None


_activities: Final[Typed[_Activity]] = Typed(_Activity)
_user_events: Final[Typed[_UserEvent]] = Typed(_UserEvent)
_statuses: Final[Typed[_Status]] = Typed(_Status)
_likes: Final[Typed[_Like]] = Typed(_Like)


class XActivitySource(PushSource):
    """Takes what X sends to the webhook of an app."""

    methods: ClassVar[tuple[str, ...]] = ("POST", "GET")

    def __init__(self, settings: XActivitySettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._consumer_secret = settings.consumer_secret
        self._key = b""
        self._left: dict[str, int] = {}

    def prepare(self) -> None:
        """Read the consumer secret."""
        self._key = self.secret(self._consumer_secret, "consumer_secret", 16).encode()

    def trouble(self, now: int) -> str:
        """Say that calls prove nothing, or that an account has left the app."""
        if any(now < at + TOLD_FOR for at in self._left.values()):
            return "an account has withdrawn its permission: X tells nothing about it any more"
        return super().trouble(now)

    def screen(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """Answer X's challenge (CRC)."""
        if request.method != "GET":
            return None
        token = request.rel_url.query.get("crc_token", "")
        if not CHALLENGE.fullmatch(token):
            raise RejectedError(400, "wanted a crc_token of at most 256 letters and digits")
        return answer(200, response_token="sha256=" + base64_hmac(self._key, token.encode()))

    async def read(self, request: web.BaseRequest, body: bytes) -> list[Item]:
        """Check the signature; give what the accounts did."""
        signature = "sha256=" + base64_hmac(self._key, body)
        if not same(request.headers.get(SIGNATURE, ""), signature):
            raise forged(f"wanted {SIGNATURE}, made with the consumer secret")
        activity = _activities.read(body)
        self._note(activity)
        place = f"POST {self.path}"
        items = [_item(bytes(raw), f"{place}, post {n}", _post) for n, raw in enumerate(activity.tweet_create_events)]
        items += [_item(bytes(raw), f"{place}, like {n}", _like) for n, raw in enumerate(activity.favorite_events)]
        return items

    def _note(self, activity: _Activity) -> None:
        """Keep which accounts have left the app, until X tells something about them again."""
        self._left.pop(activity.for_user_id, None)
        if activity.user_event:
            left = _user_events.read(bytes(activity.user_event)).revoke
            if left is not None:
                now = self.clock()
                self._left = {who: at for who, at in self._left.items() if now < at + TOLD_FOR}
                self._left[left.source.user_id] = now


def _item(raw: bytes, place: str, read: Callable[[bytes], Submission]) -> Item:
    try:
        return Item(raw, place, read(raw))
    except UnreadableError as fault:
        return Item(raw, place, fault)


def _post(raw: bytes) -> Submission:
    status = _statuses.read(raw)
    shared = status.retweeted_status or status.quoted_status
    whole = (status.retweeted_status or status).whole()
    entities = whole.entities or _Entities()
    claimed = [one.text for one in entities.hashtags]
    reference = shared.id_str if shared else status.in_reply_to_status_id_str or ""
    return submission_of(
        {
            "id": status.id_str,
            "at": _moment(status.timestamp_ms, status.created_at),
            "account": status.user.screen_name,
            "kind": "reshare" if shared else "reply" if reference else "post",
            "text": whole.full_text,
            "tags": list(check_entities(whole.full_text, claimed).written)[:MAXIMUM_TAGS] if claimed else [],
            "reference": reference,
            "target": shared.user.screen_name if shared else status.in_reply_to_screen_name or "",
            # Those before the text's own beginning are put there by X, in each answer.
            "mentions": [
                one.screen_name for one in entities.user_mentions if one.indices[0] >= whole.display_text_range[0]
            ][:MAXIMUM_MENTIONS],
        }
    )


def _like(raw: bytes) -> Submission:
    like = _likes.read(raw)
    liked = like.favorited_status
    return submission_of(
        {
            "id": f"like/{like.id or f'{like.user.screen_name}/{liked.id_str}'}",
            "at": _moment(str(like.timestamp_ms), like.created_at),
            "account": like.user.screen_name,
            "kind": "reaction",
            "reference": liked.id_str,
            "target": liked.user.screen_name,
        }
    )


def _moment(milliseconds: str, written: str) -> int:
    try:
        if milliseconds:
            return times.checked(int(milliseconds))
        return times.from_datetime(dt.datetime.strptime(written, MOMENT))  # noqa: DTZ007 (%z is in it)
    except (ValueError, times.MomentError) as error:
        raise UnreadableError("wrong_type", "wanted `timestamp_ms` or `created_at` as X writes them") from error


def build(settings: XActivitySettings, surroundings: Surroundings) -> list[XActivitySource]:
    """Make the source."""
    return [XActivitySource(settings, surroundings)]


def rereader(settings: XActivitySettings, surroundings: Surroundings) -> Rereader:  # noqa: ARG001 (as for every kind)
    """Make what reads a refused post or like again."""
    return rereader_of(lambda raw: _like(raw) if b'"favorited_status"' in raw else _post(raw))


KIND: Final = SourceKind(XActivitySettings, build, rereader)
