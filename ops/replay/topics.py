"""What can be replayed, and how far back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from ops.replay.times import told
from schemas.activity import WINDOWS
from schemas.topics import ACTIVITY, ALERTS, EVENTS, REGIONS, TOPICS
from streams.kafka import topic_name
from streams.replay.stretch import find_stretches

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.config import Config
    from streams.replay.plan import Stretch

FOR: dict[str, str] = {
    EVENTS: "what a replay reads",
    ACTIVITY: "what --verify compares with",
    REGIONS: "the same, the latest",
    ALERTS: "what --verify compares with",
}


async def look(config: Config) -> dict[str, dict[int, Stretch]]:
    """Give where each topic begins and ends. Raises OperatorError."""
    return {name: await find_stretches(config, name, 0) for name in FOR}


async def records_in(config: Config, topic: str) -> int:
    """Give how many records a topic has. Raises OperatorError."""
    return sum(one.stop - one.start for one in (await find_stretches(config, topic, 0)).values())


def table(config: Config, found: Mapping[str, Mapping[int, Stretch]], now: float) -> Table:
    """Draw it: partitions, records, and the time of ingest of the first record that every partition still has."""
    drawn = Table(box=None, pad_edge=False)
    for heading in ("topic", "partitions", "records", "since", "kept", "for"):
        drawn.add_column(heading, no_wrap=True)
    kept = {topic.name: topic.retention for topic in TOPICS}
    for name, stretches in found.items():
        begins = [one.begins_at for one in stretches.values() if one.begins_at >= 0]
        since = f"{told(max(begins) / 1000)} ({(now - max(begins) / 1000) / 86_400:.1f} d)" if begins else "empty"
        records = sum(one.stop - one.start for one in stretches.values())
        days = f"{kept[name] // 86_400_000} d" if kept[name] > 0 else "compacted"
        drawn.add_row(topic_name(config.topics, name), str(len(stretches)), f"{records:,}", since, days, FOR[name])
    return drawn


def complete_since(found: Mapping[str, Mapping[int, Stretch]]) -> list[str]:
    """Say from when on the counts of a replay are whole: a log that has lost its beginning needs a lead."""
    events = found[EVENTS].values()
    begins = [one.begins_at for one in events if one.begins_at >= 0]
    if not begins:
        return ["Nothing can be replayed yet."]
    since = max(begins) / 1000
    if not any(one.cut_off or one.start > 0 for one in events):
        return [f"The log has everything since its beginning, {told(since)}: a replay from there is whole."]
    whole = ", ".join(f"over {name} from {told(since + minutes * 60)}" for name, minutes in WINDOWS.items())
    return [f"The log has lost its beginning: counts are whole {whole}."]
