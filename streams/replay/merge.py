"""Brings the activity of all partitions into one order that depends on nothing but the log: minute, region, shard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from streams.replay.partition import NEVER, Out

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

UNKNOWN: Final = -2


class _Waiting(NamedTuple):
    partition: int
    number: int
    out: Out


class Merge:
    """What has been given but not judged, by minute; a minute leaves when every partition has closed it."""

    def __init__(self, partitions: Iterable[int]) -> None:
        self.progress = dict.fromkeys(partitions, UNKNOWN)
        self.waiting = dict.fromkeys(self.progress, 0)
        """Bytes of activity of each partition that wait for the others."""
        self._given = dict.fromkeys(self.progress, 0)
        self._marked = dict.fromkeys(self.progress, 0)
        self._minutes: dict[int, list[_Waiting]] = {}

    @property
    def bound(self) -> int:
        """The minute before which every partition is complete."""
        return min(self.progress.values(), default=NEVER)

    def add(self, partition: int, outs: Iterable[Out], progress: int) -> None:
        """Take what a partition gives, and how far it has got."""
        for out in outs:
            self._given[partition] += 1
            self.waiting[partition] += len(out.value)
            self._minutes.setdefault(out.key, []).append(_Waiting(partition, self._given[partition], out))
        self.progress[partition] = progress

    def ready(self, before: int = NEVER) -> Iterator[tuple[int, Sequence[Out]]]:
        """Give each minute that is complete, with its records by region and shard, each one's in their order."""
        bound = min(self.bound, before)
        for minute in sorted(minute for minute in self._minutes if minute < bound):
            found = self._minutes.pop(minute)
            for one in found:
                self.waiting[one.partition] -= len(one.out.value)
            yield minute, sorted((one.out for one in found), key=lambda out: (out.region, out.shard))

    def mark(self, partition: int) -> None:
        """Note that a partition has been cut: what it gave so far belongs before the cut."""
        self._marked[partition] = self._given[partition]

    def save(self) -> dict[int, list[Out]]:
        """Give what waits and was given before the last mark of its partition."""
        saved: dict[int, list[Out]] = {partition: [] for partition in self.progress}
        waiting = sorted(one for minute in self._minutes.values() for one in minute)
        for one in waiting:
            if one.number <= self._marked[one.partition]:
                saved[one.partition].append(one.out)
        return saved

    def restore(self, waiting: Mapping[int, Sequence[Out]]) -> None:
        """Take what save() gave; all of it is before the mark."""
        for partition, outs in waiting.items():
            self.add(partition, outs, self.progress[partition])
            self.mark(partition)
