"""Reads the histories of regions back from the topic `activity`."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final
from zlib import crc32

import msgspec
from msgspec import Struct

from ops.one_partition import open_topic
from schemas.topics import ACTIVITY
from streams.errors import OperatorError
from streams.kafka import plain_errors, topic_name
from streams.measures.silence.explain import Minute
from streams.measures.silence.settings import SAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.config import Config

PATIENCE_MS: Final = 1_000


class _Source(Struct):
    status: str


class _Brief(Struct):
    """The few fields of Activity that matter here; `type` is empty or `activity` for one."""

    region: str
    minute: int = -1
    events: int = 0
    shard: int = 0
    shards: int = 1
    span: int = 1
    sources: dict[str, _Source] = msgspec.field(default_factory=dict)


_decode = msgspec.json.Decoder(_Brief).decode


def gather(values: Iterable[bytes | None], wanted: str) -> dict[str, list[Minute]]:
    """Make histories of raw values, oldest first: the wanted region's, and those of the regions that make the pool.

    Only the first revision of a minute counts, as it does live; shards are summed. What can't be read is left out: the
    region agent puts it into the dead letters.
    """
    last: dict[tuple[str, int], int] = {}
    minutes: dict[str, dict[int, list[_Brief]]] = defaultdict(lambda: defaultdict(list))
    for value in values:
        try:
            one = _decode(value or b"")
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if one.minute > last.get((one.region, one.shard), -1):
            last[one.region, one.shard] = one.minute
            minutes[one.region][one.minute].append(one)
    others = sorted((name for name in minutes if name != wanted), key=lambda name: (crc32(name.encode()), name))
    kept = ([wanted] if wanted in minutes else []) + others[:SAMPLE]
    return {
        name: [
            Minute(
                minute,
                sum(part.events for part in parts),
                all(part.sources and all(one.status != "down" for one in part.sources.values()) for part in parts),
                min(part.span for part in parts),
            )
            for minute, parts in sorted(minutes[name].items())
            if len(parts) == parts[0].shards
        ]
        for name in kept
    }


async def read_histories(config: Config, region: str) -> dict[str, list[Minute]]:
    """Read the whole topic once, up to where it ends now. Raises OperatorError where Kafka can't be reached."""
    topic = topic_name(config.topics, ACTIVITY)
    values: list[bytes | None] = []
    async with open_topic(config, topic) as (consumer, partition, beginning, end):
        with plain_errors(f"the topic {topic}"):
            consumer.seek(partition, beginning)
            while await consumer.position(partition) < end:
                found = await consumer.getmany(partition, timeout_ms=PATIENCE_MS)
                values.extend(record.value for records in found.values() for record in records)
    histories = gather(values, region)
    if region not in histories:
        raise OperatorError(
            f"a history of the region {region}", f"the topic {topic} has none", "check the region's name", retry=False
        )
    return histories
