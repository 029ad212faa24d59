"""What the exporter knows at a moment: the latest status of each region, the counters, the lag. No I/O, no clock."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from ops.exporter.counts import LogCounts
from schemas.directory import Region
from schemas.events import UNASSIGNED

if TYPE_CHECKING:
    from schemas.activity import SourceState
    from schemas.config import Config
    from schemas.directory import Directory
    from schemas.regions import RegionStatus, Verdict

SOURCE_FUSE: Final = 100
"""Sources that the configuration doesn't know and that are taken all the same, since they may run elsewhere."""
OTHER: Final = "__other__"


class Known:
    """Everything that is shown. `version` rises with each change, so that a page made from it can be kept."""

    def __init__(self, config: Config, directory: Directory, *, simulated: bool = False) -> None:
        self.config = config
        self.simulated = simulated
        self.regions = {region.name: region for region in directory.region}
        self.campaigns = {campaign.name: campaign for campaign in config.campaign}
        self.statuses: dict[str, RegionStatus] = {}
        self.strangers: set[str] = set()
        self.transitions = LogCounts()
        self.dead_letters = LogCounts()
        self.lag: dict[tuple[str, int], int] = {}
        self.unreadable: Counter[str] = Counter()
        self.broker_up = False
        self.caught_up = False
        self.version = 0
        self.source_names = {str(entry["name"]) for entry in config.source if "name" in entry}
        self.sources_left_out: set[str] = set()
        self._room = SOURCE_FUSE

    def take_status(self, name: str, status: RegionStatus | None) -> None:
        """Take the latest value under a region's key; None where it was deleted.

        A region that neither the directory knows nor stands for all unknown accounts is not shown, only counted.
        """
        self.version += 1
        if name not in self.regions:
            if name != UNASSIGNED:
                if status:
                    self.strangers.add(name)
                else:
                    self.strangers.discard(name)
                return
            self.regions[UNASSIGNED] = Region(name=UNASSIGNED, title="Accounts that no region knows")
        if status is None:
            self.statuses.pop(name, None)
            return
        self.statuses[name] = status
        for source in status.sources:
            self.source_name(source)

    def take_transition(self, partition: int, offset: int, change: tuple[str, str] | None) -> None:
        """Count a change of verdict of a region that is shown."""
        shown = change is not None and (change[0] in self.regions or change[0] == UNASSIGNED)
        self.version += self.transitions.add(partition, offset, change if shown else None)

    def take_dead_letter(self, partition: int, offset: int, source: str, reason: str) -> None:
        """Count a refused input; what has no reason is only passed."""
        key = (reason, self.source_name(source)) if reason else None
        self.version += self.dead_letters.add(partition, offset, key)

    def source_name(self, source: str) -> str:
        """Give the source as a label: itself, or OTHER where there are too many that the configuration doesn't know."""
        if source in self.source_names:
            return source
        if self._room:
            self._room -= 1
            self.source_names.add(source)
            return source
        if len(self.sources_left_out) < SOURCE_FUSE:
            self.sources_left_out.add(source)
        return OTHER

    def sources(self) -> dict[str, SourceState]:
        """Give how each source stands, by the region whose clock has got furthest: each tells of its own partition."""
        latest: dict[str, tuple[int, SourceState]] = {}
        for status in self.statuses.values():
            for source, state in status.sources.items():
                if source in self.source_names and (source not in latest or status.clock > latest[source][0]):
                    latest[source] = (status.clock, state)
        return {source: state for source, (_, state) in sorted(latest.items())}

    def restore(self, *, transitions: LogCounts, dead_letters: LogCounts) -> None:
        """Go on from the counts of the run before."""
        self.transitions = transitions
        self.dead_letters = dead_letters
        for _, source in dead_letters.counts:
            if source != OTHER:
                self.source_name(source)
        self.version += 1

    def note(self, *, lag: dict[tuple[str, int], int] | None = None, broker_up: bool, caught_up: bool = False) -> None:
        """Take what a look at Kafka said; being caught up holds from then on."""
        self.lag = lag or {}
        self.broker_up = broker_up
        self.caught_up = self.caught_up or caught_up
        self.version += 1

    def verdict(self, region: str) -> Verdict:
        """Give the verdict of a region, unknown where none has come."""
        status = self.statuses.get(region)
        return status.verdict if status else "unknown"

    def everything_silent(self) -> bool:
        """Tell whether everything is silent, as the status with the newest minute says."""
        statuses = [status for name, status in self.statuses.items() if name != UNASSIGNED]
        return bool(statuses) and max(statuses, key=lambda one: one.minute).everything_silent_since > 0
