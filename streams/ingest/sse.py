"""Server-sent events (WHATWG HTML, section 9.2), and other streams that come line by line."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import aiohttp
from msgspec import Struct

from streams.ingest.web import TroubleError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streams.ingest.source import Clock

QUIET: Final = 0.25
"""Seconds without a byte after which nothing waits in the connection any more: more than any way there and back."""
MAXIMUM_MESSAGE: Final = 1024 * 1024
"""Bytes of one message; a longer one ends the stream, which is then opened anew."""


class Message(Struct, frozen=True):
    """One event of a stream."""

    event: str
    data: bytes


class Reached:
    """Up to which moment (ms) of this clock all that was sent has been read; 0 until that is known.

    What waits in a connection says nothing of its age. But where nothing has come for a moment, everything before that
    moment has been read; and the line that then comes shows that the connection was not dead.
    """

    def __init__(self, clock: Clock) -> None:
        self.moment = 0
        self._clock = clock
        self._asked = 0
        self._asked_at = 0.0

    def asks(self) -> None:
        """Note that everything which has come is handed over, and more is asked for."""
        self._asked = self._clock()
        self._asked_at = time.monotonic()

    def hears(self) -> None:
        """Note that more has come."""
        if time.monotonic() - self._asked_at >= QUIET:
            self.moment = self._asked


async def lines(content: aiohttp.StreamReader, silent: float, reached: Reached) -> AsyncIterator[bytes]:
    """Give the lines of a stream without their ends; empty ones are signs of life; `reached` says how far.

    Raises TroubleError where the connection breaks, or nothing comes for `silent` seconds.
    """
    waiting = bytearray()
    while True:
        reached.asks()
        try:
            async with asyncio.timeout(silent):
                part = await content.readany()
        except TimeoutError:
            raise TroubleError(f"the stream was silent for {silent:.0f} s") from None
        except (aiohttp.ClientError, ConnectionError, OSError) as error:
            raise TroubleError(f"the stream broke ({type(error).__name__})") from None
        if not part:
            return
        reached.hears()
        waiting += part
        *whole, rest = waiting.split(b"\n")
        waiting = rest
        if len(waiting) > MAXIMUM_MESSAGE:
            raise TroubleError(f"the stream has a line of more than {MAXIMUM_MESSAGE >> 20} MiB")
        for line in whole:
            yield bytes(line.removesuffix(b"\r"))


async def messages(content: aiohttp.StreamReader, silent: float, reached: Reached) -> AsyncIterator[Message | None]:
    """Give the events of a stream, and None for each comment, by which a server says that it is there."""
    event = ""
    data: list[bytes] = []
    size = 0
    async for line in lines(content, silent, reached):
        if not line:
            if data:
                yield Message(event, b"\n".join(data))
            event, data, size = "", [], 0
            continue
        if line.startswith(b":"):
            yield None
            continue
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            event = value.decode("utf-8", "replace")
        elif name == b"data":
            data.append(value)
            size += len(value)
            if size > MAXIMUM_MESSAGE:
                raise TroubleError(f"the stream has an event of more than {MAXIMUM_MESSAGE >> 20} MiB")
