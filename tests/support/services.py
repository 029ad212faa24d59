"""A web service on loopback that answers as a test tells it: what pulling sources are tried against."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.support.ingest import Bench

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Service:
    """A server; each request goes to `handle`, which a test may change while it runs. `asked` has every request."""

    def __init__(self, handle: Handler) -> None:
        self.handle = handle
        self.asked: list[web.Request] = []
        self.address = ""

    @property
    def paths(self) -> list[str]:
        """Give the paths with their queries, in order."""
        return [str(request.rel_url) for request in self.asked]

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Note the request and have it handled."""
        self.asked.append(request)
        return await self.handle(request)


@asynccontextmanager
async def serving(handle: Handler) -> AsyncIterator[Service]:
    """Serve on a free port of loopback."""
    service = Service(handle)
    runner = web.ServerRunner(web.Server(service.answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    service.address = f"http://{host}:{port}"
    try:
        yield service
    finally:
        await runner.cleanup()


def script(*answers: Any, then: Any = None) -> Handler:
    """Give the answers one after another, then always `then`; a number is a status, bytes or text a body."""
    left = list(answers)

    async def handle(request: web.Request) -> web.StreamResponse:
        del request
        one = left.pop(0) if left else then
        if callable(one):
            one = one()
        if isinstance(one, int):
            return web.Response(status=one)
        if isinstance(one, bytes):
            return web.Response(body=one)
        return one

    return handle


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[asyncio.Task[str]]:
    """Run the source of a bench, as its runner would, until the block ends."""
    task = asyncio.create_task(bench.source.run(bench.intake))
    try:
        yield task
        bench.intake.stop()
        async with asyncio.timeout(60):
            await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
