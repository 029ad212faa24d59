from __future__ import annotations

from collections import Counter

import pytest
from aiokafka.partitioner import murmur2 as of_a_client
from hypothesis import given
from hypothesis import strategies as st

from streams.measures.partitioning import murmur2, partition_of, partition_of_region, shard_at, shard_of, shards_in


@given(st.binary(max_size=64))
def test_the_hash_is_that_of_kafkas_clients(data: bytes) -> None:
    assert murmur2(data) == of_a_client(data) & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # Pairs of the test of Kafka's own org.apache.kafka.common.utils.Utils, which are signed there.
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_agrees_with_kafkas_published_pairs(data: bytes, expected: int) -> None:
    assert murmur2(data) == expected & 0xFFFFFFFF


@given(st.text(max_size=20), st.text(min_size=1, max_size=22), st.integers(1, 64), st.integers(1, 64))
def test_every_actor_stands_in_a_shard_that_knows_its_partition(
    region: str, actor: str, shards: int, partitions: int
) -> None:
    partition = partition_of(region, actor, shards, partitions)
    assert 0 <= partition < partitions
    assert shard_at(region, partition, shards, partitions) == shard_of(region, actor, shards_in(shards, partitions))


@given(st.text(max_size=20), st.integers(1, 64), st.integers(1, 64))
def test_a_region_has_each_of_its_shards_in_one_partition_of_its_own(region: str, shards: int, partitions: int) -> None:
    found = [shard_at(region, partition, shards, partitions) for partition in range(partitions)]
    assert Counter(shard for shard in found if shard is not None) == Counter(range(min(shards, partitions)))


def test_a_region_of_one_shard_keeps_all_its_actors_together() -> None:
    partitions = {partition_of("granada", f"actor-{number}", 1, 8) for number in range(100)}
    assert partitions == {partition_of_region("granada", 8)}


def test_shards_share_the_actors_about_equally() -> None:
    counts = Counter(partition_of("granada", f"actor-{number}", 4, 8) for number in range(4_000))
    assert len(counts) == 4
    assert all(850 < count < 1_150 for count in counts.values())
