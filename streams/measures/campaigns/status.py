"""The status of a campaign over all its regions: a function of what is released of each, and of nothing else."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

from streams.measures.campaigns.book import MINUTE_MS, NO_END, Period, concerns, target
from streams.measures.campaigns.pace import Pace, Point, pace
from streams.measures.campaigns.projection import Projection, project
from streams.measures.campaigns.reached import Reached, reached
from streams.measures.campaigns.standing import Part, Standing, standings
from streams.measures.privacy import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schemas.config import Campaign
    from schemas.regions import CampaignDay, RegionStatus, ReleasedCampaign

DAY: Final = 1_440
Measure = Literal["people", "posts"]


class CampaignStatus(Struct, frozen=True):
    """How a campaign stands. `target` (0 without a goal) and the pace are in its `measure`.

    `period` is that of its regions together, in minutes. `as_of` is the minute of the last day's figures, on which pace
    and projection rest; 0 before any. Both are None where they can't be told: without a last day, before enough days.
    """

    measure: Measure
    people: Reached
    posts: Reached
    target: int
    period: Period
    as_of: int = 0
    pace: Pace | None = None
    projection: Projection | None = None
    standings: tuple[Standing, ...] = ()


def status_of(campaign: Campaign, statuses: Iterable[RegionStatus], group: int) -> CampaignStatus | None:
    """Give the status of a campaign from the last status of each region; None where none of them tells of it yet.

    `group` is the step of release.
    """
    regions = {
        status.region: (status, status.campaigns[campaign.name])
        for status in statuses
        if campaign.name in status.campaigns and concerns(campaign, status.region)
    }
    if not regions:
        return None
    parts = [part for _, part in regions.values()]
    measure: Measure = "posts" if campaign.goal.posts else "people"
    heads = [status.headcount for status, _ in regions.values()]
    headcount = sum(count for count in heads if count != HIDDEN)
    wanted = target(campaign.goal, headcount)
    period = Period(min(part.begins for part in parts), max(part.ends for part in parts))
    points = daily(parts, measure, period, group)
    pool = headcount if measure == "people" and HIDDEN not in heads else 0
    over = bool(points) and points[-1].minute >= period.ends
    dated = period.begins > 0 and period.ends < NO_END
    return CampaignStatus(
        measure=measure,
        people=reached((part.people for part in parts), group, of_people=True),
        posts=reached((part.posts for part in parts), group, of_people=False),
        target=wanted,
        period=period,
        as_of=points[-1].minute if points else 0,
        pace=pace(points, wanted, period) if period.ends < NO_END else None,
        projection=None if over else project(points, wanted, pool),
        standings=_standings(regions, wanted, group, measure) if dated and wanted else (),
    )


def daily(parts: Iterable[ReleasedCampaign], measure: Measure, period: Period, group: int) -> list[Point]:
    """Add up the days that every region tells of (those that tell of none left out), from the campaign's begin on.

    A day's figures are those at its begin, so the day on which the campaign begins is the first and nobody is in it. A
    day that time leapt over in a region, as in an archive, has the figures of the day before: at least so many.
    """
    told = [part.days for part in parts if part.days]
    if not told:
        return []
    first = max(period.begins // DAY, *(days[0].day for days in told))
    last = min(-(-period.ends // DAY), *(days[-1].day for days in told))
    by_day = [_without_gaps(days) for days in told]
    return [
        Point(
            day * DAY, reached((getattr(days[day], measure) for days in by_day), group, of_people=measure == "people")
        )
        for day in range(first, last + 1)
    ]


def _without_gaps(days: Sequence[CampaignDay]) -> dict[int, CampaignDay]:
    """Give the figures by day; of a day between two that has none, those of the one before."""
    found: dict[int, CampaignDay] = {}
    for one, after in pairwise([*days, days[-1]]):
        found |= dict.fromkeys(range(one.day, max(after.day, one.day + 1)), one)
    return found


def _standings(
    regions: Mapping[str, tuple[RegionStatus, ReleasedCampaign]], wanted: int, group: int, measure: Measure
) -> tuple[Standing, ...]:
    parts = {
        name: Part(
            shown=getattr(part, measure),
            headcount=status.headcount,
            planned=Period(part.begins, part.ends).planned(status.watermark // MINUTE_MS),
        )
        for name, (status, part) in regions.items()
    }
    return tuple(standings(parts, wanted, group, of_people=measure == "people"))
