"""A sink that compares a replay with what was published live: activity, statuses, transitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct, field

from ops.replay.differences import Difference, differing
from ops.replay.live import LiveTopic
from ops.replay.times import told
from schemas.activity import Activity, ActivityRecord
from schemas.codec import Reader, UnreadableError, encode
from schemas.regions import RegionStatus, Transition
from schemas.topics import ACTIVITY, ALERTS, REGIONS
from streams.replay.plan import MINUTE

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.config import Config
    from streams.replay.judge import Minute
    from streams.replay.plan import Plan

AHEAD: Final = 5
"""Minutes that live is read ahead of the replay, so that both are at hand."""
PATIENCE: Final = 1_440
"""Minutes for which a region's statuses wait for those that live has of it: regions come in any order."""
KEPT: Final = 10_000
"""Differences that are kept to be shown; all are counted."""

_activity: Final[Reader[ActivityRecord]] = Reader(ActivityRecord)
_status: Final[Reader[RegionStatus]] = Reader(RegionStatus)
_transition: Final[Reader[Transition]] = Reader(Transition)

Key = tuple[str, ...]


class Pairs(Struct):
    """Records that wait for the other side's record of the same key, by key: of live, of the replay.

    `minutes` is the last first-published minute of each stream of live, `seen` what else was there once.
    """

    live: dict[str, bytes] = field(default_factory=dict)
    replayed: dict[str, bytes] = field(default_factory=dict)
    minutes: dict[str, int] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)


class Verdicts(Struct):
    """Everything that a verification knows, so that it can go on after a kill."""

    compared: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    differing: int = 0
    activity: Pairs = field(default_factory=Pairs)
    statuses: dict[str, list[bytes]] = field(default_factory=dict)
    candidates: dict[str, list[bytes]] = field(default_factory=dict)
    regions: dict[str, int] = field(default_factory=dict)
    transitions: list[Transition] = field(default_factory=list)
    positions: tuple[int, int] = (0, 0)
    frontiers: tuple[int, int] = (-1, -1)
    next: int = -1


_read: Final = msgspec.msgpack.Decoder(Verdicts).decode


class Verify:
    """Compares; see streams.replay.judge.Sink. `topic` opens a live topic."""

    every_status = True

    def __init__(
        self, plan: Plan, config: Config, since: int, topic: Callable[[Config, str, int, int], LiveTopic] = LiveTopic
    ) -> None:
        self.known = Verdicts()
        self._plan = plan
        self._whole = not any(one.cut_off or one.start > 0 for one in plan.stretches.values())
        self._config, self._since, self._open = config, since, topic
        self._topics: dict[str, LiveTopic] = {}

    # -- the replay's side

    def take(self, minute: Minute) -> None:
        """Take what the replay gives."""
        known = self.known
        for out in minute.records:
            self._side(out.value, known.activity.replayed, known.activity.live)
        for status in minute.statuses:
            known.candidates.setdefault(_place(status), []).append(encode(status))
        known.transitions.extend(one for one in minute.transitions if self._wanted(one.at // MINUTE - 1))

    def advance(self, minute: int) -> None:
        """Read live a little further than `minute`, and judge the statuses of minutes that are over."""
        known = self.known
        if minute + AHEAD > known.frontiers[0] or minute + AHEAD > known.frontiers[1]:
            self._read_live(minute + AHEAD)
        if minute > known.next:
            for place in [place for place in known.candidates if self._over(place, minute)]:
                self._judge(place)
            known.next = minute

    def _over(self, place: str, minute: int) -> bool:
        """Say whether live will give no further status of a region and minute, as far as can be told at `minute`."""
        region, own = place.split("\t")
        return int(own) < min(minute - 1, max(self.known.regions.get(region, -1), minute - PATIENCE))

    def _judge(self, place: str) -> None:
        candidates = self.known.candidates.pop(place)
        region, minute = place.split("\t")
        for live in self.known.statuses.pop(place, ()):
            self._count(REGIONS)
            if live not in candidates:
                self._differ(f"regions {region} {told((int(minute) + 1) * 60)}", live, candidates[-1])

    def finish(self) -> None:
        """Judge what is left: what the other side never had is missing there."""
        known = self.known
        self._read_live(1 << 40)
        for place in list(known.candidates):
            self._judge(place)
        until = min(known.next, self._plan.end)
        pairs = known.activity
        for key, raw in pairs.replayed.items():
            if _minute_of(key) < known.frontiers[0]:
                self._count(ACTIVITY)
                self._differ(_told(key), None, raw)
        for key, raw in pairs.live.items():
            if self._plan.begin <= _minute_of(key) < until:
                self._count(ACTIVITY)
                self._differ(_told(key), raw, None)
        for place, lives in known.statuses.items():
            region, minute = place.split("\t")
            if self._plan.begin <= int(minute) < until:
                self._count(REGIONS)
                self._differ(f"regions {region} {told((int(minute) + 1) * 60)}", lives[-1], None)
        self._alerts(until)

    def close(self) -> None:
        """Close the connections to the live topics."""
        for topic in self._topics.values():
            topic.close()

    def _alerts(self, until: int) -> None:
        live: dict[str, bytes] = {}
        topic = self._topic(ALERTS, 0)
        while not topic.ended:
            for raw in topic.more():
                one = _readable(_transition, raw)
                if one is not None and self._plan.begin <= one.at // MINUTE - 1 < until:
                    live.setdefault(_change(one), encode(one))
        replayed = {_change(one): encode(one) for one in self.known.transitions if one.at // MINUTE - 1 < until}
        for key in sorted({*live, *replayed}):
            self._count(ALERTS)
            self._differ(f"alerts {key}", live.get(key), replayed.get(key))

    # -- live's side

    def _topic(self, name: str, position: int) -> LiveTopic:
        if name not in self._topics:
            self._topics[name] = self._open(self._config, name, self._since, position)
        return self._topics[name]

    def _read_live(self, minute: int) -> None:
        known = self.known
        activity, regions = (self._topic(n, p) for n, p in zip((ACTIVITY, REGIONS), known.positions, strict=True))
        of_activity, of_regions = known.frontiers
        while of_activity < minute and not activity.ended:
            for raw in activity.more():
                of_activity = max(of_activity, self._side(raw, known.activity.live, known.activity.replayed))
        while of_regions < minute and not regions.ended:
            for raw in regions.more():
                one = _readable(_status, raw)
                if one is not None:
                    of_regions = max(of_regions, one.minute)
                    known.regions[one.region] = max(one.minute, known.regions.get(one.region, -1))
                    if self._wanted(one.minute):
                        known.statuses.setdefault(_place(one), []).append(raw)
        known.positions = activity.position, regions.position
        known.frontiers = of_activity, of_regions

    def _side(self, raw: bytes, mine: dict[str, bytes], others: dict[str, bytes]) -> int:
        """Pair a record of activity with the other side's; of repeats the first holds. Give its minute."""
        one = _readable(_activity, raw)
        if one is None:
            return -1
        minute = one.minute if isinstance(one, Activity) else one.watermark // MINUTE
        if not self._wanted(minute):
            return minute
        pairs, side = self.known.activity, "l" if mine is self.known.activity.live else "r"
        stream = f"{side}\t{one.region}\t{one.shard}"
        if isinstance(one, Activity):
            key = f"{one.region}\t{one.shard}\t{minute}\t{one.revision}"
            again = one.revision == 0 and minute <= pairs.minutes.get(stream, -1)
            if one.revision == 0:
                pairs.minutes[stream] = max(minute, pairs.minutes.get(stream, -1))
        else:
            key = f"{one.region}\t{one.shard}\t{minute}\tsources\t{one.clock}"
            again = False
        if not isinstance(one, Activity) or one.revision:
            again = f"{side}\t{key}" in pairs.seen
            pairs.seen.add(f"{side}\t{key}")
        if again:
            return minute
        other = others.pop(key, None)
        if other is None:
            mine[key] = raw
        else:
            self._count(ACTIVITY)
            live, replayed = (raw, other) if side == "l" else (other, raw)
            self._differ(_told(key), live, replayed)
        return minute

    # -- both

    def _wanted(self, minute: int) -> bool:
        return self._plan.begin <= minute < self._plan.end

    def _count(self, topic: str) -> None:
        self.known.compared[topic] = self.known.compared.get(topic, 0) + 1

    def _differ(self, what: str, live: bytes | None, replayed: bytes | None) -> None:
        if live == replayed:
            return
        found = differing(what, live, replayed, whole=self._whole)
        self.known.differing += len(found)
        self.known.differences.extend(found[: max(0, KEPT - len(self.known.differences))])

    def save(self) -> bytes:
        """Give everything that is known."""
        return msgspec.msgpack.encode(self.known)

    def restore(self, raw: bytes) -> None:
        """Know what was known."""
        self.known = _read(raw)


def _readable(reader: Reader[Any], raw: bytes) -> Any:
    try:
        return reader.read(raw)
    except UnreadableError:
        return None  # whoever reads it live has told


def _place(status: RegionStatus) -> str:
    return f"{status.region}\t{status.minute}"


def _change(one: Transition) -> str:
    return f"{one.region} {told(one.at / 1000)} {one.old or 'none'} to {one.new}"


def _minute_of(key: str) -> int:
    return int(key.split("\t")[2])


def _told(key: str) -> str:
    region, shard, minute, revision, *_ = key.split("\t")
    what = "sources" if revision == "sources" else f"revision {revision}"
    return f"activity {region} shard {shard} {told(int(minute) * 60)} {what}"
