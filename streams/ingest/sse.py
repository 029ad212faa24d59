"""Server-sent events (WHATWG HTML, section 9.2), and other streams that come line by line."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import aiohttp
from msgspec import Struct

from streams.ingest.web import TroubleError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MAXIMUM_MESSAGE: Final = 1024 * 1024
"""Bytes of one message; a longer one ends the stream, which is then opened anew."""


class Message(Struct, frozen=True):
    """One event of a stream."""

    event: str
    data: bytes


async def lines(content: aiohttp.StreamReader, silent: float) -> AsyncIterator[bytes]:
    """Give the lines of a stream without their ends; empty ones are signs of life.

    Raises TroubleError where the connection breaks, or nothing comes for `silent` seconds.
    """
    waiting = bytearray()
    while True:
        try:
            async with asyncio.timeout(silent):
                part = await content.readany()
        except TimeoutError:
            raise TroubleError(f"the stream was silent for {silent:.0f} s") from None
        except (aiohttp.ClientError, ConnectionError, OSError) as error:
            raise TroubleError(f"the stream broke ({type(error).__name__})") from None
        if not part:
            return
        waiting += part
        *whole, rest = waiting.split(b"\n")
        waiting = rest
        if len(waiting) > MAXIMUM_MESSAGE:
            raise TroubleError(f"the stream has a line of more than {MAXIMUM_MESSAGE >> 20} MiB")
        for line in whole:
            yield bytes(line.removesuffix(b"\r"))


async def messages(content: aiohttp.StreamReader, silent: float) -> AsyncIterator[Message | None]:
    """Give the events of a stream, and None for each comment, by which a server says that it is there."""
    event = ""
    data: list[bytes] = []
    size = 0
    async for line in lines(content, silent):
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
