"""The process: one follower, one look at the lag, one server, until it is asked to end."""

from __future__ import annotations

import asyncio
import signal
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
    asked_to_end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_end.set)
    async with listening(known, loaded.config.exporter.host, loaded.config.exporter.port) as address:
        say(f"{address}/metrics")
        tasks = [
            asyncio.create_task(follower.run(), name="follow"),
            asyncio.create_task(lag.watch(known, group), name="lag"),
        ]
        ending = asyncio.create_task(asked_to_end.wait(), name="end")
        try:
            await asyncio.wait([*tasks, ending], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*tasks, ending):
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            follower.save()
    for error in ended:
        if isinstance(error, Exception):
            raise error


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
