"""What all sources that go and look have in common: position, trouble told in words, what is complete, the end.

A position is saved after Kafka has acknowledged what stands before it. What is read again after a crash has the same
ids. A look that began at t and succeeded covers everything up to t; while looks fail, nothing more is complete, and
the heartbeat says why: `degraded` at first, and `down` once that has lasted, so that time goes on without the source.
"""

from __future__ import annotations

import abc
import asyncio
from typing import TYPE_CHECKING, Annotated, Final

import structlog
from msgspec import Meta, structs

from schemas.codec import UnreadableError
from streams.ingest.source import Item, SourceSettings, Standing, Surroundings, Timing
from streams.ingest.submission import FUTURE
from streams.ingest.web import TroubleError
from streams.secrets import read_secret

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.config import Secret
    from streams.ingest.intake import Intake
    from streams.ingest.sse import Reached
    from streams.secrets import Concealed

AT_ONCE: Final = 500
"""Items that are handed over together."""
FIRST_WAIT: Final = 1.0
LAST_WAIT: Final = 60.0
"""Seconds between two tries of what fails; doubled each time up to the last."""
PATIENCE: Final = 300_000
"""How far (ms) beyond its interval a source may be behind before it is called down: others must not wait for ever."""
HOUR: Final = 3_600_000

log = structlog.get_logger(__name__)


class PullSettings(SourceSettings, frozen=True, kw_only=True):
    """What every source that goes and looks may be told."""

    backfill_hours: Annotated[
        float, Meta(ge=0, le=168, description="how far back the first start reads, where the service allows it (hours)")
    ] = 1
    poll_seconds: Annotated[
        float,
        Meta(ge=0.05, le=3600, description="between two looks; no minute closes before the next one (seconds)"),
    ] = 60


class PullSource(abc.ABC):
    """A source that goes and looks, or listens to a stream that it has asked for."""

    def __init__(self, settings: PullSettings, surroundings: Surroundings) -> None:
        self.name = settings.name
        self.clock = surroundings.clock
        self.timing = Timing.of(surroundings.config.time, settings)
        self.regions = settings.regions
        self._folder = surroundings.folder
        self._patience = PATIENCE + round(settings.poll_seconds * 1000)
        self._backfill = round(settings.backfill_hours * HOUR)
        self._complete_to = 0
        self._began = 0
        self._failures = 0
        self._trouble = ""
        self._told = ""

    # -- what a kind says

    @abc.abstractmethod
    async def work(self, intake: Intake) -> None:
        """Look, or listen, for as long as that goes well; `complete` tells how far.

        Returns when asked to stop. Raises TroubleError to be called again after a while, OperatorError for what
        somebody must see to.
        """

    @abc.abstractmethod
    async def fill(self, intake: Intake, since: int) -> str:
        """Hand over what happened from `since` (ms) to now, without touching the position; say what was found."""

    # -- the Source protocol

    def standing(self, now: int) -> Standing:
        """Tell how far everything is handed over, and what is in the way; others must not wait for it for ever."""
        if self._began and now - max(self._complete_to, self._began) > self._patience:
            return Standing(self._complete_to, "down", self._trouble or "it is catching up with what was missed")
        return Standing(self._complete_to, "degraded" if self._trouble else "ok", self._trouble)

    async def run(self, intake: Intake) -> str:
        """Work until asked to stop, again after each trouble."""
        self._began = self._began or intake.now()
        while not intake.stopping:
            try:
                await self._until_stopped(intake)
            except TroubleError as error:
                await self._wait(str(error), error.wait, intake)
            except UnreadableError as error:
                # A whole answer; single items are dead letters.
                await self._wait(f"an answer can't be read: {error}", 0, intake)
        return "stopped; goes on from there at the next start"

    async def _wait(self, words: str, asked: float, intake: Intake) -> None:
        """Say what is in the way, and wait: longer each time, and at least as long as the service asked."""
        self.trouble(words)
        wait = min(FIRST_WAIT * 2**self._failures, LAST_WAIT)
        self._failures += 1
        await intake.pause(max(asked, wait))

    async def _until_stopped(self, intake: Intake) -> None:
        work = asyncio.create_task(self.work(intake))
        stopping = asyncio.create_task(intake.stopped())
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            for task in (work, stopping):
                task.cancel()
            await asyncio.gather(work, stopping, return_exceptions=True)

    # -- what helps a kind

    def first(self, now: int) -> int:
        """Give the moment (ms) from which on the first start reads."""
        return max(0, now - self._backfill)

    def complete(self, moment: int) -> None:
        """Say that everything before `moment` (ms) is handed over, and that all is well."""
        self._complete_to = max(self._complete_to, moment)
        self._failures = 0
        self.trouble("")

    def read_to(self, items: Iterable[Item], reached: Reached, now: int) -> None:
        """Say how far a stream has been read, after these items of it are handed over.

        A service sends in the order of time, give or take the lateness: what was sent before the latest of them has
        come. Until it is known to wait for us no longer, a backlog is no later than that. What is refused for lying in
        the future says nothing: anybody's server may send it.
        """
        said = [item.submission.at for item in items if not isinstance(item.submission, UnreadableError)]
        believed = max((at for at in said if at <= now + FUTURE), default=0)
        self.complete(max(reached.moment, min(believed, now)))

    def trouble(self, words: str) -> None:
        """Say what is in the way. It is logged once, and only where it is not over with the next try: streams break."""
        self._trouble = words
        kind = words.partition(" until ")[0]  # a moment that moves on is no news
        if kind and not self._failures:
            log.debug("pull.trouble", source=self.name, reason=words)
        elif kind != self._told:
            if words:
                log.warning("pull.trouble", source=self.name, reason=words)
            else:
                log.info("pull.well_again", source=self.name)
            self._told = kind

    def secret(self, secret: Secret, setting: str) -> Concealed:
        """Read a secret; its relative file begins at the configuration's folder. Raises OperatorError."""
        if secret.file:
            secret = structs.replace(secret, file=str(self._folder / secret.file))
        return read_secret(secret, wanted_for=f"source {self.name}, {setting}")

    async def hand_over(self, items: Iterable[Item], intake: Intake) -> int:
        """Have Kafka take the items, some at a time; give the number of those that were accepted."""
        accepted = 0
        waiting: list[Item] = []
        for item in items:
            waiting.append(item)
            if len(waiting) == AT_ONCE:
                accepted += (await intake.take(waiting)).accepted
                waiting = []
        if waiting:
            accepted += (await intake.take(waiting)).accepted
        return accepted


def order_of(identifier: str) -> tuple[int, str]:
    """Give the order of ids that are numbers, without reading them: those of other makes have one too."""
    return len(identifier), identifier
