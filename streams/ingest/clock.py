"""Source `clock`: heartbeats only, so that time goes on though every real source has died."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streams.ingest.source import SourceKind, SourceSettings, Standing, Surroundings, Timing

if TYPE_CHECKING:
    from streams.ingest.intake import Intake


class ClockSettings(SourceSettings, frozen=True, kw_only=True, tag="clock"):
    """A clock; it has nothing to be set."""


class ClockSource:
    """Tells the time, and nothing else."""

    def __init__(self, settings: ClockSettings, surroundings: Surroundings) -> None:
        self.name = settings.name
        self.clock = surroundings.clock
        self.timing = Timing.of(surroundings.config.time, settings)
        self.regions = settings.regions

    def standing(self, now: int) -> Standing:
        """Tell that nothing is owed: there are no events."""
        return Standing(now)

    async def run(self, intake: Intake) -> str:
        """Wait until asked to stop; the heartbeats are the runner's."""
        await intake.stopped()
        return "stopped"


def build(settings: ClockSettings, surroundings: Surroundings) -> list[ClockSource]:
    """Make the source."""
    return [ClockSource(settings, surroundings)]


KIND: Final = SourceKind(ClockSettings, build)
