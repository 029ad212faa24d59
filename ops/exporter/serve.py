"""The process: one follower, one look at the lag, one server, until it is asked to end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ops.exporter import counts, lag
from ops.exporter.follow import Follower
from ops.exporter.known import Known
from ops.exporter.page import Page
from ops.exporter.web import application
from ops.listening import listening
from ops.until_asked import run_until_asked

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from ops.config import Loaded


async def serve(loaded: Loaded, group: str, *, say: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT; `group` is the workers' consumer group, `say` hears where the figures are.

    Raises OperatorError where the port can't be had or Kafka refuses for good.
    """
    known = Known(loaded.config, loaded.directory, simulated=loaded.simulated)
    follower = Follower(known, loaded.state / counts.FILE_NAME)
    async with answering(known, loaded.config.exporter.host, loaded.config.exporter.port) as address:
        say(f"{address}/metrics")
        await run_until_asked(follower.run(), lag.watch(known, group), at_end=follower.save)


def answering(known: Known, host: str, port: int) -> AbstractAsyncContextManager[str]:
    """Answer over HTTP inside the block; gives the address, without a path."""
    return listening(application(known, Page(known), time.time), host, port, "exporter.port")
