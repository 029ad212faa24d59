"""Made-up directories, configurations and statuses of regions, for the tests of whatever shows them."""

from __future__ import annotations

from typing import Any

from ops.exporter.known import Known
from schemas.activity import CAMPAIGN_PREFIX, WHOLE, SourceState
from schemas.config import Campaign, Config
from schemas.directory import Directory, Region
from schemas.regions import Evidence, RegionStatus, ReleasedWindow

NOW_MS = 1_780_000_000_000
MINUTE = NOW_MS // 60_000


def window(people: int = 40, **changes: Any) -> ReleasedWindow:
    """A series with `people` in each rolling window, twice as many events, and some of each kind."""
    counts = {
        "actors": (people,) * 4,
        "returning": (people // 2,) * 4,
        "events": (people * 2,) * 4,
        "posts": (people,) * 4,
        "replies": (7,) * 4,
        "reshares": (0,) * 4,
    }
    return ReleasedWindow(**{**counts, **changes})


def status(region: str, **changes: Any) -> RegionStatus:
    """A region in full health, but for `changes`."""
    values: dict[str, Any] = {
        "region": region,
        "minute": MINUTE,
        "verdict": "active",
        "since": NOW_MS - 3_600_000,
        "reason": "posts as usual",
        "watermark": NOW_MS - 120_000,
        "clock": NOW_MS,
        "headcount": 350,
        "last_event_at": NOW_MS - 30_000,
        "events_total": {"post": 900, "reply": 120, "view": "hidden"},
        "windows": {WHOLE: window(), f"{CAMPAIGN_PREFIX}spring": window(15), "picnic": window(20)},
        "labels": {"picnic": "PicNic"},
        "sources": {"chat": SourceState(status="ok", since=NOW_MS - 7_200_000, complete_to=NOW_MS - 1_000)},
        "evidence": Evidence(empty_seconds=30, expected_events=1.5, odds=2, threshold=9, promised_detection_seconds=60),
        "duplicates": 3,
        "late": 2,
        "too_late": 1,
    }
    return RegionStatus(**{**values, **changes})


def known(*regions: str, config: Config | None = None, **more: Any) -> Known:
    """What an exporter knows that has read an empty log to its end, with `regions` in the directory."""
    config = config or Config(source=({"kind": "http", "name": "chat"},), campaign=(Campaign("spring", ("spring",)),))
    directory = Directory(region=tuple(Region(name=name, title=name.title(), team="people") for name in regions))
    made = Known(config, directory, **more)
    made.note(broker_up=True, caught_up=True)
    return made
