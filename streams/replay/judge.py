"""Judges what the partitions give: merged into one order, by the fold of the regions, minute by minute into a sink."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from schemas.regions import RegionStatus, Transition
from streams.replay.merge import Merge
from streams.replay.partition import NEVER, Out

if TYPE_CHECKING:
    from streams.measures.regions.fold import RegionsFold
    from streams.replay.plan import Plan


class Minute(Struct, frozen=True):
    """What a minute has brought: its activity by region and shard, the status of each region that has one anew at the
    minute's end, every transition.
    """

    minute: int
    records: Sequence[Out]
    statuses: Sequence[RegionStatus] = ()
    transitions: Sequence[Transition] = ()


class Sink(Protocol):
    """What a replay is for. Minutes come from the lead on, too, for what must be known at the begin."""

    @property
    def every_status(self) -> bool:
        """Whether it wants the status after each record, not only that at the end of the minute."""

    def take(self, minute: Minute) -> None:
        """Take a minute; those at or after the plan's end have late revisions of earlier ones and nothing else."""

    def advance(self, minute: int) -> None:
        """Know that everything before `minute` has been taken."""

    def save(self) -> bytes:
        """Make durable what was written up to the last advance(), at which an output window ends; give the rest."""

    def restore(self, raw: bytes) -> None:
        """Take what save() gave, and forget what was written after it."""

    def finish(self) -> None:
        """Write what is left; everything has been taken."""

    def close(self) -> None:
        """Let go of what is open, however the replay has ended."""


class Judge:
    """The part of a replay behind its partitions. Pure but for the sink."""

    def __init__(self, plan: Plan, fold: RegionsFold, sink: Sink) -> None:
        self.fold = fold
        self.merge = Merge(plan.stretches)
        self.sink = sink
        self.judged = 0
        """Records of activity judged so far: the offset of the next one."""
        self.next = 0
        """The minute before which everything has been judged, as far as anything has."""
        self._end = plan.end

    def ready(self, before: int = NEVER) -> None:
        """Judge every minute that is complete, and lies before `before`."""
        for minute, records in self.merge.ready(before):
            if minute >= self._end:
                self.sink.take(Minute(minute, records))
                continue
            self.sink.advance(minute)
            self.next = minute + 1
            self.sink.take(self._judge(minute, records))
            self.sink.advance(self.next)

    def _judge(self, minute: int, records: Sequence[Out]) -> Minute:
        values = [one.value for one in records]
        output = self.fold.fold(range(self.judged, self.judged + len(values)), values, every=self.sink.every_status)
        self.judged += len(values)
        return Minute(minute, records, output.statuses, output.transitions)

    def finish(self) -> None:
        """Judge what is left; every partition has been read to its end."""
        self.ready()
        self.sink.advance(min(self.next, self._end))
        self.sink.finish()
