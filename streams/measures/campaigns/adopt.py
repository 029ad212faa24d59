"""Tags that go with a campaign's so often that it might adopt them. They are never merged by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from schemas.regions import Released
from streams.measures.privacy import HIDDEN, bounds

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST_SHARE: Final = 0.3
LEAST_LIFT: Final = 2.0
STAYS: Final = 0.8
"""A tag that is a candidate stays one down to so much of either, so that it does not come and go."""
MOST: Final = 5
"""So many candidates are shown of a campaign in a region."""


class Used(Struct, frozen=True):
    """Released people of 28 days: who used a tag at all, and who used it together with the campaign in one event."""

    people: Released
    together: Released


class Candidate(Struct, frozen=True):
    """A tag to adopt. `share` of its people used it with the campaign; `lift` is that over the campaign's own share.

    Both are the least that the rounding of the counts leaves possible.
    """

    tag: str
    together: int
    share: float
    lift: float


def adoptable(  # noqa: PLR0913 - each is one of the counts that the rule compares
    used: Mapping[str, Used],
    campaign: Released,
    whole: Released,
    own: frozenset[str],
    group: int,
    *,
    before: frozenset[str],
) -> list[Candidate]:
    """Give the strongest candidates, MOST at most; those that were some `before` have a lead."""
    found = candidates(used, campaign, whole, own, group, before=before)
    ahead = sorted(found, key=lambda one: (-one.lift / (STAYS if one.tag in before else 1), -one.together, one.tag))
    return sorted(ahead[:MOST], key=_strongest)


def candidates(  # noqa: PLR0913 - each is one of the counts that the rule compares
    used: Mapping[str, Used],
    campaign: Released,
    whole: Released,
    own: frozenset[str],
    group: int,
    *,
    before: frozenset[str] = frozenset(),
) -> list[Candidate]:
    """Find the tags, none of the campaign's `own`, of whose people a large share use the campaign's tags with them.

    share = together / people of the tag, lift = share / (people of the campaign / people of the whole region): how
    much more often than by chance (as in association rules: Brin and others, "Dynamic itemset counting", 1997). All
    counts are released ones, so that the list tells no more than they do. The strongest come first.
    """
    least_whole, most_campaign = bounds(whole, group)[0], bounds(campaign, group)[1]
    if campaign == HIDDEN or not most_campaign or not least_whole:
        return []
    found: list[Candidate] = []
    for tag, counts in used.items():
        least, most = bounds(counts.together, group)[0], bounds(counts.people, group)[1]
        if tag in own or not least or not most:
            continue
        share = least / max(most, least)
        lift = share * least_whole / most_campaign
        enough = STAYS if tag in before else 1
        if share >= LEAST_SHARE * enough and lift >= LEAST_LIFT * enough:
            found.append(Candidate(tag, least, share, lift))
    return sorted(found, key=_strongest)


def _strongest(one: Candidate) -> tuple[float, int, str]:
    return -one.lift, -one.together, one.tag
