"""Where a region's events stand: the partition of a region, and of each of its shards.

The hash is murmur2 as Kafka's own clients compute it (Austin Appleby's MurmurHash2, 32 bits, with the seed of
org.apache.kafka.common.utils.Utils), so that any producer with the default partitioner agrees.
"""

from __future__ import annotations

from typing import Final

_SEED: Final = 0x9747B28C
_MULTIPLIER: Final = 0x5BD1E995
_WORD: Final = 0xFFFFFFFF
_POSITIVE: Final = 0x7FFFFFFF


def murmur2(data: bytes) -> int:
    """Hash `data` to 32 bits, unsigned."""
    length = len(data)
    whole = length & ~3
    hashed = (_SEED ^ length) & _WORD
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * _MULTIPLIER & _WORD
        word = (word ^ word >> 24) * _MULTIPLIER & _WORD
        hashed = hashed * _MULTIPLIER & _WORD ^ word
    if whole < length:
        hashed = (hashed ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _WORD
    hashed = (hashed ^ hashed >> 13) * _MULTIPLIER & _WORD
    return hashed ^ hashed >> 15


def partition_of_region(region: str, partitions: int) -> int:
    """Give the partition of a region that has one shard, and of shard 0 of one that has several."""
    return (murmur2(region.encode()) & _POSITIVE) % partitions


def shards_in(shards: int, partitions: int) -> int:
    """Give how many of the wished `shards` there can be: each has a partition of its own."""
    return min(shards, partitions)


def shard_of(region: str, actor: str, shards: int) -> int:
    """Give the shard, from 0, in which a region's actor is counted; `shards` is that of `shards_in`."""
    if shards == 1:
        return 0
    return (murmur2(f"{region}\0{actor}".encode()) & _POSITIVE) % shards


def partition_of(region: str, actor: str, shards: int, partitions: int) -> int:
    """Give the partition of an event: its region's, or that of its actor's shard, which follow one another."""
    first = partition_of_region(region, partitions)
    shards = shards_in(shards, partitions)
    return first if shards == 1 else (first + shard_of(region, actor, shards)) % partitions


def shard_at(region: str, partition: int, shards: int, partitions: int) -> int | None:
    """Give which shard of the region stands in `partition`; None where none does."""
    shard = (partition - partition_of_region(region, partitions)) % partitions
    return shard if shard < shards_in(shards, partitions) else None
