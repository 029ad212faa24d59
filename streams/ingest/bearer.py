"""Callers that prove themselves by a token: Authorization: Bearer."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta, field

from schemas.config import Secret
from streams.ingest.listener import answer
from streams.ingest.push import PushSettings, PushSource, forged

if TYPE_CHECKING:
    from aiohttp import web

    from streams.ingest.source import Surroundings, Taken

SHORTEST_TOKEN: Final = 16


class BearerSettings(PushSettings, frozen=True, kw_only=True):
    """Settings of a source whose callers have a token."""

    token: Annotated[Secret, Meta(description="token that callers send as Authorization: Bearer")] = field(
        default_factory=Secret
    )


class BearerSource(PushSource):
    """A source whose callers have a token; they are told of each item that is wrong."""

    proves_before_body = True

    def __init__(self, settings: BearerSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._token = settings.token
        self._authorization = b""

    def prepare(self) -> None:
        """Read the token."""
        self._authorization = b"Bearer " + self.secret(self._token, "token", SHORTEST_TOKEN).encode()

    def screen(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """Turn away who has no token."""
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if not hmac.compare_digest(given, self._authorization):
            raise forged("wanted Authorization: Bearer with the token", {"WWW-Authenticate": "Bearer"})
        return None

    def answer(self, taken: Taken) -> web.StreamResponse:
        """Say how many were accepted, or which were refused and why."""
        if taken.refused:
            return answer(400, accepted=taken.accepted, refused=taken.refused)
        return answer(202, accepted=taken.accepted)
