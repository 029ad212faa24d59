"""Source `bluesky`: posts, replies, reposts and likes of the Bluesky network, from a Jetstream.

https://github.com/bluesky-social/jetstream. aiohttp's own websocket is used: the atproto package decodes the firehose,
not Jetstream's JSON. Only who is named (`accounts`, or the directory) is asked for, unless `whole_network` is set.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

import aiohttp
import msgspec
from msgspec import Meta, Struct

from streams.ingest.bluesky_record import COLLECTIONS, concerns, read
from streams.ingest.pull import AT_ONCE, PullSettings, PullSource
from streams.ingest.rereading import items_of, rereader_of
from streams.ingest.source import Item, Rereader, SourceKind, Surroundings
from streams.ingest.typed import Typed
from streams.ingest.web import TroubleError, Web
from streams.measures.hashtags import fold

if TYPE_CHECKING:
    from streams.ingest.intake import Intake

OVERLAP: Final = 5_000_000
"""How far (µs) before the last message a connection begins again, as Jetstream advises."""
MAXIMUM_MESSAGE: Final = 1024 * 1024
PING_EVERY: Final = 5.0
"""Seconds without a message after which the server is asked whether it is there."""
SILENT: Final = 30.0
"""Seconds without message or answer after which a connection is taken for dead."""
QUIET: Final = 10_000
"""How long (ms) nothing must have come until what was missed has been played back: Jetstream does not say it."""
CAUGHT_UP: Final = 10_000_000
"""How near (µs) to now a message shows the same."""
SAVE_EVERY: Final = 1_000
MOST_ACCOUNTS: Final = 10_000


class BlueskySettings(PullSettings, frozen=True, kw_only=True, tag="bluesky"):
    """A Jetstream of the Bluesky network."""

    jetstream: Annotated[str, Meta(description="address of the Jetstream", pattern="^wss?://")] = (
        "wss://jetstream2.us-east.bsky.network/subscribe"
    )
    accounts: Annotated[
        tuple[str, ...], Meta(description="DIDs to read; those of the directory for this source where empty")
    ] = ()
    whole_network: Annotated[
        bool,
        Meta(description="look through everything, for what others do with those accounts and for `tags`; much data"),
    ] = False
    tags: Annotated[tuple[str, ...], Meta(description="hashtags that are read, whoever uses them (whole_network)")] = ()


class Position(Struct, frozen=True):
    """The moment (µs) of the latest message that was sent or passed over."""

    time_us: int = 0


class _Message(Struct):
    time_us: int = 0
    kind: str = ""


_messages: Final[Typed[_Message]] = Typed(_Message)


class BlueskySource(PullSource):
    """Listens to one Jetstream."""

    def __init__(self, settings: BlueskySettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._settings = settings
        directory = surroundings.directory
        rows = [account for region in directory.region for account in region.accounts] + list(directory.people)
        known = settings.accounts or tuple(
            row.account for row in rows if row.source == settings.name and row.account.startswith("did:")
        )
        self._known = frozenset(known)
        self._tags = frozenset(map(fold, settings.tags))
        self._cursor = 0
        self._saved_at = 0

    async def work(self, intake: Intake) -> None:
        """Listen from the position on."""
        self._cursor = self._cursor or (intake.restore(Position) or Position()).time_us
        await self._listen(intake, self._cursor - OVERLAP if self._cursor else self.first(intake.now()) * 1000)

    async def fill(self, intake: Intake, since: int) -> str:
        """Send what the Jetstream still has since then; it keeps about a day."""
        return f"sent {await self._listen(intake, since * 1000, once=True)} messages"

    async def _listen(self, intake: Intake, cursor: int, *, once: bool = False) -> int:
        """Take messages until the connection breaks, or, `once`, until what was missed has been played back."""
        address = self._settings.jetstream.replace("ws", "http", 1)
        async with Web(address, self.clock) as web:
            try:
                # requireHello: nothing is sent before the names of the accounts, which no address could hold.
                socket = await web.session.ws_connect(
                    self._settings.jetstream,
                    params={"cursor": str(max(0, cursor)), "requireHello": "true"},
                    autoping=False,
                    max_msg_size=MAXIMUM_MESSAGE,
                    timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
                )
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise TroubleError(web.words(error)) from None
            async with socket:
                await socket.send_bytes(msgspec.json.encode(self._hello()))
                return await self._hear(socket, web, intake, once=once)

    def _hello(self) -> dict[str, object]:
        accounts = [] if self._settings.whole_network else sorted(self._known)
        if not (accounts or self._settings.whole_network):
            raise TroubleError("there is nobody to read: name `accounts`, or their DIDs in the directory")
        if len(accounts) > MOST_ACCOUNTS:
            raise TroubleError(f"a Jetstream takes {MOST_ACCOUNTS} accounts, {len(accounts)} are named")
        return {
            "type": "options_update",
            "payload": {
                "wantedCollections": list(COLLECTIONS),
                "wantedDids": accounts,
                "maxMessageSizeBytes": MAXIMUM_MESSAGE,
            },
        }

    async def _hear(self, socket: aiohttp.ClientWebSocketResponse, web: Web, intake: Intake, *, once: bool) -> int:
        """Take what comes; ask a quiet server whether it is there."""
        heard = intake.now()
        asked = sent = 0
        current = False
        while not intake.stopping:
            batch = await _batch(socket, web)
            now = intake.now()
            texts = [message for message in batch if message]
            if texts:
                heard, asked = now, 0
                sent += await self.hand_over(self._items(texts), intake)
                latest = max(map(_moment, texts))
                current = latest > now * 1000 - CAUGHT_UP  # not so after a wait for Kafka, with a backlog behind it
                if not once:
                    await self._passed(latest, intake)
                complete = now
            elif batch and asked:
                # The answer to our question comes after all that was sent before it.
                current = current or now - heard >= QUIET
                complete, asked = asked, 0
            elif not asked:
                asked = now
                await socket.ping()
                continue
            elif now - asked >= SILENT * 1000:
                raise TroubleError(f"{web.host} was silent for {SILENT:.0f} s")
            else:
                continue
            if current and once:
                return sent
            if current:
                self.complete(complete)
        return sent

    async def _passed(self, latest: int, intake: Intake) -> None:
        """Move the position; it is saved once a second."""
        if latest > self._cursor:
            self._cursor = latest
            if intake.now() - self._saved_at >= SAVE_EVERY:
                self._saved_at = intake.now()
                await intake.save(Position(self._cursor))

    def _items(self, texts: list[bytes]) -> list[Item]:
        return [
            item
            for text in texts
            if not self._settings.whole_network or concerns(text, self._known, self._tags)
            for item in items_of(text, "jetstream", read)
        ]


async def _batch(socket: aiohttp.ClientWebSocketResponse, web: Web) -> list[bytes]:
    """Give the messages that are there, after a wait for the first; empty bytes stand for the answer to a ping.

    Nothing after PING_EVERY seconds of silence. Raises TroubleError where the connection has ended.
    """
    batch: list[bytes] = []
    wait = PING_EVERY
    while len(batch) < AT_ONCE:
        try:
            async with asyncio.timeout(wait):
                message = await socket.receive()
        except TimeoutError:
            break
        if message.type is aiohttp.WSMsgType.PING:
            await socket.pong(message.data)
        elif message.type is aiohttp.WSMsgType.PONG:
            batch.append(b"")
        elif message.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
            batch.append(message.data.encode() if isinstance(message.data, str) else message.data)
        elif batch:
            break  # the end is told next time
        else:
            raise TroubleError(f"{web.host} ended the stream")
        wait = 0.01
    return batch


def _moment(text: bytes) -> int:
    try:
        return _messages.read(text).time_us
    except Exception:  # noqa: BLE001 (what can't be read is a dead letter already)
        return 0


def rereader(settings: BlueskySettings, surroundings: Surroundings) -> Rereader:  # noqa: ARG001 (as for every kind)
    """Make what reads a refused message again."""
    return rereader_of(read)


def build(settings: BlueskySettings, surroundings: Surroundings) -> list[BlueskySource]:
    """Make the source."""
    return [BlueskySource(settings, surroundings)]


KIND: Final = SourceKind(BlueskySettings, build, rereader)
