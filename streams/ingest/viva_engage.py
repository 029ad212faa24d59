"""Source `viva-engage`: messages of Viva Engage (Yammer), by its REST API, newest first and then back to the position.

https://learn.microsoft.com/en-us/rest/api/yammer/messages-json. There is no client library that is kept up.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta, Raw, Struct, field

from schemas.codec import UnreadableError, encode
from schemas.config import Secret
from streams.ingest import times
from streams.ingest.pull import PullSettings, PullSource
from streams.ingest.rereading import items_of, rereader_of
from streams.ingest.source import Rereader, SourceKind, Surroundings
from streams.ingest.submission import MAXIMUM_MENTIONS, submission_of
from streams.ingest.typed import Typed
from streams.ingest.web import Web

if TYPE_CHECKING:
    from streams.ingest.intake import Intake
    from streams.ingest.submission import Submission

PAGE: Final = 20
"""The most that the API gives at once; it allows ten requests in 30 s, which is obeyed as it answers 429."""
CREATED: Final = "%Y/%m/%d %H:%M:%S %z"
_USER: Final = re.compile(r"\[\[user:(\d+)\]\]")


class VivaEngageSettings(PullSettings, frozen=True, kw_only=True, tag="viva-engage"):
    """Messages of a Viva Engage network that an account can read."""

    token: Annotated[Secret, Meta(description="access token of that account, or of an app for it")] = field(
        default_factory=Secret
    )
    communities: Annotated[
        tuple[int, ...], Meta(description="ids of the communities (groups) to read; all that the account has if empty")
    ] = ()
    api: Annotated[str, Meta(description="address of the API", pattern="^https?://")] = "https://www.yammer.com"


class Position(Struct, frozen=True):
    """The id of the latest message that was sent, by community; 0 stands for all of them."""

    latest: dict[int, int] = field(default_factory=dict)


class _Identified(Struct, gc=False):
    id: int = 0
    created_at: str = ""
    replied_to_id: int | None = None
    shared_message_id: int | None = None


class _Body(Struct, gc=False):
    plain: str | None = ""
    parsed: str | None = ""


class _Message(_Identified):
    sender_id: int = 0
    sender_type: str = "user"
    group_id: int | None = None
    body: _Body = field(default_factory=_Body)
    system_message: bool | None = False
    direct_message: bool | None = False


class _Referred(Struct, gc=False):
    id: int = 0
    type: str = ""
    sender_id: int = 0


class _Whole(Struct):
    message: _Message
    references: list[_Referred] = field(default_factory=list)


class _Meta(Struct, gc=False):
    older_available: bool | None = False


class _Page(Struct):
    messages: list[Raw] = field(default_factory=list)
    references: list[Raw] = field(default_factory=list)
    meta: _Meta = field(default_factory=_Meta)


_pages: Final[Typed[_Page]] = Typed(_Page)
_alone: Final[Typed[list[Raw]]] = Typed(list[Raw])
_identified: Final[Typed[_Identified]] = Typed(_Identified)
_referred: Final[Typed[_Referred]] = Typed(_Referred)
_whole: Final[Typed[_Whole]] = Typed(_Whole)


class VivaEngageSource(PullSource):
    """Looks at the communities one after another."""

    def __init__(self, settings: VivaEngageSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._settings = settings
        self._latest: dict[int, int] = {}

    def prepare(self) -> None:
        """Read the token."""
        self.secret(self._settings.token, "token")

    async def work(self, intake: Intake) -> None:
        """Look every so often."""
        self._latest = self._latest or dict((intake.restore(Position) or Position()).latest)
        async with self._web() as web:
            while not intake.stopping:
                began = intake.now()
                for community in self._settings.communities or (0,):
                    latest = self._latest.get(community, 0)
                    self._latest[community] = await self._look(web, intake, community, latest, self.first(began))
                    await intake.save(Position(dict(self._latest)))
                self.complete(began)
                await intake.pause(self._settings.poll_seconds)

    async def fill(self, intake: Intake, since: int) -> str:
        """Send what the communities have since then."""
        async with self._web() as web:
            web.patient = intake.pause
            for community in self._settings.communities or (0,):
                await self._look(web, intake, community, 0, since)
        return "sent what the communities have"

    def _web(self) -> Web:
        token = self.secret(self._settings.token, "token").strip()
        return Web(self._settings.api, self.clock, {"Authorization": f"Bearer {token}"})

    async def _look(self, web: Web, intake: Intake, community: int, latest: int, since: int) -> int:
        """Send what is newer than the message `latest`, or, without one, than the moment `since`; give the newest.

        The newest page comes first, so that the position moves only when all pages are sent.
        """
        path = f"/api/v1/messages/in_group/{community}.json" if community else "/api/v1/messages.json"
        parameters = {"limit": str(PAGE)} | ({"newer_than": str(latest)} if latest else {})
        newest = latest
        while True:  # who is asked to stop is cancelled: half a sweep must not move the position
            answer = await web.get(path, parameters)
            page = _page_of(answer.body)
            found = [(raw, _known(raw)) for raw in map(bytes, page.messages)]
            wanted = [(raw, one) for raw, one in found if one is None or not one.created_at or _moment(one) >= since]
            raws = [narrowed(raw, page.references) for raw, _ in reversed(wanted)]
            await self.hand_over((item for raw in raws for item in items_of(raw, "messages", read)), intake)
            ids = [one.id for _, one in found if one is not None and one.id]
            newest = max([newest, *ids])
            older = min(ids, default=0)
            past = not latest and len(wanted) < len(found)
            if past or not page.meta.older_available or not older or older <= latest:
                break
            parameters["older_than"] = str(older)
        return newest


def _page_of(body: bytes) -> _Page:
    """Read an answer: an object with messages, or the messages alone, as tools keep them."""
    if body.lstrip()[:1] == b"[":
        return _Page(messages=_alone.read(body))
    return _pages.read(body)


def narrowed(raw: bytes, references: list[Raw]) -> bytes:
    """Put a message together with the messages that it refers to: an input that says everything itself."""
    parts: list[Raw] = []
    one = _known(raw)
    if one is not None:
        wanted = {one.replied_to_id, one.shared_message_id}
        for reference in references:
            try:
                referred = _referred.read(reference)
            except UnreadableError:
                continue  # people, topics and others have ids of other kinds
            if referred.type == "message" and referred.id in wanted:
                parts.append(reference)
    return encode({"message": Raw(raw), "references": parts})


def read(raw: bytes) -> Submission | None:
    """Read a message; None for those of the system, and for letters. Raises UnreadableError."""
    whole = _whole.read(raw)
    message = whole.message
    if message.system_message or message.direct_message:
        return None
    senders = {one.id: one.sender_id for one in whole.references}
    shared = message.shared_message_id
    reference = shared or message.replied_to_id
    target = senders.get(reference or 0, 0)
    text = message.body.plain or ""
    named = [user for user in _USER.findall(message.body.parsed or "") if shared or user != str(target)]
    return submission_of(
        {
            "id": message.id or "",
            "at": _moment(message),
            "account": message.sender_id or "",
            "kind": "reshare" if shared else "reply" if message.replied_to_id else "post",
            "text": text,
            "channel": str(message.group_id or ""),
            "reference": reference or "",
            "target": target or "",
            "mentions": named[:MAXIMUM_MENTIONS],
            "bot": message.sender_type not in {"user", ""},
        }
    )


def _known(raw: bytes) -> _Identified | None:
    try:
        one = _identified.read(raw)
        _moment(one)
    except UnreadableError:
        return None
    return one


def _moment(message: _Identified) -> int:
    try:
        return times.from_datetime(dt.datetime.strptime(message.created_at, CREATED))  # noqa: DTZ007 (%z is in it)
    except (ValueError, OverflowError):
        raise UnreadableError("wrong_type", "wanted `created_at` as 2022/11/11 20:59:10 +0000") from None


def rereader(settings: VivaEngageSettings, surroundings: Surroundings) -> Rereader:  # noqa: ARG001 (as for every kind)
    """Make what reads a refused message again."""
    return rereader_of(read)


def build(settings: VivaEngageSettings, surroundings: Surroundings) -> list[VivaEngageSource]:
    """Make the source."""
    return [VivaEngageSource(settings, surroundings)]


KIND: Final = SourceKind(VivaEngageSettings, build, rereader)
