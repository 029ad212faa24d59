"""One line for each campaign: how far it is, of what its regions show, and when it will be there."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from streams.measures.campaigns import NO_END, status_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from schemas.config import Campaign
    from schemas.regions import RegionStatus
    from streams.measures.campaigns import CampaignStatus


def lines(campaigns: Sequence[Campaign], statuses: Iterable[RegionStatus], group: int) -> Iterator[str]:
    """Tell of each campaign of which something is known; `group` is the step of release."""
    known = list(statuses)
    for campaign in campaigns:
        status = status_of(campaign, known, group)
        if status is not None:
            yield f"campaign {campaign.title or campaign.name}: {'; '.join(_told(status))}"


def _told(status: CampaignStatus) -> Iterator[str]:
    reached = status.people if status.measure == "people" else status.posts
    since = "" if status.period.begins else " since the beginning"
    so_far = f"at least {reached.low:,}" if reached.low else "too few to show" if reached.high else "no"
    if not status.target:
        yield f"{so_far} {status.measure}{since}"
        return
    yield f"{so_far} of {status.target:,} {status.measure}{since} ({reached.low / status.target:.0%})"
    if status.period.begins and status.period.ends < NO_END and status.pace is not None:
        yield f"{status.pace.planned:.0%} of its days are gone"
    if status.projection is not None and reached.low < status.target:
        first, last = (_day(status.as_of, days) for days in (status.projection.earliest, status.projection.latest))
        if first:
            yield f"will be there between {first} and {last}" if last else f"will be there on {first} at the earliest"
        else:
            yield "will not be there within a year"


def _day(as_of: int, days: int | None) -> str:
    if days is None:
        return ""
    return (dt.datetime.fromtimestamp(as_of * 60, dt.UTC) + dt.timedelta(days=days)).strftime("%d %b")
