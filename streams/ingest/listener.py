"""One server for each address, with a path for each push source; sources of one process may share it.

It reads bodies as they are: nothing is decompressed. A connection that brings no whole request within `IDLE` seconds is
closed. `/-/healthy` answers while the process lives, `/-/ready` while Kafka takes what all of its sources bring.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from aiohttp import web
from msgspec import Struct

from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streams.ingest.outlet import Congestion

CLOSING: Final = 5.0
"""Seconds that requests have for their answer when the server stops."""
IDLE: Final = 60.0
"""Seconds after which a connection without a whole request is closed."""
BACKLOG: Final = 1024
JSON: Final = {"Content-Type": "application/json; charset=utf-8"}
HEALTHY: Final = "/-/healthy"
READY: Final = "/-/ready"

_encode: Final = msgspec.json.Encoder().encode

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Address(NamedTuple):
    """Where a server listens; port 0 is any free one."""

    host: str
    port: int


class _Path(NamedTuple):
    handle: Handler
    congestion: Callable[[], Congestion]


class _Server(Struct):
    runner: web.ServerRunner
    paths: dict[str, _Path]
    address: str


class Listeners:
    """The servers of one process, by their address."""

    def __init__(self) -> None:
        self._servers: dict[Address, _Server] = {}
        self._starting = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def serve(
        self, address: Address, path: str, handle: Handler, congestion: Callable[[], Congestion]
    ) -> AsyncIterator[str]:
        """Let `handle` answer what comes for `path`; give the server's address, such as http://127.0.0.1:8088.

        The first starts the server, the last one stops it. Raises OperatorError where the address can't be had, or
        the path has another owner.
        """
        async with self._starting:
            server = self._servers.get(address) or await self._started(address)
        if path in server.paths:
            raise OperatorError(
                f"to listen for {path} on {address.host}:{address.port}",
                "another source of this process has that path",
                "give one of the two another `path`",
                retry=False,
            )
        server.paths[path] = _Path(handle, congestion)
        try:
            yield server.address
        finally:
            if len(server.paths) > 1:
                del server.paths[path]
            else:
                self._servers.pop(address, None)
                await server.runner.cleanup()  # what is being answered still has its path
                del server.paths[path]

    async def _started(self, address: Address) -> _Server:
        paths: dict[str, _Path] = {}
        runner = _runner(paths)
        try:
            server = self._servers[address] = _Server(runner, paths, await _start(runner, address))
        except BaseException:
            await runner.cleanup()
            raise
        return server


def _runner(paths: dict[str, _Path]) -> web.ServerRunner:
    def handle(request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        # As it came it is there already; taking it apart is for what needs that.
        found = paths.get(request.raw_path) or paths.get(request.path)
        return found.handle(request) if found else _other(request.path, paths)

    # What is no HTTP, aiohttp would log whole: with the secrets and names that stand in it, and as often as it comes.
    silent = logging.getLogger(f"{__name__}.http")
    silent.setLevel(logging.CRITICAL + 1)
    server = web.Server(handle, access_log=None, logger=silent, auto_decompress=False, keepalive_timeout=IDLE)
    return web.ServerRunner(server, shutdown_timeout=CLOSING)


async def _start(runner: web.ServerRunner, address: Address) -> str:
    await runner.setup()
    try:
        await web.TCPSite(runner, *address, backlog=BACKLOG).start()
    except OSError as error:
        raise OperatorError(
            f"to listen on {address.host}:{address.port}",
            error.strerror or "the system refused",
            "choose another port, or stop what has it",
            retry=True,
        ) from error
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


async def _other(path: str, paths: dict[str, _Path]) -> web.Response:
    if path == HEALTHY:
        return answer(200)
    if path == READY:
        trouble = next((congestion for known in paths.values() if (congestion := known.congestion())), "")
        return answer(503, error=f"Kafka is {trouble}") if trouble else answer(200)
    return answer(404, error=f"wanted {', '.join([*paths, HEALTHY])} or {READY}")


def answer(status: int, headers: dict[str, str] | None = None, **body: object) -> web.Response:
    """Give an answer in JSON."""
    return web.Response(status=status, headers={**JSON, **headers} if headers else JSON, body=_encode(body))
