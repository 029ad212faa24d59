"""What is kept and shown of the campaigns of one region: their last days, and the tags that they might adopt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from schemas.activity import CAMPAIGN_PREFIX, WHOLE
from schemas.regions import CampaignDay, ReleasedCampaign, TagTogether
from streams.measures.campaigns import KEPT_DAYS, Definition, Used, adoptable
from streams.measures.privacy import HIDDEN, SinceStart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.activity import Activity
    from streams.measures.privacy import Release

DAY: Final = 1_440


class Kept(Struct, array_like=True):
    """What is remembered of a campaign besides the release: how it was defined, its daily figures, candidates."""

    definition: Definition
    counted_from: int
    days: tuple[CampaignDay, ...] = ()
    candidates: tuple[TagTogether, ...] = ()


def since_start(activity: Activity, definitions: Mapping[str, Definition]) -> dict[str, SinceStart]:
    """Give the exact figures, by series, of the campaigns that were counted as they are defined now."""
    return {
        CAMPAIGN_PREFIX + name: SinceStart(one.begins, one.ends, count.people, count.posts)
        for name, one in definitions.items()
        if (count := activity.campaigns.get(name)) is not None and count.definition == one.mark
    }


def together(activity: Activity, definitions: Mapping[str, Definition]) -> dict[str, dict[str, int]]:
    """Give by campaign, for the tags that go with it, the people who used them together."""
    return {
        name: count.together
        for name, one in definitions.items()
        if (count := activity.campaigns.get(name)) is not None and count.definition == one.mark
    }


def redefined(kept: Mapping[str, Kept], definitions: Mapping[str, Definition], minute: int) -> list[str]:
    """Give the series of the campaigns of which other events count, as of `minute`, than have been counted.

    What was released of them is of no use.
    """
    return [
        CAMPAIGN_PREFIX + name
        for name, one in kept.items()
        if (now := definitions.get(name)) is None
        or (now.tags, now.begins) != (one.definition.tags, one.definition.begins)
        or now.ends < min(one.definition.ends, minute)
    ]


def keep(  # noqa: PLR0913 - what was, what is defined, what is counted, what is shown, and the rules
    kept: Mapping[str, Kept],
    definitions: Mapping[str, Definition],
    activity: Activity,
    shown: Release,
    *,
    renewed: bool,
    group: int,
) -> dict[str, Kept]:
    """Go on from what was `kept`; where a UTC day has begun, the figures were `renewed` and make a day of their own."""
    found = {}
    gone = redefined(kept, definitions, activity.minute)
    for name, definition in definitions.items():
        series = CAMPAIGN_PREFIX + name
        before = kept.get(name) if series not in gone else None
        one = before or Kept(definition, definition.begins)
        count, released = activity.campaigns.get(name), shown.since_start.get(series)
        if count is not None and count.definition == definition.mark:
            one = Kept(definition, count.counted_from, one.days, one.candidates)
        if renewed and released is not None and activity.minute < definition.ends + DAY:
            day = CampaignDay(activity.minute // DAY, released.people, released.posts)
            one = Kept(definition, one.counted_from, (*one.days[-KEPT_DAYS:], day), one.candidates)
        if renewed:
            one.candidates = _candidates(one, name, shown, group)
        found[name] = one
    return found


def _candidates(kept: Kept, name: str, shown: Release, group: int) -> tuple[TagTogether, ...]:
    series = CAMPAIGN_PREFIX + name
    if series not in shown.windows or shown.hidden:
        return ()
    used = {
        tag: Used(shown.windows[tag].actors[-1], people)
        for tag, people in shown.together.get(name, {}).items()
        if tag in shown.windows
    }
    whole, campaign = shown.windows[WHOLE].actors[-1], shown.windows[series].actors[-1]
    before = frozenset(one.tag for one in kept.candidates)
    found = adoptable(used, campaign, whole, frozenset(kept.definition.tags), group, before=before)
    return tuple(TagTogether(one.tag, one.together, round(one.share, 2), round(one.lift, 1)) for one in found)


def status(kept: Mapping[str, Kept], shown: Release | None) -> dict[str, ReleasedCampaign]:
    """Give what is released of each campaign; nothing, days that are past included, of a region that is hidden."""
    found = {}
    hidden = shown is None or shown.hidden
    for name, one in kept.items():
        released = shown.since_start.get(CAMPAIGN_PREFIX + name) if shown is not None else None
        found[name] = ReleasedCampaign(
            begins=one.definition.begins,
            ends=one.definition.ends,
            people=released.people if released else HIDDEN,
            posts=released.posts if released else HIDDEN,
            counted_from=one.counted_from,
            days=tuple(CampaignDay(told.day, HIDDEN, HIDDEN) for told in one.days) if hidden else one.days,
            candidates=() if hidden else one.candidates,
        )
    return found
