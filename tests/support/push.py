"""What tests of sources that are called share: one that listens, and a caller that sends the bytes it is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp

from tests.support.ingest import Bench, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from schemas.events import Event
    from streams.ingest.push import PushSource
    from tests.support.ingest import Remembering


class Answer(NamedTuple):
    """What a caller gets."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class Called:
    """A listening source with its outlet."""

    def __init__(self, one: Bench, client: aiohttp.ClientSession) -> None:
        self.bench = one
        self.source: PushSource = one.source
        self._client = client

    @property
    def outlet(self) -> Remembering:
        """Give what Kafka has."""
        return self.bench.outlet

    @property
    def events(self) -> list[Event]:
        """Give the events that Kafka has, in order."""
        return self.outlet.events

    async def call(
        self, body: object = b"", headers: Mapping[str, str] | None = None, method: str = "POST", query: str = ""
    ) -> Answer:
        """Send a body (bytes as they are, anything else as JSON) to the source's path."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = self.source.address + self.source.path + query
        async with self._client.request(method, url, data=data, headers=headers) as got:
            return Answer(got.status, await got.read(), got.headers)


@contextlib.asynccontextmanager
async def listening(one: Bench) -> AsyncIterator[Called]:
    """Let the bench's source listen."""
    task = asyncio.create_task(one.source.run(one.intake))
    try:
        await until(lambda: bool(one.source.address), task)
        async with aiohttp.ClientSession() as client:
            yield Called(one, client)
    finally:
        one.intake.stop()
        await asyncio.wait_for(task, 10)


def told(event: Event) -> dict[str, Any]:
    """Give what an event says beside its source: the fields that are not empty."""
    return {
        name: value
        for name in event.__struct_fields__
        if name not in {"v", "source", "labels"} and (value := getattr(event, name))
    }
