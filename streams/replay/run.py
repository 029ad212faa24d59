"""Runs a replay: starts the processes that read, merges what they give, judges the regions, feeds a sink.

The sink gets every minute once, in order, and is told how far everything is known. It is the only one that writes.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from msgspec import Struct

from streams.errors import OperatorError
from streams.measures.regions import entries as regions
from streams.measures.regions.fold import RegionsFold, RegionsSettings
from streams.replay import child
from streams.replay.judge import Judge, Sink
from streams.replay.merge import UNKNOWN
from streams.replay.partition import NEVER
from streams.replay.work import DONE, REGIONS, Cut, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from schemas.config import Config
    from schemas.directory import Directory
    from streams.replay.plan import Plan

LOOK_EVERY: Final = 0.5
"""Seconds after which the progress is shown again though nothing has come."""
AHEAD_BYTES: Final = 32 << 20
"""What a process may be ahead of the one that is furthest behind, in bytes of activity that wait for it."""


class Share(NamedTuple):
    """A process, the pipe from it, and its partitions."""

    process: SpawnProcess
    pipe: Connection
    partitions: list[int]


class Progress(Struct, frozen=True):
    """How far a replay is: the minute before which all is judged (-1 at first), records of the log read so far."""

    minute: int
    records: int


class Replay:
    """One replay, from its last cut on where there is one."""

    def __init__(  # noqa: PLR0913 (each is a part of its own)
        self,
        plan: Plan,
        config: Config,
        directory: Directory,
        sink: Sink,
        work: Work,
        *,
        fingerprint: str,
        processes: int = 0,
    ) -> None:
        self.plan = plan
        self._sink = sink
        self._settings = RegionsSettings(config, directory)
        self._work = work
        self._fingerprint = fingerprint
        self._judge = Judge(plan, RegionsFold(self._settings), sink)
        self._cuts = dict.fromkeys(plan.stretches, -1)
        self.committed = -1
        """The number of the cut that a killed one goes on from, -1 while there is none."""
        self.records = 0
        self.refused: dict[str, int] = {}
        self._processes = processes or len(os.sched_getaffinity(0))

    def resume(self, cut: Cut) -> None:
        """Go on from a cut."""
        self.plan = cut.plan
        self._work.drop_after(REGIONS, cut.number)
        fold = regions.restore(self._settings, self._work.read_entries(REGIONS, cut.number))
        self._judge = Judge(cut.plan, fold, self._sink)
        self._judge.judged = cut.judged
        self._judge.next = cut.plan.first_minute(cut.number)
        self._judge.merge.restore(cut.waiting)
        self._cuts = dict(cut.partitions)
        for partition, number in self._cuts.items():
            self._judge.merge.progress[partition] = NEVER if number == DONE else UNKNOWN
        self.committed = cut.number
        self.records = cut.events
        self.refused = dict(cut.refused)
        self._sink.restore(cut.sink)

    def run(self, show: Callable[[Progress], None]) -> None:
        """Replay to the end. Raises OperatorError; started again it goes on from the last cut."""
        context = multiprocessing.get_context("spawn")
        started: list[Share] = []
        try:
            for share in _shares(self.plan, self._cuts, self._processes):
                ours, theirs = context.Pipe(duplex=False)
                fcntl.fcntl(ours.fileno(), fcntl.F_SETPIPE_SZ, child.PIPE_BYTES)
                task = child.Task(
                    self._settings.config, self._settings.directory, self.plan,
                    {partition: self._cuts[partition] for partition in share}, str(self._work.folder),
                )  # fmt: skip
                process = context.Process(target=child.main, args=(task, theirs), daemon=True)
                process.start()
                theirs.close()
                started.append(Share(process, ours, share))
            self._judge.ready()
            while self._judge.merge.bound < NEVER:
                self._hear(started)
                show(Progress(self._judge.next, self.records))
            self._judge.finish()
        finally:
            for one in started:
                one.pipe.close()
                one.process.terminate()
                one.process.join()
            self._sink.close()
        self._work.end()

    def _hear(self, started: Sequence[Share]) -> None:
        """Take what the processes have given; who is too far ahead waits at its pipe for who is behind."""
        going = [one for one in started if self._reached(one) < NEVER]
        behind = min(going, key=self._reached)
        for pipe in wait([one.pipe for one in going if one is behind or self._ahead(one) < AHEAD_BYTES], LOOK_EVERY):
            self._take(cast("Connection", pipe))
        self._judge.ready()

    def _reached(self, share: Share) -> int:
        return min(self._judge.merge.progress[partition] for partition in share.partitions)

    def _ahead(self, share: Share) -> int:
        return sum(self._judge.merge.waiting[partition] for partition in share.partitions)

    def _take(self, pipe: Connection) -> None:
        """Take one message."""
        try:
            message = child.decode(pipe.recv_bytes())
        except EOFError as error:
            raise OperatorError(
                "the processes of the replay to go on", "one of them ended",
                "look at what it wrote; started again the replay goes on", retry=True,
            ) from error  # fmt: skip
        if isinstance(message, child.Failure):
            raise OperatorError(message.wanted, message.came, message.remedy, retry=message.retry)
        self._judge.merge.add(message.partition, message.outs, message.progress)
        self.records += message.records
        _add(self.refused, message.refused)
        if message.cut >= 0:
            self._cuts[message.partition] = message.cut
            self._judge.merge.mark(message.partition)
            reached = min(self._cuts.values())
            if self.committed < reached < DONE:
                self._commit(reached)

    def _commit(self, number: int) -> None:
        first = self.plan.first_minute(number)
        self._judge.ready(first)
        self._sink.advance(min(first, self.plan.end))
        self._work.write_delta(REGIONS, number, regions.flush(self._judge.fold))
        self._work.commit(
            Cut(
                fingerprint=self._fingerprint,
                plan=self.plan,
                number=number,
                partitions=dict(self._cuts),
                waiting=self._judge.merge.save(),
                judged=self._judge.judged,
                events=self.records,
                refused=self.refused,
                sink=self._sink.save(),
            )
        )
        self.committed = number


def _shares(plan: Plan, cuts: Mapping[int, int], processes: int) -> list[list[int]]:
    """Share the partitions that are not done, the largest first, each to whom has least."""
    sizes = {p: plan.stretches[p].stop - plan.stretches[p].start for p, cut in cuts.items() if cut != DONE}
    shares: list[list[int]] = [[] for _ in range(max(1, min(processes, len(sizes))))]
    loads = [0] * len(shares)
    for partition in sorted(sizes, key=lambda one: (-sizes[one], one)):
        least = loads.index(min(loads))
        shares[least].append(partition)
        loads[least] += sizes[partition] + 1
    return [share for share in shares if share]


def _add(counts: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        counts[name] = counts.get(name, 0) + count
