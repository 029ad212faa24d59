"""What is known of the regions right now, from the topic `regions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.activity import SourceState
    from schemas.directory import Region
    from schemas.regions import RegionStatus


class Board:
    """The latest status of every region: those of the directory in its order, then what else turned up."""

    def __init__(self, regions: Sequence[Region]) -> None:
        self._statuses: dict[str, RegionStatus] = {}
        self._regions = {region.name: region for region in regions}
        self.changed = True

    def take(self, status: RegionStatus) -> None:
        """Take a status in, over the one before of its region."""
        self._statuses[status.region] = status
        self.changed = True

    def rows(self) -> list[tuple[str, Region | None, RegionStatus | None]]:
        """Give name, directory entry and status of every region; None for what is not there."""
        names = [*self._regions, *sorted(self._statuses.keys() - self._regions.keys())]
        return [(name, self._regions.get(name), self._statuses.get(name)) for name in names]

    def statuses(self) -> list[RegionStatus]:
        """Give the status of every region of the directory that has one; the others are part of no campaign."""
        return [status for name, status in self._statuses.items() if name in self._regions]

    def latest(self) -> RegionStatus | None:
        """Give the status with the latest clock."""
        return max(self._statuses.values(), key=lambda status: (status.clock, status.watermark), default=None)

    def sources(self) -> dict[str, SourceState]:
        """Give how every source stands, each as the region with the latest clock tells it."""
        states: dict[str, SourceState] = {}
        for status in sorted(self._statuses.values(), key=lambda status: status.clock):
            states |= status.sources
        return dict(sorted(states.items()))
