"""Live and replay over one log, both without Kafka: live with runs of any size, crashes and any interleaving."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schemas.activity import Activity
from schemas.codec import encode
from schemas.config import Campaign, Config, TopicSettings
from schemas.directory import Directory, Region
from streams.measures.engagement import entries as engagement
from streams.measures.engagement.layout import engagement_settings
from streams.measures.regions import entries as regions
from streams.measures.regions.fold import RegionsFold, RegionsSettings, reader
from streams.replay.judge import Judge
from streams.replay.partition import PartitionReplay
from streams.replay.plan import Plan, Stretch

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

    from schemas.regions import RegionStatus, Transition
    from streams.measures.engagement.entries import Flush
    from streams.replay.judge import Minute

NO_END = 1 << 32
Log = dict[int, list[bytes | None]]
"""Values of `events` by partition."""


class World(NamedTuple):
    """What both fold by."""

    config: Config
    directory: Directory


def world(regions: Mapping[str, int], partitions: int, *campaigns: Campaign) -> World:
    """Make a configuration for regions, with their numbers of shards, of 500 people each, and for campaigns."""
    named = tuple(Region(name=name, headcount=500, shards=shards) for name, shards in regions.items())
    return World(Config(topics=TopicSettings(partitions=partitions), campaign=campaigns), Directory(region=named))


class Published(NamedTuple):
    """What stands in the topics of live, or what a replay gives: `activity` by stream, the first of each repeat."""

    activity: dict[tuple[str, int], list[bytes]]
    statuses: dict[str, list[bytes]]
    transitions: dict[str, list[bytes]]


class Live:
    """The two agents as keepers run them: a table each, flushed now and then, and crashes that forget the rest."""

    def __init__(
        self, world: World, log: Log, chance: random.Random, runs: Sequence[int] = (1, 3, 20, 200), apart: int = NO_END
    ) -> None:
        """Prepare to fold runs of so many records, no partition more than a run and `apart` minutes before another."""
        self._world = world
        self._runs = runs
        self._apart = apart
        self._log = log
        self._chance = chance
        self._activity: list[bytes] = []
        self._tables: dict[int, dict[bytes, bytes]] = {partition: {} for partition in log}
        self._folds = {partition: self._restored(partition) for partition in log}
        self._read = dict.fromkeys(log, 0)
        self._region_table: dict[bytes, bytes] = {}
        self._regions = RegionsFold(RegionsSettings(*world))
        self._judged = 0
        self._furthest = 0
        self.statuses: list[RegionStatus] = []
        self.transitions: list[Transition] = []

    def run(self) -> Published:
        """Let everything happen, in an order by chance, until all has been read."""
        while any(self._read[partition] < len(values) for partition, values in self._log.items()):
            partition = self._chance.choice(self._near())
            self._events(partition)
            died = self._chance.random() < 0.3 and not self._flush(partition)
            if died or self._chance.random() < 0.1:
                self._folds[partition] = self._restored(partition)
                self._read[partition] = self._folds[partition].position.start
            if self._chance.random() < 0.5:
                self._judge()
        while self._judged < len(self._activity):
            self._judge()
        return Published(
            streams(self._activity),
            _by_region(self._names(), self.statuses),
            _by_region(self._names(), self.transitions),
        )

    def begin(self, calm: Mapping[int, int], run: int = 8) -> Live:
        """Fold the first records of each partition without crashes, always of the one that is furthest behind."""
        while left := {p: end - self._read[p] for p, end in calm.items() if self._read[p] < end}:
            partition = min(left, key=lambda one: self._folds[one].position.closed_to)
            self._events(partition, min(run, left[partition]))
            self._judge(len(self._activity) - self._judged)
        for partition in calm:
            write(self._tables[partition], engagement.flush(self._folds[partition]))
        write(self._region_table, regions.flush(self._regions))
        return self

    def _near(self) -> list[int]:
        closed = {p: self._folds[p].position.closed_to for p in self._log if self._read[p] < len(self._log[p])}
        return [partition for partition, minute in closed.items() if minute <= min(closed.values()) + self._apart]

    def _names(self) -> Sequence[str]:
        return [region.name for region in self._world.directory.region]

    def _restored(self, partition: int):
        return engagement.restore(engagement_settings(partition, *self._world), self._tables[partition])

    def _events(self, partition: int, run: int | None = None) -> None:
        begin = self._read[partition]
        end = min(begin + (self._chance.choice(self._runs) if run is None else run), len(self._log[partition]))
        output = self._folds[partition].fold(range(begin, end), self._log[partition][begin:end])
        self._read[partition] = end
        self._activity += [encode(one) for one in output.published]

    def _flush(self, partition: int) -> bool:
        return write(self._tables[partition], engagement.flush(self._folds[partition]), self._chance)

    def _judge(self, calm: int | None = None) -> None:
        run = 1 if self._judged < self._furthest else self._chance.choice([1, 4, 50])
        run = run if calm is None else calm
        end = min(self._judged + run, len(self._activity))
        output = self._regions.fold(range(self._judged, end), self._activity[self._judged : end])
        self.statuses += output.statuses
        if self._judged >= self._furthest:  # else a crash says it again
            self.transitions += output.transitions
        self._judged = end
        self._furthest = max(self._furthest, end)
        if calm is not None:
            return
        died = self._chance.random() < 0.3 and not write(self._region_table, regions.flush(self._regions), self._chance)
        if died or self._chance.random() < 0.1:
            self._regions = regions.restore(RegionsSettings(*self._world), self._region_table)
            self._judged = self._regions.offset + 1


def write(table: dict[bytes, bytes], flush: Flush, chance: random.Random | None = None) -> bool:
    """Write a flush into a table, where there is chance sometimes only up to a step; tell whether all was written."""
    steps = list(flush.steps())
    whole = chance is None or chance.random() >= 0.1
    if not whole:
        steps = steps[: chance.randrange(len(steps))]
    for step in steps:
        for key, value in step:
            if value is None:
                table.pop(key, None)
            elif key not in table or engagement.newer(value, table[key]):
                table[key] = value
    return whole


class Kept:
    """A sink that keeps everything."""

    every_status = True

    def __init__(self) -> None:
        self.minutes: list[Minute] = []
        self.known_to = -2

    def take(self, minute: Minute) -> None:
        """Keep a minute."""
        self.minutes.append(minute)

    def advance(self, minute: int) -> None:
        """Know how far everything is known."""
        assert minute >= self.known_to
        self.known_to = minute

    def finish(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def plan_of(log: Log, begin: int = 0, end: int = NO_END, horizon: int = 0) -> Plan:
    """Plan to replay the whole log."""
    stretches = {partition: Stretch(0, len(values)) for partition, values in log.items()}
    return Plan(begin=begin, end=end, lead=0, horizon=horizon, delay=120, stretches=stretches)


def replay(
    world: World,
    log: Log,
    *,
    run: int = 100,
    plan: Plan | None = None,
    sink: Kept | None = None,
    cut: Callable[[int, PartitionReplay], PartitionReplay] | None = None,
) -> Kept:
    """Replay a log as streams.replay.run does, in one process; `cut` may exchange a partition after a run."""
    plan = plan or plan_of(log)
    sink = sink or Kept()
    judge = Judge(plan, RegionsFold(RegionsSettings(*world)), sink)
    lanes = {p: PartitionReplay(engagement_settings(p, *world), {}, plan, p) for p in log}
    for partition, lane in lanes.items():
        judge.merge.add(partition, [], lane.progress)
    while behind := [partition for partition, lane in lanes.items() if not lane.done]:
        partition = min(behind, key=lambda one: lanes[one].progress)
        lane = lanes[partition]
        begin = lane.read_to
        end = min(begin + run, len(log[partition]))
        outs = lane.take(range(begin, end), log[partition][begin:end], end)
        judge.merge.add(partition, outs, lane.progress)
        judge.ready()
        if cut is not None:
            lanes[partition] = cut(partition, lane)
    judge.finish()
    return sink


def published(world: World, kept: Kept) -> Published:
    """Give what a replay has published as Live does."""
    values = [out.value for minute in kept.minutes for out in minute.records]
    names = [region.name for region in world.directory.region]
    statuses = [one for minute in kept.minutes for one in minute.statuses]
    transitions = [one for minute in kept.minutes for one in minute.transitions]
    return Published(
        streams(values),
        _by_region(names, statuses),
        _by_region(names, transitions),
    )


def streams(values: Sequence[bytes]) -> dict[tuple[str, int], list[bytes]]:
    """Part `activity` into the stream of each shard, of each minute's revision and of each change the first."""
    found: dict[tuple[str, int], list[bytes]] = {}
    seen: set[tuple[object, ...]] = set()
    for value in values:
        one = reader.read(value)
        place = (one.minute, one.revision) if isinstance(one, Activity) else ("sources", one.offset)
        key = (one.region, one.shard, *place)
        if key not in seen:
            seen.add(key)
            found.setdefault((one.region, one.shard), []).append(value)
    return found


def _by_region(names: Sequence[str], found: Sequence[RegionStatus | Transition]) -> dict[str, list[bytes]]:
    return {name: [encode(one) for one in found if one.region == name] for name in names}
