"""Campaigns: names, tags that two share, regions, dates, goals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.config.problems import Problem
from ops.config.words import suggestion
from streams.measures.hashtags import fold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from schemas.config import Campaign, Config, Goal


def problems(config: Config, regions: list[str], goals: Collection[int]) -> Iterator[Problem]:
    """Give what is wrong with the campaigns; `goals` are the indexes of those that have a goal at all."""
    names: dict[str, int] = {}
    owners: dict[str, str] = {}
    for index, campaign in enumerate(config.campaign):
        if names.setdefault(campaign.name, index) != index:
            yield Problem(
                ("campaign", index, "name"),
                f"is the name of campaign {names[campaign.name] + 1} as well; names must differ.",
            )
        yield from _tags(campaign, index, owners)
        yield from _regions(campaign, index, regions)
        yield from _dates(campaign, index)
        yield from _goal(campaign.goal, index) if index in goals else ()


def _tags(campaign: Campaign, index: int, owners: dict[str, str]) -> Iterator[Problem]:
    own = {fold(tag) for tag in (*campaign.tags, *campaign.aliases)}
    for setting, tags in (("tags", campaign.tags), ("aliases", campaign.aliases)):
        for position, tag in enumerate(tags):
            path = ("campaign", index, setting, position)
            key = fold(tag)
            if not key:
                yield Problem(path, f'"{tag}" is not a hashtag.')
            elif key in owners:
                text = f'"{tag}" ("{key}") counts for the campaign "{owners[key]}" already; a tag has one campaign.'
                yield Problem(path, text)
    for key in own:
        owners.setdefault(key, campaign.name)


def _regions(campaign: Campaign, index: int, known: list[str]) -> Iterator[Problem]:
    for position, region in enumerate(campaign.regions):
        if region not in known:
            yield Problem(
                ("campaign", index, "regions", position),
                f'"{region}" is not a region of the directory.{suggestion(region, known)}',
            )


def _dates(campaign: Campaign, index: int) -> Iterator[Problem]:
    if campaign.start and campaign.end and campaign.end < campaign.start:
        yield Problem(("campaign", index, "end"), f"is {campaign.end}, before the campaign starts on {campaign.start}.")


def _goal(goal: Goal, index: int) -> Iterator[Problem]:
    given = [name for name, value in (("share", goal.share), ("people", goal.people), ("posts", goal.posts)) if value]
    if len(given) != 1:
        yield Problem(
            ("campaign", index, "goal"),
            f"must have exactly one number, but has {' and '.join(given) or 'none above 0'}.",
        )
