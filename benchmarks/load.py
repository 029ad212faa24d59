"""The load that every contestant gets: two hours of a busy organisation, made from one seed, kept on disk.

`python -m benchmarks.load` makes it. What is made are schemas.events values as an ingest agent writes them: EVENTS
events of 40 regions whose sizes follow Zipf's law, by 200 thousand people whose diligence follows it too, with 500
tags; 5 % come up to 30 s out of order, 1 % are repeated by id, and two sources send a heartbeat into each partition
every 5 s of event time, until long enough after the last event for everything to be closed.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from msgspec import Struct
from numpy.typing import NDArray

from schemas.codec import encode
from schemas.events import KINDS, Event, Heartbeat, Kind
from schemas.topics import MAXIMUM_BYTES
from streams.ingest.producer import BATCH_BYTES
from streams.measures.partitioning import partition_of_region

if TYPE_CHECKING:
    from collections.abc import Iterator

WORK: Final = Path(__file__).parent / ".work"

EVENTS: Final = 2_000_000
REPEATED: Final = 0.01
LATE: Final = 0.05
LATE_BY: Final = 30_000
REPEATED_AFTER: Final = 60_000
PARTITIONS: Final = 8
REGIONS: Final = 40
PEOPLE: Final = 200_000
TAGS: Final = 500
MOST_TAGS: Final = 3
TAGS_PER_EVENT: Final = (0.15, 0.45, 0.28, 0.12)
BOTS: Final = 0.002
SPAN: Final = 7_200_000
BEGIN: Final = 1_780_300_800_000
"""2026-06-01 08:00 UTC, in ms."""
BEAT: Final = 5_000
CLOSING: Final = 240_000
"""For how long (ms) heartbeats go on after the last event: more than the lateness of 2 min."""
BEHIND: Final = 1_000
SOURCES: Final = ("mastodon-spain", "slack-headquarters")
KINDS_DRAWN: Final[dict[Kind, float]] = {
    "post": 0.16,
    "reply": 0.22,
    "reshare": 0.17,
    "reaction": 0.30,
    "request": 0.01,
    "recognised": 0.02,
    "view": 0.06,
    "delivered": 0.02,
    "open": 0.02,
    "click": 0.02,
}
NO_TAG: Final = -1
SEED: Final = 20_260_601

REGION_NAMES: Final = tuple(
    f"region-{number:02d}-{('north', 'south', 'east', 'west')[number % 4]}" for number in range(REGIONS)
)
TAG_NAMES: Final = tuple(
    f"{('safety', 'wellness', 'volunteering', 'green', 'welcome')[n % 5]}week{n:03d}" for n in range(TAGS)
)
TAG_LABELS: Final = tuple(name.capitalize().replace("week", "Week") for name in TAG_NAMES)


class Columns(Struct, frozen=True):
    """The events in the order of the log, as arrays of length EVENTS; `tags` of shape (EVENTS, MOST_TAGS).

    `original` numbers the distinct events, `at` and `sent` are ms, `kind` an index into schemas.events.KINDS,
    `tags` indices into TAG_NAMES or NO_TAG. Actors are numbered over all regions; nobody belongs to two.
    """

    original: NDArray[np.int64]
    at: NDArray[np.int64]
    sent: NDArray[np.int64]
    region: NDArray[np.int64]
    actor: NDArray[np.int64]
    bot: NDArray[np.bool_]
    kind: NDArray[np.int64]
    tags: NDArray[np.int64]


def zipf(rng: np.random.Generator, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Draw a rank from 0 to size - 1 for each of `sizes`, rank r with a probability in proportion to 1 / (r + 1)."""
    harmonic = np.cumsum(1 / np.arange(1, sizes.max() + 1))
    return np.searchsorted(harmonic, rng.random(len(sizes)) * harmonic[sizes - 1])


def make_columns() -> Columns:
    """Make the whole load as columns."""
    rng = np.random.default_rng(SEED)
    distinct = round(EVENTS * (1 - REPEATED))
    at = BEGIN + np.sort(rng.integers(0, SPAN, distinct))
    shares = 1 / np.arange(1, REGIONS + 1)
    people = np.maximum(1, (PEOPLE * shares / shares.sum()).astype(np.int64))
    region = zipf(rng, np.full(distinct, REGIONS))
    actor = zipf(rng, people[region]) + np.concatenate([[0], np.cumsum(people)])[region]
    kind = rng.choice([KINDS.index(kind) for kind in KINDS_DRAWN], distinct, p=list(KINDS_DRAWN.values()))
    tags = zipf(rng, np.full(distinct * MOST_TAGS, TAGS)).reshape(distinct, MOST_TAGS)
    tags[rng.choice(MOST_TAGS + 1, (distinct, 1), p=TAGS_PER_EVENT) <= np.arange(MOST_TAGS)] = NO_TAG
    for later in range(1, MOST_TAGS):
        for earlier in range(later):
            tags[tags[:, later] == tags[:, earlier], later] = NO_TAG
    sent = at + rng.integers(50, 1_000, distinct)
    late = rng.random(distinct) < LATE
    sent[late] = at[late] + rng.integers(1_000, LATE_BY, int(late.sum()))
    again = rng.choice(distinct, EVENTS - distinct, replace=False)
    original = np.concatenate([np.arange(distinct), again])
    sent = np.concatenate([sent, sent[again] + rng.integers(0, REPEATED_AFTER, len(again))])
    order = np.argsort(sent, kind="stable")
    original = original[order]
    bots = rng.random(int(people.sum())) < BOTS
    return Columns(
        original, at[original], sent[order], region[original], actor[original], bots[actor[original]], kind[original],
        tags[original],
    )  # fmt: skip


def pseudonym(purpose: str, number: int) -> str:
    """Make 22 characters, as an ingest agent's pseudonyms are."""
    digest = hashlib.blake2b(b"%d" % number, digest_size=16, person=purpose.encode()).digest()
    return base64.urlsafe_b64encode(digest)[:22].decode()


def encode_events(columns: Columns) -> Iterator[bytes]:
    """Give each event as it stands in `events`."""
    actors = [pseudonym("actor", number) for number in range(int(columns.actor.max()) + 1)]
    ids = [pseudonym("event", number) for number in range(int(columns.original.max()) + 1)]
    rows = zip(
        columns.original.tolist(), columns.at.tolist(), columns.region.tolist(), columns.actor.tolist(),
        columns.bot.tolist(), columns.kind.tolist(), columns.tags.tolist(), strict=True,
    )  # fmt: skip
    for original, at, region, actor, bot, kind, tags in rows:
        used = [tag for tag in tags if tag != NO_TAG]
        name = KINDS[kind]
        yield encode(
            Event(
                id=ids[original],
                at=at,
                region=REGION_NAMES[region],
                actor=actors[actor],
                kind=name,
                source=SOURCES[original % len(SOURCES)],
                tags=tuple([TAG_NAMES[tag] for tag in used]),
                labels=tuple([TAG_LABELS[tag] for tag in used]) if original % 8 else (),
                role="bot" if bot else "person",
                reference=ids[original // 2] if name != "post" else "",
                target=actors[(actor * 7 + original) % len(actors)] if name in {"reply", "reshare"} else "",
            )
        )


def heartbeats(until: int) -> list[tuple[int, bytes]]:
    """Give (clock, value) of every heartbeat from BEGIN until CLOSING after `until` (ms), in order."""
    return [
        (clock, encode(Heartbeat(source=source, status="ok", clock=clock, complete_to=clock - BEHIND)))
        for clock in range(BEGIN, until + CLOSING, BEAT)
        for source in SOURCES
    ]


@functools.cache
def columns_and_values() -> tuple[Columns, list[bytes]]:
    """Give the load, from the disk where it has been made before."""
    WORK.mkdir(exist_ok=True)
    made = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    arrays, values = WORK / f"load-{made}.npz", WORK / f"load-{made}.msgpack"
    if not values.exists():
        for old in WORK.glob("load-*"):
            old.unlink()
        columns = make_columns()
        encoded = list(encode_events(columns))
        with arrays.open("wb") as file:
            np.savez(file, **msgspec.structs.asdict(columns))
        values.with_suffix(".part").write_bytes(msgspec.msgpack.encode(encoded))
        values.with_suffix(".part").rename(values)
        return columns, encoded
    with np.load(arrays) as stored:
        columns = Columns(**stored)
    return columns, msgspec.msgpack.decode(values.read_bytes(), type=list[bytes])


def records(columns: Columns, values: list[bytes], count: int) -> Iterator[tuple[int, bytes | None, bytes]]:
    """Give (partition, key, value) of the first `count` events and the heartbeats between and after them, in order."""
    keys = [name.encode() for name in REGION_NAMES]
    partitions = [partition_of_region(name, PARTITIONS) for name in REGION_NAMES]
    beats = iter(heartbeats(int(columns.sent[count - 1])))
    clock, beat = next(beats)
    for region, sent, value in zip(
        columns.region[:count].tolist(), columns.sent[:count].tolist(), values[:count], strict=True
    ):
        while clock <= sent:
            for partition in range(PARTITIONS):
                yield partition, None, beat
            clock, beat = next(beats)
        yield partitions[region], keys[region], value
    for rest in [beat, *(value for _, value in beats)]:
        for partition in range(PARTITIONS):
            yield partition, None, rest


def records_of(columns: Columns, count: int) -> int:
    """Give how many records `records` gives."""
    return count + PARTITIONS * len(heartbeats(int(columns.sent[count - 1])))


async def make_topic(bootstrap: str, topic: str, partitions: int = PARTITIONS) -> None:
    """Create `topic` anew."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        if topic in await admin.list_topics():
            await admin.delete_topics([topic])
            while topic in await admin.list_topics():  # noqa: ASYNC110 - the broker has no event for it
                await asyncio.sleep(0.1)
        await admin.create_topics(
            [NewTopic(topic, partitions, 1, topic_configs={"max.message.bytes": str(MAXIMUM_BYTES)})]
        )
    finally:
        await admin.close()


async def produce(bootstrap: str, topic: str, count: int) -> None:
    """Write the first `count` events and their heartbeats into `topic`, in batches as large as ingest's."""
    columns, values = columns_and_values()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=2 * BATCH_BYTES, acks="all")
    await producer.start()
    # One open batch of each partition; one batch of each on its way, so that their order is that of the load.
    batches: list[Any] = [producer.create_batch() for _ in range(PARTITIONS)]
    under_way: list[Any] = [None] * PARTITIONS

    async def send(partition: int) -> None:
        if under_way[partition] is not None:
            await under_way[partition]
        under_way[partition] = await producer.send_batch(batches[partition], topic, partition=partition)
        batches[partition] = producer.create_batch()

    try:
        for partition, key, value in records(columns, values, count):
            batch = batches[partition]
            batch.append(timestamp=None, key=key, value=value)
            if batch.size() > BATCH_BYTES:
                await send(partition)
        for partition in range(PARTITIONS):
            await send(partition)
        await asyncio.gather(*under_way)
    finally:
        await producer.stop()


if __name__ == "__main__":
    started = time.perf_counter()
    _, made_values = columns_and_values()
    print(
        f"{len(made_values):,} events of {sum(map(len, made_values)) / len(made_values):.0f} bytes on average"
        f" in {time.perf_counter() - started:.1f} s"
    )
