"""The clock and the watermark of one partition, from the heartbeats of its sources and from nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from schemas.activity import SourceState
from schemas.events import Heartbeat, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUTE: Final = 60_000
FUTURE: Final = 2 * MINUTE
"""How far (ms) ahead of its source's clock an event may be."""
FORGOTTEN: Final = 28 * 1_440 * MINUTE
"""After how long (ms) a source that is down is no longer a source of anything."""


class Progress(Struct, array_like=True):
    """How far one source has got, by its last heartbeat; times in ms."""

    source: str
    status: Status
    clock: int
    complete_to: int
    timeout: int
    lateness: int
    reason: str
    listed: tuple[str, ...]
    seen: list[str]
    shown: Status = "ok"
    since: int = 0

    def feeds(self, region: str) -> bool:
        """Say whether it is a source of the region: one it lists, or else one that it has sent something for."""
        return region in self.listed if self.listed else region in self.seen


class PartitionClock(Struct, array_like=True):
    """The clock of a partition: the largest heartbeat clock seen; the watermark: how far every live source has got.

    A source whose clock falls behind the partition's by more than its time-out is down, and time goes on without it.
    """

    now: int = 0
    timeout: int = 0
    sources: dict[str, Progress] = {}
    first: int = 0
    """The clock of the first heartbeat of all (ms)."""
    heard: list[str] = []
    """Which sources have had a heartbeat, ended ones as well; up to the beginning of time only."""

    def beat(self, heartbeat: Heartbeat) -> list[Progress]:
        """Take a heartbeat; give the sources whose state is another now. A clock that went back changes nothing."""
        known = self.sources.get(heartbeat.source)
        changed: list[Progress] = []
        if heartbeat.status == "ended":
            gone = self.sources.pop(heartbeat.source, None)
            if gone is not None:
                gone.shown = "ended"
                gone.complete_to = max(gone.complete_to, heartbeat.complete_to)
                changed.append(gone)
        elif known is None:
            known = self.sources[heartbeat.source] = Progress(
                heartbeat.source,
                heartbeat.status,
                heartbeat.clock,
                heartbeat.complete_to,
                heartbeat.timeout,
                heartbeat.lateness,
                heartbeat.reason,
                heartbeat.regions,
                [],
                shown="ended",
            )
        elif heartbeat.clock >= known.clock:
            known.status, known.reason = heartbeat.status, heartbeat.reason
            known.clock, known.timeout, known.lateness = heartbeat.clock, heartbeat.timeout, heartbeat.lateness
            known.complete_to = max(known.complete_to, heartbeat.complete_to)
            known.listed = heartbeat.regions
        self.first = self.first or heartbeat.clock
        self.now = max(self.now, heartbeat.clock)
        self.timeout = max(self.timeout, heartbeat.timeout)
        for name in [name for name, one in self.sources.items() if one.clock < self.now - FORGOTTEN]:
            gone = self.sources.pop(name)
            gone.shown = "ended"
            changed.append(gone)
        for one in self.sources.values():
            status = self.status_of(one)
            if status != one.shown:
                one.shown, one.since = status, self.now
                changed.append(one)
        return changed

    def awaited(self, source: str, wanted: Sequence[str], patience: int) -> Sequence[str]:
        """Note a heartbeat of `source`; give which of the `wanted` sources time must still wait for to begin.

        None once `patience` (ms) has passed since the first heartbeat: a source that is never started must not hold
        the others. Without this wait a heartbeat of the present could come before the first one of a source that has
        the past to tell, and make all that it tells late.
        """
        if source in wanted and source not in self.heard:
            self.heard.append(source)
        if self.now - self.first >= patience:
            return ()
        return [name for name in wanted if name not in self.heard]

    def status_of(self, source: Progress) -> Status:
        """Give a source's state as seen from the partition's clock."""
        return "down" if self.now - source.clock > source.timeout else source.status

    def closes_to(self, ended_at: int = 0) -> int:
        """Give the event time (ms) before which buckets may be closed: what every live source has completed, less its
        lateness. With no live source the clock itself goes on. `ended_at` is how far the last ended source had got.
        """
        live = [one for one in self.sources.values() if one.shown != "down"]
        if live:
            return min(one.complete_to - one.lateness for one in live)
        if self.sources:
            return self.now - max(one.lateness for one in self.sources.values())
        return ended_at

    def future(self) -> int:
        """Give the event time (ms) from which on an event is not believed; before the first heartbeat all are."""
        return self.now + FUTURE + self.timeout if self.now else 1 << 62

    def learn(self, source: str, region: str) -> None:
        """Note that a source has sent something for a region."""
        one = self.sources.get(source)
        if one is not None and region not in one.seen:
            one.seen.append(region)

    def states(self, region: str) -> dict[str, SourceState]:
        """Give the state of every source of a region."""
        return {
            one.source: SourceState(
                status=one.shown,
                since=one.since,
                complete_to=one.complete_to,
                reason=self._reason(one),
            )
            for one in self.sources.values()
            if one.feeds(region)
        }

    def _reason(self, one: Progress) -> str:
        if one.shown == "down" and one.status != "down":
            return "its heartbeats have stopped"
        return one.reason
