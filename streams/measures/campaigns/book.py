"""Which campaigns there are: their tags, regions and days."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from streams.measures.days import day_begins
from streams.measures.hashtags import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.config import Campaign, Goal
    from schemas.directory import Region

MINUTE_MS: Final = 60_000
NO_END: Final = 253_402_300_800_000 // MINUTE_MS
"""The begin of the year 10000, in minutes since the epoch: the end of a campaign that has none."""


class Period(Struct, frozen=True):
    """The minutes (since the epoch) of a campaign in a region: [begins, ends)."""

    begins: int
    ends: int

    def planned(self, minute: int) -> float:
        """Give the share of the time that has gone by at `minute`, 0 to 1: the progress that is planned for it."""
        return min(1.0, max(0.0, (minute - self.begins) / (self.ends - self.begins)))


class Definition(Struct, frozen=True, array_like=True):
    """What is counted of a campaign in a region: events with one of `tags` (folded, sorted) in [begins, ends)."""

    tags: tuple[str, ...]
    begins: int
    ends: int

    @property
    def mark(self) -> str:
        """A short text that is another one for another definition."""
        text = " ".join([*self.tags, str(self.begins), str(self.ends)])
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def definitions(campaigns: Iterable[Campaign], region: Region) -> dict[str, Definition]:
    """Give what is counted in a region of each campaign that is for it."""
    found = {}
    for campaign in campaigns:
        if concerns(campaign, region.name):
            days = period(campaign, ZoneInfo(region.time_zone))
            found[campaign.name] = Definition(tags_of(campaign), days.begins, days.ends)
    return found


def tags_of(campaign: Campaign) -> tuple[str, ...]:
    """Give the folded tags of a campaign, each once, sorted."""
    return tuple(sorted({key for written in (*campaign.tags, *campaign.aliases) if (key := fold(written))}))


def campaigns_of(campaigns: Iterable[Campaign]) -> dict[str, tuple[str, ...]]:
    """Give the names of the campaigns to which each folded tag belongs; what is not a hashtag belongs to none."""
    found: dict[str, dict[str, None]] = {}
    for campaign in campaigns:
        for key in tags_of(campaign):
            found.setdefault(key, {})[campaign.name] = None
    return {key: tuple(names) for key, names in found.items()}


def concerns(campaign: Campaign, region: str) -> bool:
    """Tell whether the campaign is for the region; one that names none is for all."""
    return not campaign.regions or region in campaign.regions


def period(campaign: Campaign, zone: dt.tzinfo) -> Period:
    """Give the campaign's minutes in `zone`: from the begin of its first local day to the end of its last one."""
    begins = day_begins(campaign.start, zone) // MINUTE_MS if campaign.start else 0
    last = campaign.end
    ends = day_begins(last + dt.timedelta(days=1), zone) // MINUTE_MS if last and last < dt.date.max else NO_END
    return Period(begins, ends)


def target(goal: Goal, headcount: int) -> int:
    """Give what is to be reached, in people or posts; 0 where there is no goal, or a share of nobody known.

    A share is of `headcount` (people, as of today, of all the campaign's regions), rounded up: a goal is reached by
    whole people.
    """
    if goal.share:
        return -(-round(goal.share * 1_000_000) * headcount // 1_000_000)
    return goal.people or goal.posts
