"""Runs sources: starts them, sends their heartbeats, starts a failed one again, ends them in order."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from typing import TYPE_CHECKING, Final

import structlog

from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.ingest.intake import Intake
    from streams.ingest.source import Source

FIRST_RETRY: Final = 1.0
LAST_RETRY: Final = 60.0
"""Seconds between two starts of a source that fails; doubled each time up to the last."""

PATIENCE: Final = 10.0
"""Seconds that a source has for its end when it is asked to stop."""

log = structlog.get_logger(__name__)


class Runner:
    """Runs the sources of one process until all have ended or `stop` is called."""

    def __init__(self, pairs: Sequence[tuple[Source, Intake]], *, first_retry: float = FIRST_RETRY) -> None:
        self._pairs = pairs
        self._first_retry = first_retry

    def stop(self) -> None:
        """Ask every source to come to its end; may be called from a signal handler of the loop."""
        for _, intake in self._pairs:
            intake.stop()

    async def run(self) -> list[str]:
        """Run until the end; give, for each source, how it ended. Raises OperatorError for what can't be retried."""
        tasks = [asyncio.create_task(self._one(source, intake)) for source, intake in self._pairs]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, source: Source, intake: Intake) -> str:
        log.info("source.started", source=source.name)
        # The source goes first, so that it knows its saved position before the first heartbeat.
        work = asyncio.create_task(self._again_and_again(source, intake))
        hearts = asyncio.create_task(_heartbeats(source, intake))
        stopping = asyncio.create_task(intake.stopped())
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({work}, timeout=PATIENCE)
            if not work.done():
                log.warning("source.did_not_stop", source=source.name, seconds=PATIENCE)
                return "stopped while it waited for Kafka"
            words = work.result()
        finally:
            for task in (work, hearts, stopping):
                task.cancel()
            await asyncio.gather(work, hearts, stopping, return_exceptions=True)
        await _beat_within(PATIENCE, intake)
        log.info("source.ended", source=source.name, how=words)
        return words

    async def _again_and_again(self, source: Source, intake: Intake) -> str:
        pause = self._first_retry
        while True:
            try:
                intake.trouble = ""
                return await source.run(intake)
            except OperatorError as error:
                intake.trouble = str(error)
                if not error.retry:
                    await _beat_within(PATIENCE, intake)
                    raise
            except Exception as error:  # noqa: BLE001 (whatever breaks one source: the others go on, the truth is told)
                # Where and what, but never the error's own text: it may quote what was read.
                place = traceback.extract_tb(error.__traceback__)[-1]
                intake.trouble = f"{type(error).__name__} in {place.name}, line {place.lineno}"
            log.warning("source.down", source=source.name, reason=intake.trouble, again_in_seconds=pause)
            await _beat_within(pause, intake)
            if not await intake.pause(pause):
                return intake.trouble
            pause = min(pause * 2, LAST_RETRY)


async def _heartbeats(source: Source, intake: Intake) -> None:
    while True:
        await intake.beat()
        await asyncio.sleep(source.timing.heartbeat_seconds)


async def _beat_within(seconds: float, intake: Intake) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await intake.beat()
