"""`/-/healthy` and `/-/ready` of a process without a page of its own, for whoever starts it and waits for it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from ops.listening import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from schemas.config import HealthSettings


def routes(why_not: Callable[[], str]) -> list[web.RouteDef]:
    """Give the two pages; `why_not` says why the process is not ready, and nothing once it is."""

    async def healthy(_request: web.Request) -> web.Response:
        return web.Response(text="healthy\n")

    async def ready(_request: web.Request) -> web.Response:
        reason = why_not()
        return web.Response(status=503 if reason else 200, text=f"not ready: {reason}\n" if reason else "ready\n")

    return [web.get("/-/healthy", healthy), web.get("/-/ready", ready)]


@asynccontextmanager
async def health(settings: HealthSettings, why_not: Callable[[], str]) -> AsyncIterator[str]:
    """Answer inside the block and give the address; nothing, and an empty address, where no port is set.

    An answer says that the event loop turns: a process that hangs in its work doesn't give one.
    """
    if not settings.port:
        yield ""
        return
    application = web.Application()
    application.router.add_routes(routes(why_not))
    async with listening(application, settings.host, settings.port, "health.port") as address:
        yield address
