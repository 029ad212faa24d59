"""Source `rss`: what an office publishes in an RSS or Atom feed. feedparser reads the feed, broken ones included.

Feeds are asked for with the ETag and Last-Modified of the last answer. An entry is known by its own id; which ones have
been sent, and the moment of those that have none of their own, is saved before anything of them is sent.
"""

from __future__ import annotations

import calendar
import hashlib
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct, field

from schemas.codec import UnreadableError, encode
from streams.ingest.extras import needed
from streams.ingest.markup import plain
from streams.ingest.pull import PullSettings, PullSource
from streams.ingest.rereading import items_of, rereader_of
from streams.ingest.seal import KEPT_BYTES
from streams.ingest.source import Item, Rereader, SourceKind, Surroundings
from streams.ingest.submission import MAXIMUM_NAME, Submission, submission_of
from streams.ingest.typed import Typed
from streams.ingest.web import TroubleError, Web
from streams.measures.hashtags import extract

if TYPE_CHECKING:
    from streams.ingest.intake import Intake

MAXIMUM_SEEN: Final = 20_000
"""Entries of a feed that are remembered; the oldest go first."""
MAXIMUM_TEXT: Final = 100_000


class RssSettings(PullSettings, frozen=True, kw_only=True, tag="rss"):
    """A feed in RSS or Atom."""

    url: Annotated[str, Meta(description="address of the feed", pattern="^https?://")]
    account: Annotated[
        str, Meta(description="account that publishes it, as the directory has it; the source's name where empty")
    ] = ""
    region: Annotated[str, Meta(description="region of what it publishes; that of the account where empty")] = ""
    categories: Annotated[bool, Meta(description="count the categories of an entry as hashtags")] = False


class Position(Struct, frozen=True):
    """What the feed said last of itself, and the moment (ms) of each entry that was sent or passed over, by its hash.

    `undated` are entries without a moment of their own that are about to be sent; `oldest` is where the first start
    began (ms).
    """

    etag: str = ""
    modified: str = ""
    seen: dict[str, int] = field(default_factory=dict)
    undated: dict[str, int] = field(default_factory=dict)
    oldest: int = 0


class Entry(Struct, frozen=True, omit_defaults=True):
    """What matters of an entry; its JSON is the input of the entry's dead letter."""

    id: str = ""
    at: int = 0
    text: str = ""
    tags: list[str] = field(default_factory=list)
    account: str = ""
    region: str = ""


_entries: Final[Typed[Entry]] = Typed(Entry)


class RssSource(PullSource):
    """Reads one feed again and again."""

    def __init__(self, settings: RssSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._settings = settings
        self._position: Position | None = None
        self._broken = ""

    async def work(self, intake: Intake) -> None:
        """Look at the feed every so often."""
        async with Web(self._settings.url, self.clock) as web:
            while not intake.stopping:
                await self._look(web, intake)
                await intake.pause(self._settings.poll_seconds)

    async def fill(self, intake: Intake, since: int) -> str:
        """Send the entries that the feed still has."""
        async with Web(self._settings.url, self.clock) as web:
            web.patient = intake.pause
            answer = await web.get("")
        entries = [entry for entry in self._parsed(answer.body) if entry.at >= since]
        sent = await self.hand_over(self._items(entries), intake)
        return f"sent {sent} entries; a feed has its latest ones only"

    async def _look(self, web: Web, intake: Intake) -> None:
        began = intake.now()
        position = self._position or intake.restore(Position) or Position(oldest=self.first(began))
        conditions = {"If-None-Match": position.etag, "If-Modified-Since": position.modified}
        answer = await web.get("", headers={name: value for name, value in conditions.items() if value})
        if answer.status != 304:
            try:
                entries = self._parsed(answer.body)
            except UnreadableError as fault:
                await self._bury(answer.body, fault, intake)
                raise TroubleError(f"the feed can't be read: {fault}") from None
            after = await self._send(entries, position, intake, began)
            etag, modified = answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")
            self._position = msgspec.structs.replace(after, etag=etag, modified=modified)
            await intake.save(self._position)
        self._broken = ""
        self.complete(began)

    async def _send(self, entries: list[Entry], position: Position, intake: Intake, now: int) -> Position:
        """Send the entries that were not sent before; give the position after them."""
        moments: dict[str, int] = {}
        fresh: list[Entry] = []
        for entry in entries:
            key = hashlib.sha256(entry.id.encode()).hexdigest()[:20]
            if key in position.seen or key in moments:
                continue
            moments[key] = entry.at or position.undated.get(key, now)
            if moments[key] >= position.oldest:
                fresh.append(msgspec.structs.replace(entry, at=moments[key]))
        undated = {key: at for key, at in moments.items() if at == now}
        if undated:
            # Without a moment of its own an entry is of now, and so it must be after a crash.
            await intake.save(msgspec.structs.replace(position, undated=position.undated | undated))
        await self.hand_over(self._items(fresh), intake)
        kept = list((position.seen | moments).items())[-MAXIMUM_SEEN:]
        return Position(seen=dict(kept), oldest=position.oldest)

    def _items(self, entries: list[Entry]) -> list[Item]:
        return [item for entry in entries for item in items_of(encode(entry), "feed entry", read)]

    def _parsed(self, body: bytes) -> list[Entry]:
        """Read the entries of a feed; raises UnreadableError where it is none."""
        feedparser = needed("feedparser", f"the source {self.name}")
        try:
            feed = feedparser.parse(body)
        except Exception as error:  # noqa: BLE001 (feedparser fails on some broken feeds in ways that it does not name)
            wanted = f"wanted RSS or Atom, got something that makes feedparser fail ({type(error).__name__})"
            raise UnreadableError("unreadable", wanted) from None
        if not feed.entries and (feed.bozo or not feed.get("version")):
            kind = type(feed.get("bozo_exception")).__name__ if feed.bozo else "no feed"
            raise UnreadableError("unreadable", f"wanted RSS or Atom, got something else ({kind})")
        # Oldest first, as the feed has the newest on top.
        return [self._entry(entry) for entry in reversed(feed.entries)]

    def _entry(self, entry: Any) -> Entry:
        text = "\n".join(plain(_text(entry.get(part))) for part in ("title", "summary"))[:MAXIMUM_TEXT]
        moment = next((moment for part in ("published_parsed", "updated_parsed") if (moment := entry.get(part))), None)
        identifier = _text(entry.get("id") or entry.get("link"))
        if not identifier and text.strip():
            identifier = hashlib.sha256(text.encode()).hexdigest()
        elif len(identifier) > MAXIMUM_NAME:
            identifier = hashlib.sha256(identifier.encode()).hexdigest()
        tags: list[str] = []
        if self._settings.categories:
            terms = (_text(tag.get("term")) for tag in entry.get("tags") or ())
            tags = [*extract(text), *(term.replace(" ", "") for term in terms if term)]
        return Entry(
            id=identifier,
            at=max(0, calendar.timegm(moment) * 1000) if moment else 0,
            text=text,
            tags=tags,
            account=self._settings.account or self.name,
            region=self._settings.region,
        )

    async def _bury(self, body: bytes, fault: UnreadableError, intake: Intake) -> None:
        """Keep what is no feed as a dead letter, once until it is one again."""
        mark = hashlib.sha256(body).hexdigest()
        if mark != self._broken:
            self._broken = mark
            await intake.take([Item(body[:KEPT_BYTES], "feed", fault, len(body))])


def _text(value: Any) -> str:
    """Give what a feed says as text that can be written down: a reference such as &#xD800; is no letter."""
    return str(value or "").encode("utf-8", "replace").decode()


def read(raw: bytes) -> Submission:
    """Read an entry; raises UnreadableError."""
    entry = _entries.read(raw)
    return submission_of(
        {
            "id": entry.id,
            "at": entry.at,
            "account": entry.account,
            "kind": "post",
            "text": entry.text,
            "tags": entry.tags[:32],
            "region": entry.region,
        }
    )


def rereader(settings: RssSettings, surroundings: Surroundings) -> Rereader:  # noqa: ARG001 (as for every kind)
    """Make what reads a refused entry again."""
    return rereader_of(read)


def build(settings: RssSettings, surroundings: Surroundings) -> list[RssSource]:
    """Make the source."""
    return [RssSource(settings, surroundings)]


KIND: Final = SourceKind(RssSettings, build, rereader)
