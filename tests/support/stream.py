"""A stream of events and heartbeats with everything that makes counting hard, remembered as it was produced."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from schemas.codec import encode
from schemas.events import Event, Heartbeat
from streams.kafka import make_producer, topic_name
from streams.measures.partitioning import partition_of
from tests.support import truth
from tests.support.line import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import AIOKafkaProducer

    from tests.support.line import Line
    from tests.support.truth import Counts

REGIONS = ["granada", "jun", "tokyo", "oslo", "lima", "quito"]
SHARDS = {"tokyo": 3}
SHARD_COUNT = len(REGIONS) + 2
BEGIN = 29_000_000
"""First minute of the stream (since the epoch)."""
MINUTE = 60_000
LATENESS = 2 * MINUTE
HORIZON = 7 * 1_440
SOURCES = {"chat": REGIONS[:4], "posts": REGIONS[2:]}
RUBBISH = [b"", b"not json", b'{"type":"event","v":2}', b"\xff\xfe", b"[]", b'{"type":"event","v":9}']
KINDS = ("post", "post", "reply", "reshare", "reaction", "view", "open")


class Wire(NamedTuple):
    """A record for a partition of `events`."""

    partition: int
    key: bytes | None
    value: bytes | None


class Stream:
    """Makes a stream minute by minute; equal seeds give equal ones.

    Of the events 3 % are repeated within the minute and 1 % long after, 2 % come minutes or hours late, some past the
    horizon, some from the future; a few are unreadable. Sources take turns and beat twice a minute.
    """

    def __init__(self, seed: int, events_a_minute: int = 200) -> None:
        self._chance = random.Random(seed)
        self._rate = events_a_minute
        self._made = 0
        self._elder: list[Event] = []
        self.minute = BEGIN
        self.events: list[Event] = []
        self.repeats = 0
        self.refused = {"rubbish": 0, "future": 0, "too_late": 0}

    def minutes(self, count: int) -> list[Wire]:
        """Make the next minutes: their events, a little out of order, then heartbeats that say that they are sent."""
        wires = self._beats(self.minute * MINUTE)  # without any, no event is from the future
        for _ in range(count):
            wires += self._half(0)
            wires += self._half(1)
            self.minute += 1
        return wires

    def end(self) -> list[Wire]:
        """Close every minute so far."""
        self.minute += 10
        return self._beats(self.minute * MINUTE)

    @property
    def last(self) -> int:
        """The last minute that is closed after `end`."""
        return self.minute - LATENESS // MINUTE - 1

    def counts(self) -> Counts:
        """Give what the stream so far comes to, by the oracle."""
        return truth.count(self.events)

    # -- the making

    def _half(self, half: int) -> list[Wire]:
        chance = self._chance
        begin = self.minute * MINUTE + half * MINUTE // 2
        timed: list[tuple[float, Wire]] = []
        for _ in range(self._rate // 2):
            at = begin + chance.randrange(MINUTE // 2)
            event = self._event(at - self._delay())
            timed.append((at + chance.uniform(0, 30_000), self._wire(event)))
            self.events.append(event)
            self._elder.append(event)
            if chance.random() < 0.03:
                timed.append((at + chance.uniform(0, 30_000), self._wire(event)))
                self.repeats += 1
            if chance.random() < 0.01:
                timed.append((at, self._wire(chance.choice(self._elder))))
                self.repeats += 1
            if chance.random() < 0.005:
                timed.append((at, self._odd(at)))
        return [wire for _, wire in sorted(timed, key=lambda one: one[0])] + self._beats(begin + MINUTE // 2)

    def _delay(self) -> int:
        chance = self._chance.random()
        if chance < 0.01:
            return self._chance.randrange(3 * MINUTE, 20 * MINUTE)
        return self._chance.randrange(20 * MINUTE, 600 * MINUTE) if chance < 0.02 else 0

    def _event(self, at: int) -> Event:
        chance = self._chance
        self._made += 1
        source = chance.choice(list(SOURCES))
        region = chance.choice(SOURCES[source])
        tags = tuple({f"tag{int(20 * chance.random() ** 3)}" for _ in range(chance.randrange(4))})
        return Event(
            id=f"event-{self._made}",
            at=at,
            region=region,
            actor=f"{region}-{int(400 * chance.random() ** 2)}",
            kind=chance.choice(KINDS),
            source=source,
            tags=tags,
            labels=tuple(tag.upper() for tag in tags) if chance.random() < 0.5 else (),
            role="bot" if chance.random() < 0.02 else "person",
        )

    def _odd(self, at: int) -> Wire:
        """Make a record that must change no count."""
        chance = self._chance
        what = chance.randrange(4)
        if what == 0:
            self.refused["future"] += 1
            return self._wire(self._event(at + 3_600_000))
        if what == 1 and self.minute > BEGIN + 5:
            self.refused["too_late"] += 1
            return self._wire(self._event(at - (HORIZON + 60) * MINUTE))
        if what == 2:
            return Wire(chance.randrange(PARTITIONS), b"tombstone", None)
        self.refused["rubbish"] += 1
        return Wire(chance.randrange(PARTITIONS), None, chance.choice(RUBBISH))

    def _beats(self, clock: int) -> list[Wire]:
        beats = [
            encode(Heartbeat(source=source, status="ok", clock=clock, complete_to=clock, lateness=LATENESS))
            for source in SOURCES
        ]
        return [Wire(partition, None, beat) for beat in beats for partition in range(PARTITIONS)]

    def _wire(self, event: Event) -> Wire:
        partition = partition_of(event.region, event.actor, SHARDS.get(event.region, 1), PARTITIONS)
        return Wire(partition, event.region.encode(), encode(event))


async def produce(line: Line, wires: Sequence[Wire], producer: AIOKafkaProducer | None = None) -> None:
    """Write records to `events`, in order; when this returns Kafka has them all."""
    topic = topic_name(line.topics, "events")
    if producer is None:
        async with make_producer(line.kafka) as own:
            await produce(line, wires, own)
        return
    sent = [await producer.send(topic, wire.value, key=wire.key, partition=wire.partition) for wire in wires]
    for one in sent:
        await one
