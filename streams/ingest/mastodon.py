"""Source `mastodon`: a timeline of a Mastodon server, streamed, with what was missed caught up over REST.

Mastodon.py is not used: it hands out its own objects, where a dead letter needs the bytes that came; it sleeps through
rate limits in the thread that should send heartbeats; and its streams can't be stopped between two events. The protocol
is small: server-sent events, and pages that begin at an id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from msgspec import Meta, Raw, Struct, field

from schemas.codec import UnreadableError
from schemas.config import Secret
from streams.ingest.mastodon_status import MILLISECONDS_BITS, identifier, moment_of, read
from streams.ingest.pull import PullSettings, PullSource, order_of
from streams.ingest.rereading import items_of, rereader_of
from streams.ingest.source import Item, Rereader, SourceKind, Surroundings
from streams.ingest.sse import Message, Reached, messages
from streams.ingest.typed import Typed
from streams.ingest.web import TroubleError, Web

if TYPE_CHECKING:
    from streams.ingest.intake import Intake

PAGE: Final = 40
OVERLAP: Final = 15 * 60_000
"""How far (ms) before the last status a catch-up begins: a status that came late from another server has the id of its
own moment."""
SILENT: Final = 60.0
"""Seconds without a line after which a stream is taken for dead; servers send one every 15."""
SAVE_EVERY: Final = 1_000
"""Milliseconds between two saved positions of a stream."""


class MastodonSettings(PullSettings, frozen=True, kw_only=True, tag="mastodon"):
    """A timeline of a Mastodon server."""

    server: Annotated[str, Meta(description="address of the server", pattern="^https?://")]
    token: Annotated[Secret, Meta(description="access token with read:statuses (and read:notifications for those)")] = (
        field(default_factory=Secret)
    )
    timeline: Annotated[
        Literal["local", "public", "tag", "list", "home", "notifications"],
        Meta(
            description="what to read; notifications are what happens to the token's account: mentions, boosts, likes"
        ),
    ] = "local"
    tag: Annotated[str, Meta(description="hashtag of the timeline `tag`, without #")] = ""
    list: Annotated[str, Meta(description="id of the list of the timeline `list`")] = ""
    streaming: Annotated[
        bool, Meta(description="listen to the stream; if not, look every poll_seconds (some servers do not stream)")
    ] = True

    def __post_init__(self) -> None:
        """Refuse a timeline without its name; msgspec makes a ValidationError of it."""
        if self.timeline in {"tag", "list"} and not getattr(self, self.timeline):
            raise ValueError(f"`{self.timeline}` must be set for the timeline `{self.timeline}`")


class Position(Struct, frozen=True):
    """The id of the latest status or notification that was sent."""

    latest: str = ""


_pages: Final[Typed[list[Raw]]] = Typed(list[Raw])


class MastodonSource(PullSource):
    """Follows one timeline."""

    def __init__(self, settings: MastodonSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._settings = settings
        self._latest = ""
        self._saved_at = 0

    async def work(self, intake: Intake) -> None:
        """Catch up, then listen; or look every so often."""
        if not self._latest:
            self._latest = (intake.restore(Position) or Position()).latest
        async with self._web() as web:
            if self._settings.streaming:
                await self._listen(web, intake)
            while not intake.stopping:
                began = intake.now()
                await self._catch_up(web, intake)
                self.complete(began)
                await intake.pause(self._settings.poll_seconds)

    async def fill(self, intake: Intake, since: int) -> str:
        """Send what the timeline has since then."""
        async with self._web() as web:
            web.patient = intake.pause
            sent, _ = await self._since(web, intake, since)
        return f"sent {sent} statuses"

    def _web(self) -> Web:
        settings = self._settings
        headers = {}
        if settings.token.file or settings.token.environment:
            headers["Authorization"] = f"Bearer {self.secret(settings.token, 'token').strip()}"
        return Web(settings.server, self.clock, headers)

    async def _listen(self, web: Web, intake: Intake) -> None:
        """Open the stream, and only then catch up: what comes meanwhile waits in the connection."""
        path, parameters = self._stream()
        async with web.stream(path, parameters) as response:
            began = intake.now()
            await self._catch_up(web, intake)
            self.complete(began)
            reached = Reached(self.clock)
            async for message in messages(response.content, SILENT, reached):
                if intake.stopping:
                    return
                items = await self._take(message, intake) if message is not None else []
                self.read_to(items, reached, intake.now())
        raise TroubleError(f"{web.host} ended the stream")

    async def _take(self, message: Message, intake: Intake) -> list[Item]:
        if message.event not in {"update", "status.update", "notification"}:
            return []  # deletions take nothing away; filters and announcements are not about people
        raw = message.data
        edited = message.event == "status.update"
        items = self._items(raw, edited=edited)
        await self.hand_over(items, intake)
        latest = identifier(raw)
        if not edited and order_of(latest) > order_of(self._latest):
            self._latest = latest
            if intake.now() - self._saved_at >= SAVE_EVERY:
                await self._save(intake)
        return items

    async def _catch_up(self, web: Web, intake: Intake) -> None:
        if self._latest:
            _, latest = await self._pages(web, intake, _before(self._latest))
        else:
            _, latest = await self._since(web, intake, self.first(intake.now()))
        if order_of(latest) > order_of(self._latest):
            self._latest = latest
            await self._save(intake)

    async def _since(self, web: Web, intake: Intake, since: int) -> tuple[int, str]:
        """Send everything from a moment (ms) on; give the number and the greatest id."""
        if self._settings.timeline != "notifications":
            return await self._pages(web, intake, _floor(since))
        # Ids of notifications count up and say no moment: from the newest back, until one is older.
        path, parameters = self._rest()
        sent = 0
        latest = oldest = ""
        while True:  # who is asked to stop is cancelled: half a sweep must not move the position
            older = {"max_id": oldest} if oldest else {}
            answer = await web.get(path, parameters | older | {"limit": str(PAGE)})
            page = [bytes(raw) for raw in _pages.read(answer.body)]
            found = [item for raw in reversed(page) for item in self._items(raw)]
            wanted = [one for one in found if isinstance(one.submission, UnreadableError) or one.submission.at >= since]
            sent += await self.hand_over(wanted, intake)
            known = sorted(filter(None, map(identifier, page)), key=order_of)
            if known:
                latest = latest or known[-1]
            if not known or known[0] == oldest or len(wanted) < len(found):
                return sent, latest
            oldest = known[0]

    async def _pages(self, web: Web, intake: Intake, start: str) -> tuple[int, str]:
        """Send everything after the id `start`, oldest page first; give the number and the greatest id."""
        path, parameters = self._rest()
        sent = 0
        latest = start
        while not intake.stopping:
            answer = await web.get(path, parameters | {"min_id": latest, "limit": str(PAGE)})
            page = [bytes(raw) for raw in _pages.read(answer.body)]
            # A page has its newest first.
            sent += await self.hand_over((item for raw in reversed(page) for item in self._items(raw)), intake)
            known = [found for raw in page if order_of(found := identifier(raw)) > order_of(latest)]
            if not known:
                break
            latest = max(known, key=order_of)
        return sent, latest

    async def _save(self, intake: Intake) -> None:
        self._saved_at = intake.now()
        await intake.save(Position(self._latest))

    def _items(self, raw: bytes, *, edited: bool = False) -> list[Item]:
        if edited:
            raw = raw.rstrip()[:-1] + b',"jun_edited":true}'
        return items_of(raw, f"timeline {self._settings.timeline}", read)

    def _rest(self) -> tuple[str, dict[str, str]]:
        settings = self._settings
        match settings.timeline:
            case "local":
                return "/api/v1/timelines/public", {"local": "true"}
            case "public" | "home":
                return f"/api/v1/timelines/{settings.timeline}", {}
            case "tag":
                return f"/api/v1/timelines/tag/{settings.tag}", {}
            case "list":
                return f"/api/v1/timelines/list/{settings.list}", {}
            case "notifications":
                return "/api/v1/notifications", {}

    def _stream(self) -> tuple[str, dict[str, str]]:
        settings = self._settings
        match settings.timeline:
            case "local":
                return "/api/v1/streaming/public/local", {}
            case "public":
                return "/api/v1/streaming/public", {}
            case "home":
                return "/api/v1/streaming/user", {}
            case "tag":
                return "/api/v1/streaming/hashtag", {"tag": settings.tag}
            case "list":
                return "/api/v1/streaming/list", {"list": settings.list}
            case "notifications":
                return "/api/v1/streaming/user/notification", {}


def _floor(moment: int) -> str:
    """Give the smallest id of a moment (ms): an id begins with its milliseconds."""
    return str(max(0, moment) << MILLISECONDS_BITS)


def _before(latest: str) -> str:
    """Give an id that lies a little before `latest`, where ids are of that make."""
    moment = moment_of(latest)
    return _floor(moment - OVERLAP) if moment else latest


def rereader(settings: MastodonSettings, surroundings: Surroundings) -> Rereader:  # noqa: ARG001 (as for every kind)
    """Make what reads a refused status again."""
    return rereader_of(read)


def build(settings: MastodonSettings, surroundings: Surroundings) -> list[MastodonSource]:
    """Make the source."""
    return [MastodonSource(settings, surroundings)]


KIND: Final = SourceKind(MastodonSettings, build, rereader)
