"""Listens on a port for HTTP, and says in one sentence why it can't."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def listening(application: web.Application, host: str, port: int, setting: str) -> AsyncIterator[str]:
    """Answer over HTTP inside the block; gives the address, without a path.

    `setting` is where the port is set. Raises OperatorError where it can't be had.
    """
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise OperatorError(
                f"to listen on {host}:{port}",
                f"the system refused ({(error.strerror or str(error)).lower()})",
                f"stop the program that has the port, or set another one in {setting}",
                retry=True,
            ) from error
        yield f"http://{f'[{host}]' if ':' in host else host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
