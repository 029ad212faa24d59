"""The process: one follower, one look at the lag, one server, until it is asked to end."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from ops.exporter import counts, lag
from ops.exporter.follow import Follower
from ops.exporter.known import Known
from ops.exporter.page import Page
from ops.exporter.web import application
from ops.until_asked import run_until_asked
from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from ops.config import Loaded

log = structlog.get_logger(__name__)


async def serve(loaded: Loaded, group: str, *, say: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT; `group` is the workers' consumer group, `say` hears where the figures are.

    Raises OperatorError where the port can't be had or Kafka refuses for good.
    """
    known = Known(loaded.config, loaded.directory, simulated=loaded.simulated)
    follower = Follower(known, loaded.state / counts.FILE_NAME)
    async with listening(known, loaded.config.exporter.host, loaded.config.exporter.port) as address:
        say(f"{address}/metrics")
        await run_until_asked(follower.run(), lag.watch(known, group), at_end=follower.save)


@asynccontextmanager
async def listening(known: Known, host: str, port: int) -> AsyncIterator[str]:
    """Answer over HTTP inside the block; gives the address, without a path."""
    runner = web.AppRunner(application(known, Page(known), time.time), access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise OperatorError(
                f"to listen on {host}:{port} for /metrics",
                f"the system refused ({(error.strerror or str(error)).lower()})",
                "stop the program that has the port, or set another one in exporter.port",
                retry=True,
            ) from error
        yield f"http://{_shown(host)}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
