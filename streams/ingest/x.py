"""Source `x`: posts of X (Twitter) by search or by the filtered stream of its API v2, never beyond a monthly cap.

tweepy is not used: it hands out its own objects, where a dead letter needs the bytes that came, it sleeps through rate
limits, and nothing in it can count what a call will cost before it is made. The protocol is small.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta, Raw, Struct, field

from schemas.codec import UnreadableError
from schemas.config import Secret
from streams.errors import OperatorError
from streams.ingest.pull import PullSettings, PullSource, order_of
from streams.ingest.rereading import items_of, rereader_of
from streams.ingest.source import Item, Rereader, SourceKind, Standing, Surroundings
from streams.ingest.spending import FOLDER, Spending
from streams.ingest.sse import Reached, lines
from streams.ingest.typed import Typed
from streams.ingest.web import TroubleError, Web
from streams.ingest.x_post import FIELDS, Includes, moment_of, narrowed, read

if TYPE_CHECKING:
    from streams.ingest.intake import Intake

SEARCH: Final = "/2/tweets/search/recent"
STREAM: Final = "/2/tweets/search/stream"
RULES: Final = "/2/tweets/search/stream/rules"
SMALLEST_PAGE: Final = 10
LARGEST_PAGE: Final = 100
REACHES_BACK: Final = 7 * 86_400_000 - 60_000
"""How far (ms) the search goes back, less a minute for the way."""
SETTLES: Final = 10_000
"""How long (ms) before now a search ends: X refuses the present, and finds a post some seconds after it was written."""
SILENT: Final = 60.0
"""Seconds without a line after which a stream is taken for dead; X sends one every 20."""
SAVE_EVERY: Final = 1_000


class XSettings(PullSettings, frozen=True, kw_only=True, tag="x"):
    """A search of X, or its filtered stream. X is paid by the post that is read."""

    query: Annotated[str, Meta(description="what to find, in X's own language", min_length=1, max_length=1024)]
    monthly_posts: Annotated[
        int, Meta(ge=0, description="posts that may be read in a calendar month (UTC); never more are asked for")
    ]
    token: Annotated[Secret, Meta(description="bearer token of the app")] = field(default_factory=Secret)
    mode: Annotated[
        Literal["search", "stream"], Meta(description="look every poll_seconds, or listen to the filtered stream")
    ] = "search"
    api: Annotated[str, Meta(description="address of the API", pattern="^https?://")] = "https://api.x.com"


class Position(Struct, frozen=True):
    """The latest post that was sent."""

    latest: str = ""


class _Meta(Struct, gc=False):
    newest_id: str = ""
    next_token: str = ""


class _Page(Struct):
    data: list[Raw] = []
    includes: Includes = field(default_factory=Includes)
    meta: _Meta = field(default_factory=_Meta)


class _Rule(Struct):
    id: str = ""
    value: str = ""
    tag: str = ""


class _Rules(Struct):
    data: list[_Rule] = []


class _Streamed(Struct):
    data: Raw = Raw()
    includes: Includes = field(default_factory=Includes)
    errors: list[Raw] = []


_page: Final[Typed[_Page]] = Typed(_Page)
_rules: Final[Typed[_Rules]] = Typed(_Rules)
_streamed: Final[Typed[_Streamed]] = Typed(_Streamed)


class XSource(PullSource):
    """Reads what a query finds."""

    def __init__(self, settings: XSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._settings = settings
        self._latest = ""
        state = surroundings.folder / surroundings.config.state.folder
        self._spending = Spending(settings.monthly_posts, surroundings.clock, state / FOLDER / f"{settings.name}.json")
        self._saved_at = 0

    def standing(self, now: int) -> Standing:
        """Tell also when the month's posts are nearly read."""
        standing = super().standing(now)
        nearly = self._spending.nearly
        return Standing(standing.complete_to, "degraded", nearly) if nearly and standing.status == "ok" else standing

    def prepare(self) -> None:
        """Read the token."""
        self.secret(self._settings.token, "token")

    async def work(self, intake: Intake) -> None:
        """Search every so often; or catch up by a search, then listen."""
        self._latest = self._latest or (intake.restore(Position) or Position()).latest
        async with self._web() as web:
            if self._settings.mode == "stream":
                await self._listen(web, intake)
            while not intake.stopping:
                began = intake.now() - SETTLES
                latest = await self._search(web, intake, self._latest, self.first(intake.now()), began)
                await self._moved(latest, intake)
                self.complete(began)
                await intake.pause(self._settings.poll_seconds)

    async def fill(self, intake: Intake, since: int) -> str:
        """Send what the search finds since then, at most a week back; it counts towards the month's posts."""
        async with self._web() as web:
            web.patient = intake.pause
            await self._search(web, intake, "", since, intake.now() - SETTLES)
        return f"read what the search finds; {self._spending.spent.posts} posts were read this month"

    def _web(self) -> Web:
        token = self.secret(self._settings.token, "token").strip()
        return Web(self._settings.api, self.clock, {"Authorization": f"Bearer {token}"})

    async def _search(self, web: Web, intake: Intake, latest: str, since: int, until: int) -> str:
        """Send what is newer than the post `latest`, or than `since`; give the newest. The newest page comes first, so
        that nothing is newer than the position before all pages are sent.
        """
        oldest = max(since, intake.now() - REACHES_BACK)
        if oldest // 1000 >= until // 1000:
            return latest
        parameters = FIELDS | {"query": self._settings.query, "end_time": _rfc3339(until)}
        if latest and moment_of(latest) > oldest:
            parameters["since_id"] = latest
        else:
            parameters["start_time"] = _rfc3339(oldest)
        newest = latest
        following = ""
        while True:  # who is asked to stop is cancelled: half a sweep must not move the position
            wanted = await self._spending.reserve(LARGEST_PAGE, SMALLEST_PAGE)
            asked = parameters | {"max_results": str(wanted)} | ({"next_token": following} if following else {})
            before = web.cut_off
            try:
                answer = await web.get(SEARCH, asked)
            except (TroubleError, OperatorError):
                await self._spending.settle(wanted, (web.cut_off - before) * wanted)
                raise
            page = _page.read(answer.body)
            await self._spending.settle(wanted, len(page.data) + (web.cut_off - before) * wanted)
            raws = [narrowed(bytes(raw), page.includes) for raw in reversed(page.data)]
            await self.hand_over((item for raw in raws for item in items_of(raw, "search", read)), intake)
            newest = max(newest, page.meta.newest_id, key=order_of)
            following = page.meta.next_token
            if not following:
                break
        return newest

    async def _listen(self, web: Web, intake: Intake) -> None:
        await self._agree_on_rules(web)
        async with web.stream(STREAM, FIELDS) as response:
            # What comes meanwhile waits in the connection; what is found twice counts once.
            began = intake.now() - SETTLES
            latest = await self._search(web, intake, self._latest, self.first(intake.now()), began)
            await self._moved(latest, intake)
            self.complete(began)
            left = await self._spending.reserve(LARGEST_PAGE, 1)
            try:
                reached = Reached(self.clock)
                async for line in lines(response.content, SILENT, reached):
                    if intake.stopping:
                        return
                    items: list[Item] = []
                    if line.strip():
                        items = await self._take(line, web, intake)
                        left -= 1
                        if not left:
                            left = await self._spending.reserve(LARGEST_PAGE, 1)
                    self.read_to(items, reached, intake.now())
            finally:
                await self._spending.settle(left, 0)
        raise TroubleError(f"{web.host} ended the stream")

    async def _take(self, line: bytes, web: Web, intake: Intake) -> list[Item]:
        try:
            streamed = _streamed.read(line)
            if streamed.errors and not streamed.data:
                raise TroubleError(f"{web.host} reports an error in the stream")
            raw = narrowed(bytes(streamed.data), streamed.includes) if streamed.data else line
        except UnreadableError:
            raw = line  # a dead letter
        items = items_of(raw, "stream", read)
        await self.hand_over(items, intake)
        found = next((item.submission.id for item in items if not isinstance(item.submission, UnreadableError)), "")
        if order_of(found) > order_of(self._latest):
            await self._moved(found, intake, every=SAVE_EVERY)
        return items

    async def _agree_on_rules(self, web: Web) -> None:
        """Have the query as a rule of the app's stream, under this source's own tag, and no older one of it."""
        tag = f"jun:{self.name}"
        ours = [rule for rule in _rules.read((await web.get(RULES)).body).data if rule.tag == tag]
        stale = [rule.id for rule in ours if rule.value != self._settings.query]
        if stale:
            await web.post(RULES, msgspec.json.encode({"delete": {"ids": stale}}))
        if len(stale) == len(ours):
            await web.post(RULES, msgspec.json.encode({"add": [{"value": self._settings.query, "tag": tag}]}))

    async def _moved(self, latest: str, intake: Intake, every: int = 0) -> None:
        self._latest = latest
        if not every or intake.now() - self._saved_at >= every:
            self._saved_at = intake.now()
            await intake.save(Position(latest))


def _rfc3339(moment: int) -> str:
    return dt.datetime.fromtimestamp(moment // 1000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rereader(settings: XSettings, surroundings: Surroundings) -> Rereader:  # noqa: ARG001 (as for every kind)
    """Make what reads a refused post again."""
    return rereader_of(read)


def build(settings: XSettings, surroundings: Surroundings) -> list[XSource]:
    """Make the source."""
    return [XSource(settings, surroundings)]


KIND: Final = SourceKind(XSettings, build, rereader)
