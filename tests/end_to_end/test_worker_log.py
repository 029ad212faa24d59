"""Logs that are not as simple as they could be: transactions, and a changelog that has lost its beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streams.kafka import client_arguments, make_producer, topic_name
from tests.support.exact import assert_exact
from tests.support.follow import Follow
from tests.support.line import PARTITIONS, Line
from tests.support.stream import REGIONS, SHARD_COUNT, SHARDS, Stream, produce

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300)]

CHANGELOGS = {"engagement-state": PARTITIONS, "region-state": 1}


async def test_transactions_are_read_when_committed_and_never_when_aborted_and_the_group_s_offsets_advance(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    stream, never = Stream(8), Stream(80)
    async with Line(tmp_path, kafka, topic_prefix, REGIONS, shards=SHARDS) as line:
        worker = line.worker()
        async with Follow(line, "activity", "deadletter") as follow:
            async with make_producer(line.kafka, transactional_id=f"{topic_prefix}writer") as producer:
                for _ in range(5):
                    async with producer.transaction():
                        await produce(line, stream.minutes(2), producer)
                    await producer.begin_transaction()
                    await produce(line, [*never.minutes(3), *never.end()], producer)
                    await producer.abort_transaction()
                async with producer.transaction():
                    await produce(line, stream.end(), producer)
            await follow.until_closed(stream.last, SHARD_COUNT, worker)
            await follow.to_end()
            assert_exact(follow, stream)
        await line.until_committed(worker, control_records=1)
        assert await worker.stop() < 60


async def _held(line: Line, topic: str, partition: int) -> tuple[int, dict[bytes, int], int]:
    """Read a partition: how many records it holds, the last offset of each key, and its end."""
    place = TopicPartition(topic_name(line.topics, topic), partition)
    async with AIOKafkaConsumer(**client_arguments(line.kafka), auto_offset_reset="earliest") as consumer:
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        await consumer.seek_to_beginning(place)
        held, last = 0, {}
        while await consumer.position(place) < end:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                held += len(records)
                last |= {record.key: record.offset for record in records}
        return held, last, end


async def _configure(admin: AIOKafkaAdminClient, topic: str, **settings: str) -> None:
    await admin.alter_configs(
        [
            ConfigResource(
                ConfigResourceType.TOPIC, topic, {name.replace("_", "."): one for name, one in settings.items()}
            )
        ]
    )


async def test_a_changelog_whose_beginning_was_removed_or_compacted_away_gives_the_whole_state(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    stream = Stream(4)
    async with Line(tmp_path, kafka, topic_prefix, REGIONS, shards=SHARDS) as line:
        worker = line.worker()
        async with Follow(line, "activity", "deadletter", "engagement-state") as follow:
            for _ in range(4):  # several flushes, so that entries are written again
                wanted = follow.count["engagement-state"] + 50
                await produce(line, stream.minutes(4))
                await follow.until(lambda wanted=wanted: follow.count["engagement-state"] > wanted, "a flush", worker)
            await worker.stop()

            admin = AIOKafkaAdminClient(**client_arguments(line.kafka))
            await admin.start()
            try:
                removed = 0
                for changelog, partitions in CHANGELOGS.items():
                    topic = topic_name(line.topics, changelog)
                    # what has been written again may go: as retention removes it, then as the cleaner does
                    await _configure(admin, topic, cleanup_policy="compact,delete")
                    for partition in range(partitions):
                        _, last, end = await _held(line, changelog, partition)
                        before = min(last.values(), default=end)
                        await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before)})
                        removed += before
                    await _configure(
                        admin,
                        topic,
                        cleanup_policy="compact",
                        min_cleanable_dirty_ratio="0.001",
                        min_compaction_lag_ms="0",
                        segment_ms="100",
                    )
            finally:
                await admin.close()
            assert removed
            await produce(line, stream.minutes(4))
            worker = line.worker()
            await follow.until_closed(stream.minute - 3, SHARD_COUNT, worker)
            # the segment that is written to is never cleaned: the restarted worker has begun new ones
            compacted = False
            while not compacted:
                held, last, end = await _held(line, "engagement-state", 0)
                compacted = held < end / 2 or held < 1.5 * len(last)
                worker.check()
                await produce(line, stream.minutes(1))
            worker.kill()
            await produce(line, [*stream.minutes(2), *stream.end()])
            worker = line.worker()
            await follow.until_closed(stream.last, SHARD_COUNT, worker)
            await worker.stop()
            await follow.to_end()
            assert_exact(follow, stream)
