"""What the fold of a partition is told besides the log: which regions stand in it, campaigns, the horizon, sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streams.measures.campaigns import campaigns_of, definitions
from streams.measures.engagement.fold import Settings
from streams.measures.partitioning import shard_at, shards_in

if TYPE_CHECKING:
    from schemas.config import Config
    from schemas.directory import Directory

MINUTES_A_DAY: Final = 1_440


def engagement_settings(partition: int, config: Config, directory: Directory) -> Settings:
    """Give what the engagement fold of a partition needs: its regions, the campaigns, the horizon, and the
    sources for whose first heartbeats time waits. The feeds of a simulation share a process and a clock.
    """
    partitions = config.topics.partitions
    mine = []
    for region in directory.region:
        shard = shard_at(region.name, partition, region.shards, partitions)
        if shard is not None:
            mine.append((region.name, shard, shards_in(region.shards, partitions)))
    return Settings(
        mine,
        campaigns_of(config.campaign),
        config.time.horizon_days * MINUTES_A_DAY,
        sources=[str(source.get("name")) for source in config.source if source.get("kind") != "simulated"],
        patience=round(config.time.start_seconds * 1000),
        definitions={region.name: definitions(config.campaign, region) for region in directory.region},
    )
