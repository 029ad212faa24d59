"""One partition of the log, replayed: its fold, and what it publishes with the place of each record in the merge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from schemas.activity import Activity
from schemas.codec import encode
from streams.measures.engagement.clock import MINUTE
from streams.measures.engagement.entries import restore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.activity import SourceChange
    from streams.measures.engagement.fold import Settings
    from streams.replay.plan import Plan

NEVER: Final = 1 << 40
"""A minute after every other: how far a partition has got that is read to its end."""


class Out(Struct, frozen=True, array_like=True, gc=False):
    """A record of `activity`: the minute with which it is to be judged, whose it is, and the bytes as live."""

    key: int
    region: str
    shard: int
    value: bytes


class PartitionReplay:
    """Folds the records of one partition up to the plan's end. Pure, as the fold is."""

    def __init__(self, settings: Settings, entries: Mapping[bytes, bytes], plan: Plan, partition: int) -> None:
        self.fold = restore(settings, entries)
        stretch = plan.stretches[partition]
        self.read_to = self.fold.position.start if entries else stretch.start
        self.stop = stretch.stop
        self.refused: dict[str, int] = {}
        self._end = plan.end
        self._until = (plan.end + plan.horizon) * MINUTE

    @property
    def done(self) -> bool:
        """Whether nothing more is wanted of the partition."""
        position = self.fold.position
        return self.read_to >= self.stop or (position.closed_to >= self._end and position.clock.now >= self._until)

    @property
    def progress(self) -> int:
        """The minute before which everything has been given; at the end that is NEVER."""
        return NEVER if self.done else self.fold.position.closed_to

    def take(self, offsets: Sequence[int], values: Sequence[bytes | None], next_offset: int) -> list[Out]:
        """Fold a run that stands before `stop`; give what it publishes, in order."""
        output = self.fold.fold(offsets, values)
        self.read_to = max(self.read_to, next_offset)
        for one in output.refused:
            self.refused[one.reason] = self.refused.get(one.reason, 0) + 1
        return [
            Out(_key(one, closed_to), one.region, one.shard, encode(one))
            for one, closed_to in zip(output.published, output.closed_to, strict=True)
            if not isinstance(one, Activity) or one.minute < self._end or one.revision == 0
        ]


def _key(one: Activity | SourceChange, closed_to: int) -> int:
    """Give the minute that was open for the region when it was published: a closed one is its own."""
    return one.minute if isinstance(one, Activity) and not one.revision else closed_to
