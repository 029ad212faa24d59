"""Follows topics of a line as they grow, and keeps of `activity` what a consumer that upserts would know."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.activity import Activity, ActivityRecord
from schemas.codec import Reader
from schemas.deadletter import DeadLetter
from schemas.regions import RegionStatus, Transition
from schemas.topics import ACTIVITY, ALERTS, DEADLETTER, EVENTS, REGIONS
from streams.kafka import client_arguments, topic_name
from tests.support.line import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.config import KafkaSettings, TopicSettings
    from tests.support.line import Watched
    from tests.support.truth import Counts

READERS: dict[str, Reader[Any]] = {
    ACTIVITY: Reader(ActivityRecord),
    ALERTS: Reader(Transition),
    DEADLETTER: Reader(DeadLetter),
    REGIONS: Reader(RegionStatus),
}


class Followed(Protocol):
    """A line, by where its Kafka is and how its topics are called."""

    kafka: KafkaSettings
    topics: TopicSettings


class Rolled:
    """The roll-ups of `activity`: of each minute of a shard the highest revision, of equal ones the first."""

    def __init__(self) -> None:
        self.minutes: dict[tuple[str, int, int], Activity] = {}
        self.closed: dict[tuple[str, int], int] = {}
        self.repeats = 0

    def take(self, one: Activity) -> None:
        """Take the next; what comes a second time must be the same, and no minute may be left out."""
        shard = one.region, one.shard
        known = self.minutes.get((*shard, one.minute))
        if known is not None and known.revision == one.revision:
            self.repeats += 1
            was = known.events, known.actors, known.kinds, known.series
            told = f"{one.region} minute {one.minute} revision {one.revision} a second time"
            assert (one.events, one.actors, one.kinds, one.series) == was, told
        elif known is None or one.revision > known.revision:
            self.minutes[*shard, one.minute] = one
        if one.revision:
            return
        if shard in self.closed:
            assert one.minute - one.span <= self.closed[shard], f"{one.region}: minutes before {one.minute} left out"
        self.closed[shard] = max(self.closed.get(shard, -1), one.minute)

    def closed_to(self, shards: int) -> int:
        """Give the last minute that all `shards` have closed; -1 while some have closed none."""
        return min(self.closed.values()) if len(self.closed) == shards else -1

    def counts(self) -> Counts:
        """Give events and people of every series and minute, of all shards of a region together."""
        found: Counts = {}
        for one in self.minutes.values():
            whole = {"": (one.events, one.actors)} if one.events else {}
            tags = {name: (series.events, series.actors) for name, series in one.series.items()}
            for name, (events, people) in {**whole, **tags}.items():
                before = found.get((one.region, name, one.minute), (0, 0))
                found[one.region, name, one.minute] = before[0] + events, before[1] + people
        return found

    def last(self) -> list[Activity]:
        """Give the latest minute of each shard, whose totals are about all that came before."""
        return [self.minutes[*shard, minute] for shard, minute in self.closed.items()]


class Follow:
    """Reads topics of a line from their beginnings to their growing ends; what `regions` has is kept by region."""

    def __init__(self, line: Followed, *topics: str) -> None:
        self._names = {topic_name(line.topics, topic): topic for topic in topics}
        self._consumer = AIOKafkaConsumer(
            **client_arguments(line.kafka), auto_offset_reset="earliest", isolation_level="read_committed"
        )
        self.rolled = Rolled()
        self.statuses: dict[str, RegionStatus] = {}
        self.transitions: list[Transition] = []
        self.letters: list[DeadLetter] = []
        self.raw: list[bytes] = []
        """The values of `events`."""
        self.count = dict.fromkeys(topics, 0)

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        places = [
            TopicPartition(name, partition)
            for name in self._names
            for partition in await self._consumer._client._wait_on_metadata(name)
        ]
        self._consumer.assign(places)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def more(self) -> None:
        """Take what has come."""
        for place, records in (await self._consumer.getmany(timeout_ms=50)).items():
            topic = self._names[place.topic]
            self.count[topic] += len(records)
            reader = READERS.get(topic)
            if topic == EVENTS:
                self.raw += [record.value for record in records if record.value]
            if reader is not None:
                for record in records:
                    self._take(reader.read(record.value))

    async def to_end(self) -> None:
        """Take everything that is there now."""
        places = list(self._consumer.assignment())
        ends = await self._consumer.end_offsets(places)
        while any([await self._consumer.position(place) < ends[place] for place in places]):
            await self.more()

    async def until(
        self, condition: Callable[[], object], what: str, *parts: Watched, within: float = PATIENCE
    ) -> None:
        """Take records until `condition` holds; fails when time is up, or when one of `parts` has ended."""
        end = time.monotonic() + within
        while not condition():
            await self.more()
            for part in parts:
                part.check()
            told = "".join(f"\n{part.name}: {part.output()[-2000:]}" for part in parts)
            assert time.monotonic() < end, f"waited {within:g} s for {what}{told}"

    async def until_closed(self, minute: int, shards: int, *parts: Watched) -> None:
        """Take records until every shard has closed `minute`."""
        await self.until(
            lambda: self.rolled.closed_to(shards) >= minute, f"{shards} shards to close minute {minute}", *parts
        )

    def _take(self, value: Any) -> None:
        if isinstance(value, Activity):
            self.rolled.take(value)
        elif isinstance(value, RegionStatus):
            self.statuses[value.region] = value
        elif isinstance(value, Transition):
            self.transitions.append(value)
        elif isinstance(value, DeadLetter):
            self.letters.append(value)
