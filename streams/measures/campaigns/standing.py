"""Regions ahead of and behind a campaign's plan, as far as rounded figures can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from schemas.regions import Released
from streams.measures.campaigns.reached import reached
from streams.measures.privacy import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Mapping

Place = Literal["ahead", "on plan", "behind", "hidden"]
"""`on plan`: the plan lies within what the rounding leaves open."""


class Standing(Struct, frozen=True):
    """One region: the share (low and high) of its part of the goal that it has reached, and what is planned by now."""

    region: str
    progress: tuple[float, float]
    planned: float
    place: Place


class Part(Struct, frozen=True):
    """A region's part in a campaign: what is shown of it, its headcount (people), and the share of its days gone by."""

    shown: Released
    headcount: Released
    planned: float


def standings(parts: Mapping[str, Part], target: int, group: int, *, of_people: bool) -> list[Standing]:
    """Rank the regions of a campaign, the one furthest on first, those that are hidden last, else by name.

    Each region's part of `target` (people or posts of all regions together) is as its share of the headcount.
    """
    people = sum(part.headcount for part in parts.values() if part.headcount != HIDDEN)
    found: list[Standing] = []
    for region, part in parts.items():
        share = target * part.headcount / people if part.headcount != HIDDEN and people else 0
        if not share or (part.shown == HIDDEN and not of_people):
            found.append(Standing(region, (0.0, 0.0), part.planned, "hidden"))
            continue
        so_far = reached([part.shown], group, of_people=of_people)
        low, high = so_far.low / share, so_far.high / share
        place: Place = "ahead" if low > part.planned else "behind" if high < part.planned else "on plan"
        found.append(Standing(region, (low, high), part.planned, place))
    return sorted(found, key=lambda one: (one.place == "hidden", -one.progress[0], -one.progress[1], one.region))
