"""The table of topics: partitions, retention and cleanup of each, as docs/architecture.md explains them."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

DAY: Final = 86_400_000
MAXIMUM_BYTES: Final = 8 << 20
"""The largest batch of records that topics, brokers and producers take: an entry of a table may have several MB."""


class Topic(Struct, frozen=True):
    """One topic: `partitioned` ones have the setting topics.partitions, the others one. `retention` in ms, -1 for ever.

    `compaction_lag` (ms) is how long a stale record stays beside the good one in a compacted topic.
    """

    name: str
    cleanup: Literal["delete", "compact"]
    retention: int
    about: str
    partitioned: bool = False
    compaction_lag: int = 0

    def settings(self) -> dict[str, str]:
        """Give the topic's configuration in Kafka's own names."""
        base = {
            "cleanup.policy": self.cleanup,
            "retention.ms": str(self.retention),
            "max.message.bytes": str(MAXIMUM_BYTES),
        }
        if self.cleanup == "compact":
            base |= {"min.compaction.lag.ms": str(self.compaction_lag)}
        return base


EVENTS: Final = "events"
ACTIVITY: Final = "activity"
REGIONS: Final = "regions"
ALERTS: Final = "alerts"
DEADLETTER: Final = "deadletter"
ENGAGEMENT_STATE: Final = "engagement-state"
REGION_STATE: Final = "region-state"

HOUR: Final = DAY // 24

TOPICS: Final[tuple[Topic, ...]] = (
    Topic(EVENTS, "delete", 30 * DAY, "what people did, and the heartbeats of the sources", partitioned=True),
    Topic(ACTIVITY, "delete", 30 * DAY, "the whole roll-up of each region and minute"),
    Topic(REGIONS, "compact", -1, "what may be released of each region, the latest"),
    Topic(ALERTS, "delete", 365 * DAY, "every change of verdict, for the record"),
    Topic(DEADLETTER, "delete", 14 * DAY, "inputs that were refused, sealed, with the reason"),
    Topic(
        ENGAGEMENT_STATE,
        "compact",
        -1,
        "changelog of the engagement agent's state",
        partitioned=True,
        compaction_lag=HOUR,
    ),
    Topic(REGION_STATE, "compact", -1, "changelog of the region agent's state", compaction_lag=HOUR),
)
