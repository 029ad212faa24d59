"""Fills history in: asks a source for its past, once, beside whatever else runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from schemas.codec import UnreadableError
from streams.errors import OperatorError
from streams.ingest.source import Fills
from streams.ingest.web import TroubleError

if TYPE_CHECKING:
    from streams.ingest.intake import Intake
    from streams.ingest.source import Source


async def fill(source: Source, intake: Intake, since: int) -> str:
    """Ask `source` for what happened since `since` (ms); say in words what came.

    Raises OperatorError for a source that can't be asked, and where it breaks off. No heartbeat is sent and no position
    kept, so that the source may run elsewhere meanwhile.
    """
    if not isinstance(source, Fills):
        raise OperatorError(
            f"to fill in the past of the source {source.name}",
            "it can't be asked for it: what it reads comes to it, or is read from the beginning anyway",
            "use `jun import` for exports and files",
            retry=False,
        )
    work = asyncio.create_task(source.fill(intake, since))
    stopping = asyncio.create_task(intake.stopped())
    try:
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else "stopped before everything was filled in"
    except (TroubleError, UnreadableError) as trouble:
        raise OperatorError(
            f"to fill in the past of the source {source.name}",
            str(trouble),
            "start it again later; what came before counts once",
            retry=True,
        ) from trouble
    finally:
        for task in (work, stopping):
            task.cancel()
        await asyncio.gather(work, stopping, return_exceptions=True)
