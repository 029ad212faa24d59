"""Where the fold of a partition stands in its log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from streams.measures.engagement.clock import PartitionClock

if TYPE_CHECKING:
    from collections.abc import Iterable

UNSET: Final = -1


class Position(Struct, array_like=True):
    """Where the partition stands: folded up to `offset`, minutes before `closed_to` closed, to be read again from
    `start` on (the first record of a minute that is still open). `campaigns` are the tags by which the buckets count
    each campaign. `unbelieved` are the offsets from `start` on of events that were ahead of the clock. `regions` are
    those that have begun; None where an earlier version of Jun has not noted them.
    """

    offset: int = UNSET
    closed_to: int = UNSET
    start: int = 0
    ended_at: int = 0
    clock: PartitionClock = field(default_factory=PartitionClock)
    campaigns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unbelieved: list[int] = field(default_factory=list)
    regions: list[str] | None = None

    def move_to(self, offset: int, begun: Iterable[int]) -> None:
        """Go on to `offset`; `begun` are the offsets at which the minutes begin that are still open."""
        self.offset = max(offset, self.offset)
        self.start = min(begun, default=self.offset + 1)
        if self.unbelieved:
            self.unbelieved = [at for at in self.unbelieved if at >= self.start]

    def believed(self, records: Iterable[tuple[int, bytes | None]]) -> Iterable[tuple[int, bytes | None]]:
        """Leave out, of records that are read again, what was ahead of the clock: it may have reached them since."""
        if not self.unbelieved:
            return records
        unbelieved = set(self.unbelieved)
        return [record for record in records if record[0] not in unbelieved]
