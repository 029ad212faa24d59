"""Fills history in: asks a source for its past, once, beside whatever else runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from streams.errors import OperatorError
from streams.ingest.source import Fills
from streams.ingest.web import TroubleError

if TYPE_CHECKING:
    from streams.ingest.intake import Intake
    from streams.ingest.source import Source

FIRST_WAIT: Final = 1.0
TRIES: Final = 20
"""How often it is tried where nothing says how long to wait."""

log = structlog.get_logger(__name__)


async def fill(source: Source, intake: Intake, since: int, *, first_wait: float = FIRST_WAIT) -> str:
    """Ask `source` for what happened since `since` (ms), again after each trouble; say in words what came.

    Raises OperatorError for a source that can't be asked, and where trying goes on without end. No heartbeat is sent
    and no position kept, so that the source may run elsewhere meanwhile.
    """
    if not isinstance(source, Fills):
        raise OperatorError(
            f"to fill in the past of the source {source.name}",
            "it can't be asked for it: what it reads comes to it, or is read from the beginning anyway",
            "use `jun import` for exports and files",
            retry=False,
        )
    wait = first_wait
    for _ in range(TRIES):
        work = asyncio.create_task(source.fill(intake, since))
        stopping = asyncio.create_task(intake.stopped())
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                return "stopped before everything was filled in"
            return work.result()
        except TroubleError as trouble:
            log.warning("filling.trouble", source=source.name, reason=str(trouble))
            if not await intake.pause(trouble.wait or wait):
                return "stopped before everything was filled in"
            wait = min(wait * 2, 60.0)
        finally:
            for task in (work, stopping):
                task.cancel()
            await asyncio.gather(work, stopping, return_exceptions=True)
    raise OperatorError(
        f"to fill in the past of the source {source.name}",
        f"it failed {TRIES} times",
        "read the log for the reasons, and start it again later",
        retry=True,
    )
