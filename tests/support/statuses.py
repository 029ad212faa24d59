"""Made-up directories, configurations and statuses of regions, for the tests of whatever shows them."""

from __future__ import annotations

from typing import Any

from ops.exporter.known import Known
from schemas.activity import CAMPAIGN_PREFIX, WHOLE, SourceState
from schemas.config import Campaign, Config
from schemas.directory import Directory, Region
from schemas.regions import CampaignDay, Evidence, RegionStatus, Released, ReleasedCampaign, ReleasedWindow, TagTogether

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


def campaign(*people: Released, begins: int = 9, lasts: int = 30, **changes: Any) -> ReleasedCampaign:
    """A campaign that began `begins` days ago; `people` are those of the last days, one more post than people each."""
    today = MINUTE // 1_440
    days = [CampaignDay(today - len(people) + 1 + place, count, count) for place, count in enumerate(people)]
    first = (today - begins) * 1_440
    return ReleasedCampaign(
        **{
            "begins": first,
            "ends": first + lasts * 1_440,
            "people": people[-1],
            "posts": people[-1],
            "counted_from": first,
            "days": tuple(days),
            "candidates": (TagTogether("primavera", 20, 0.7, 3.0),),
            **changes,
        }
    )


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
        "campaigns": {"spring": campaign(0, 10, 10, 20, 20, 30, 30, 40, 40, 50)},
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
