"""Source `http`: `POST /v1/events` with our own events, answered when Kafka has acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streams.ingest.bearer import BearerSettings, BearerSource
from streams.ingest.body import items_of
from streams.ingest.source import Item, Rereader, SourceKind, Surroundings

if TYPE_CHECKING:
    from aiohttp import web

PATH: Final = "/v1/events"


class HttpSettings(BearerSettings, frozen=True, kw_only=True, tag="http"):
    """A server to which events are posted."""

    @property
    def place(self) -> str:
        """Give the path to listen for, which needs no name where there is one such source."""
        return self.path or PATH


class HttpSource(BearerSource):
    """Takes events from whoever has the token."""

    async def read(self, request: web.BaseRequest, body: bytes) -> list[Item]:
        """Give the events of a body: one, an array of them, or JSON Lines."""
        content_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return items_of(body, content_type, f"POST {self.path}")


def build(settings: HttpSettings, surroundings: Surroundings) -> list[HttpSource]:
    """Make the source."""
    return [HttpSource(settings, surroundings)]


def rereader(settings: HttpSettings, surroundings: Surroundings) -> Rereader:  # noqa: ARG001 (as for every kind)
    """Make what reads a refused event again; the ids are the sender's own."""
    return lambda refused: items_of(refused.raw, "", refused.place)


KIND: Final = SourceKind(HttpSettings, build, rereader)
