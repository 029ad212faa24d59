"""Providers that sign nothing and send a user and a password instead: Postmark, Mailjet, SparkPost."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from streams.ingest.push import forged
from streams.ingest.signatures import same

if TYPE_CHECKING:
    from aiohttp import web


class Basic:
    """Proof by HTTP's basic authentication (RFC 7617)."""

    trouble = ""

    def __init__(self, secret: str) -> None:
        """Take `user:password`."""
        self._authorization = "Basic " + base64.b64encode(secret.encode()).decode()

    async def prove(self, request: web.BaseRequest, body: bytes, now: int) -> None:
        """Compare the header."""
        del body, now
        if not same(request.headers.get("Authorization", ""), self._authorization):
            raise forged(
                "wanted Authorization: Basic with user and password of `secret`", {"WWW-Authenticate": "Basic"}
            )
