"""What is shown of the campaigns: as they are configured, and how they stand by what is released of their regions."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, get_args

from ops.exporter import campaign_families as f
from schemas.events import UNASSIGNED
from streams.measures.campaigns import MOST, Place, status_of
from streams.measures.privacy import rules_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ops.exporter.known import Known
    from ops.exporter.regions import Sample
    from schemas.config import Campaign
    from schemas.regions import RegionStatus, Released
    from streams.measures.campaigns import Burn, CampaignStatus, Projection

MINUTE_SECONDS: Final = 60
DAY_SECONDS: Final = 86_400
PLACES: Final[tuple[Place, ...]] = get_args(Place)


def samples(known: Known) -> Iterator[Sample]:
    """Give every sample of the campaigns as a whole; how they stand only once the log has been read."""
    group = rules_of(known.config.privacy).group
    for name, campaign in known.campaigns.items():
        yield f.CAMPAIGN_INFO, (name, campaign.purpose, campaign.title or name), 1
        for region in campaign.regions or known.regions:
            if region in known.regions and region != UNASSIGNED:
                yield f.CAMPAIGN_REGION, (name, region), 1
        if campaign.start:
            yield f.CAMPAIGN_START, (name,), _midnight(campaign.start)
        if campaign.end:
            yield f.CAMPAIGN_END, (name,), _midnight(campaign.end + dt.timedelta(days=1))
        yield from _goal(name, campaign)
        if known.caught_up:
            status = status_of(campaign, known.statuses.values(), group)
            if status is not None:
                yield from _status(name, status)


def _goal(name: str, campaign: Campaign) -> Iterator[Sample]:
    for measure, value in (
        ("people", campaign.goal.people),
        ("posts", campaign.goal.posts),
        ("share", campaign.goal.share),
    ):
        if value:
            yield f.CAMPAIGN_GOAL, (name, measure), value


def _midnight(day: dt.date) -> float:
    return dt.datetime.combine(day, dt.time(), dt.UTC).timestamp()


def _status(name: str, status: CampaignStatus) -> Iterator[Sample]:
    for measure, so_far in (("people", status.people), ("posts", status.posts)):
        yield f.REACHED, ("least", name, measure), so_far.low
        yield f.REACHED, ("most", name, measure), so_far.high
    if status.target:
        yield f.TARGET, (name, status.measure), status.target
    if status.as_of:
        yield f.PACE_AS_OF, (name,), status.as_of * MINUTE_SECONDS
    if status.pace is not None:
        for window, burn in (("1d", status.pace.day), ("3d", status.pace.three_days), ("7d", status.pace.week)):
            yield from _burn(name, window, burn)
    if status.projection is not None:
        yield from _projection(name, status.projection, status.as_of)
    for standing in status.standings:
        for place in PLACES:
            yield f.STANDING, (name, standing.region, place.replace(" ", "_")), int(place == standing.place)


def _burn(name: str, window: str, burn: Burn | None) -> Iterator[Sample]:
    if burn is not None:
        yield f.BURN, (name, "likely", window), burn.likely
        yield f.BURN, (name, "sure", window), burn.sure


def _projection(name: str, projection: Projection, as_of: int) -> Iterator[Sample]:
    for bound, days in (
        ("earliest", projection.earliest),
        ("likely", projection.likely),
        ("latest", projection.latest),
    ):
        yield f.BEYOND, (bound, name), int(days is None)
        if days is not None:
            yield f.PROJECTED, (bound, name), as_of * MINUTE_SECONDS + days * DAY_SECONDS


def of_region(name: str, status: RegionStatus, campaigns: Collection[str]) -> Iterator[Sample]:
    """Give the samples of the campaigns in one region."""
    for campaign, released in sorted(status.campaigns.items()):
        if campaign not in campaigns:
            continue
        key = (campaign, name)
        yield from _counts(key, released.people, released.posts)
        if released.begins:
            yield f.COUNTED_FROM, key, released.counted_from * MINUTE_SECONDS
        for one in released.candidates[:MOST]:
            yield f.CANDIDATE_PEOPLE, (*key, one.tag), one.people
            yield f.CANDIDATE_SHARE, (*key, one.tag), one.share
            yield f.CANDIDATE_LIFT, (*key, one.tag), one.lift


def _counts(key: tuple[str, str], people: Released, posts: Released) -> Iterator[Sample]:
    if isinstance(people, int):
        yield f.SINCE_START_PEOPLE, key, people
    if isinstance(posts, int):
        yield f.SINCE_START_POSTS, key, posts
    yield f.SINCE_START_HIDDEN, key, int(not (isinstance(people, int) and isinstance(posts, int)))
