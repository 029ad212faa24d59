"""The fold of one partition of `events`: a pure function of the log, from records to activity and table entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from schemas.activity import Activity, SourceChange
from schemas.codec import UnreadableError, event_reader
from schemas.events import Event, Heartbeat
from streams import compiled
from streams.measures.campaigns.book import Definition
from streams.measures.engagement.clock import MINUTE
from streams.measures.engagement.open_minutes import OpenMinutes
from streams.measures.engagement.output import Output, Refused
from streams.measures.engagement.position import UNSET, Position
from streams.measures.engagement.region import RegionShard, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.deadletter import Reason
    from schemas.events import EventRecord

ALONE: Final = 366 * 1_440
"""How far (minutes) from all others an event is no part of history, but a moment that was never set."""


class Settings(Struct, frozen=True):
    """What the fold needs to know besides the log: the regions (with shard and number of shards) of the partition,
    the campaigns of each folded tag, how long (minutes) a closed minute can be revised, for the first heartbeats of
    which `sources` time waits, at most `patience` ms, before it begins, and by region what counts for each campaign.
    """

    regions: Sequence[tuple[str, int, int]]
    campaigns_of: Mapping[str, Sequence[str]]
    horizon: int = 10_080
    sources: Sequence[str] = ()
    patience: int = 0
    definitions: Mapping[str, Mapping[str, Definition]] = {}

    def tags(self) -> dict[str, tuple[str, ...]]:
        """Give the folded tags of each campaign."""
        names = sorted({name for names in self.campaigns_of.values() for name in names})
        return {name: tuple(sorted(tag for tag, of in self.campaigns_of.items() if name in of)) for name in names}


class PartitionFold:
    """Folds the records of one partition, in order. Give it each record once, from `position.start` on."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.position = Position(campaigns=settings.tags())
        self.shards: dict[str, RegionShard] = {}
        for region, shard, shards in settings.regions:
            self.shards[region] = self._shard(region, shard, shards)
        self.restored = UNSET
        self.highest = UNSET
        """The highest offset of an entry that was restored. What is no function of the log must not be below it."""
        self.to_begin: set[str] = set()
        """Regions that only entries ahead of the marker know: they begin when their first event is read again."""
        self._again = True
        self.opened = OpenMinutes(self.shard_of)
        self.flushed_to = UNSET
        self.awaited: Sequence[str] = ()
        """The sources for whose first heartbeats time waits with its beginning."""

    def fold(self, offsets: Sequence[int], values: Sequence[bytes | None]) -> Output:
        """Fold a run of records: their offsets, rising, and their values (None is a tombstone and says nothing)."""
        output = Output()
        if not offsets:  # only the position has moved, over control records: what is to be read again still is
            return output
        self.opened.renumber()
        if compiled.COMPILED and not self._again:
            self._fold_columns(offsets, values, output)
        else:
            for offset, raw in self.position.believed(zip(offsets, values, strict=True)):
                self._fold_one(offset, raw, output)
        self.opened.gather()
        self.position.move_to(offsets[-1], self.opened.first.values())
        self._again = self._again and offsets[-1] < self.restored
        return output

    def _fold_columns(self, offsets: Sequence[int], values: Sequence[bytes | None], output: Output) -> None:
        """Fold a run by columns: whatever is unusual in it, late or ahead of the clock one by one, in its place."""
        position, count = self.position, len(values)
        reader = self.opened.read(offsets, values)
        while (place := reader.next(position.closed_to, position.clock.future())) < count:
            self._fold_one(offsets[place], values[place], output)

    def _fold_one(self, offset: int, raw: bytes | None, output: Output) -> None:
        """Fold one record."""
        record = self._read(offset, raw, output)
        if type(record) is Event:
            position = self.position
            minute = record.at // MINUTE
            if record.at >= position.clock.future():
                if offset > self.restored:
                    position.unbelieved.append(offset)
                self._refuse(output, offset, "future", "the event is ahead of its source's clock", raw)
            elif minute >= position.closed_to:
                self.opened.add(record, minute, offset)
            else:
                self._late(record, minute, offset, raw, output)
        elif record is not None and offset > self.restored:
            self._beat(record, offset, output)  # type: ignore[arg-type]

    def _read(self, offset: int, raw: bytes | None, output: Output) -> EventRecord | None:
        if raw is None:
            return None
        try:
            return event_reader.read(raw)
        except UnreadableError as error:
            self._refuse(output, offset, error.reason, str(error), raw)
            return None

    def _refuse(self, output: Output, offset: int, reason: Reason, detail: str, raw: bytes | None) -> None:
        if offset > self.restored:
            output.refused.append(Refused(offset, reason, detail, raw or b""))

    def shard_of(self, region: str) -> RegionShard:
        """Give the state of a region; one that the directory does not know begins with its first event."""
        shard = self.shards.get(region)
        if shard is None:
            shard = self.shards[region] = self._shard(region, 0, 1)
            shard.windows.minute = self.position.closed_to - 1
        elif region in self.to_begin:
            self.to_begin.remove(region)
            shard.advance(self.position.closed_to - 1)
        return shard

    def _begun(self) -> list[tuple[str, RegionShard]]:
        """Give the regions that have begun, with their shards."""
        self.opened.gather()  # a region begins with its first event
        return [(name, shard) for name, shard in self.shards.items() if name not in self.to_begin]

    def _shard(self, region: str, shard: int, shards: int) -> RegionShard:
        settings = self.settings
        shape = Shape(region, shard, shards, settings.horizon)
        return RegionShard(shape, settings.campaigns_of, settings.definitions.get(region, {}))

    def _late(self, event: Event, minute: int, offset: int, raw: bytes | None, output: Output) -> None:
        if offset <= self.restored:
            return  # the table holds what came of it
        if event.region not in self.shards:
            self.opened.gather()  # regions begin in the order of their first events
        shard = self.shard_of(event.region)
        self.opened.link(event.actor, shard.people)
        if minute < self.position.closed_to - self.settings.horizon:
            shard.refuse(offset)
            self._refuse(output, offset, "too_late", "its minute is past the horizon", raw)
        else:
            self.position.clock.learn(event.source, event.region)
            shard.revise(event, minute, offset)

    def _beat(self, heartbeat: Heartbeat, offset: int, output: Output) -> None:
        position, clock = self.position, self.position.clock
        before = clock.now // MINUTE
        changed = clock.beat(heartbeat)
        for one in changed:
            if one.shown == "ended":
                position.ended_at = max(position.ended_at, one.complete_to - one.lateness)
        bound = clock.closes_to(position.ended_at) // MINUTE
        if position.closed_to == UNSET:
            self._begin(heartbeat.source, bound, offset, output)
        if UNSET < position.closed_to < bound:
            self._close(bound, offset, output)
        elif clock.now // MINUTE > before:  # time may be held back for long by a source that tells the past
            self._revise(offset, output)
        if changed:
            self._announce({one.source for one in changed}, offset, output)

    def _begin(self, source: str, bound: int, offset: int, output: Output) -> None:
        """Let time begin with the first minute that has events, once no source is awaited that may tell the past."""
        self.awaited = self.position.clock.awaited(source, self.settings.sources, self.settings.patience)
        if self.awaited or bound <= 0:
            return  # a source whose time is 0 has not begun
        self.opened.gather()
        begin = bound
        for minute in reversed(self.opened.closing(bound)):
            if begin - minute > ALONE:
                self._refuse_minute(minute, offset, output)
            else:
                begin = minute
        self.position.closed_to = begin
        self.position.clock.heard.clear()
        for shard in self.shards.values():
            shard.windows.minute = begin - 1

    def _refuse_minute(self, minute: int, offset: int, output: Output) -> None:
        first = self.opened.first[minute]
        for region, events in self.opened.drop(minute).items():
            count = len(events.codes)
            for _ in range(count):
                self.shard_of(region).refuse(offset)
            told = f"{count} events of one minute of {region}, the first of them here, are a year before all others"
            output.refused.append(Refused(first, "too_late", told, b""))

    def _revise(self, offset: int, output: Output) -> None:
        """Publish the minutes that late events have changed."""
        for name, shard in self._begun():
            if shard.unpublished:
                self._publish(output, shard.revisions(offset, self.position.clock.states(name)))

    def _publish(self, output: Output, records: Iterable[Activity | SourceChange]) -> None:
        output.published.extend(records)
        output.closed_to.extend([self.position.closed_to] * (len(output.published) - len(output.closed_to)))

    def _announce(self, sources: set[str], offset: int, output: Output) -> None:
        clock = self.position.clock
        for name, shard in self._begun():
            states = clock.states(name)
            if sources & states.keys() or any(source not in clock.sources for source in sources):
                change = SourceChange(
                    region=name,
                    clock=clock.now,
                    watermark=self.position.closed_to * MINUTE,
                    sources=states,
                    shard=shard.shape.shard,
                    shards=shard.shape.shards,
                    offset=offset,
                )
                self._publish(output, [change])

    def _close(self, bound: int, offset: int, output: Output) -> None:
        """Close the minutes before `bound` in all regions, publish late revisions, merge what has aged."""
        position = self.position
        clock = position.clock
        self.opened.gather()
        minutes = self.opened.closing(bound)
        for minute in minutes:
            for region, events in self.opened.minutes[minute].items():
                events.distinct()
                for source in events.source_names():
                    clock.learn(source, region)
        for name, shard in self._begun():
            states = clock.states(name)
            self._publish(output, shard.revisions(offset, states))
            done = position.closed_to
            for minute in minutes:
                of_region = self.opened.minutes[minute].get(name)
                if of_region is not None:
                    activity = shard.close(minute, of_region, offset, states)
                    if activity is not None:
                        activity.span = minute - done + 1
                        self._publish(output, [activity])
                    done = minute + 1
            if done < bound:
                self._publish(output, [shard.pass_empty(bound - 1, bound - done, states)])
        for minute in minutes:
            self.opened.drop(minute)
        position.closed_to = bound

    def shards_in_order(self) -> Iterator[RegionShard]:
        """Give the region shards in a fixed order."""
        for name in sorted(self.shards):
            yield self.shards[name]
