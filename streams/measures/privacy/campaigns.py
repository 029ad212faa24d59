"""The release of a campaign's figures since its first day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from schemas.activity import WINDOWS
from schemas.regions import Released
from streams.measures.privacy.rules import RENEWALS
from streams.measures.privacy.steps import HIDDEN, larger, step

if TYPE_CHECKING:
    from schemas.regions import ReleasedWindow

REACH: Final = tuple(length + renewal for length, renewal in zip(WINDOWS.values(), RENEWALS, strict=True))
"""How far back (minutes) what is shown of each window can reach, as it may have been renewed that long ago."""


class SinceStart(Struct, frozen=True):
    """Exact figures of a campaign in a region: distinct people who took part and posts in [begins, ends), in minutes.

    `begins` and `ends` are those of the campaign's days in the region's time; 0 and a far future where it has none.
    """

    begins: int
    ends: int
    people: int
    posts: int


class ReleasedSinceStart(Struct, frozen=True, array_like=True):
    """What may be shown of a campaign in a region since its first day."""

    people: Released = HIDDEN
    posts: Released = HIDDEN


HIDDEN_CAMPAIGN: Final = ReleasedSinceStart()


def renew_campaign(exact: SinceStart, group: int) -> ReleasedSinceStart:
    """Release a campaign's figures of this minute; where its people are hidden, so are its posts."""
    people = step(exact.people, group)
    if people == HIDDEN:
        return HIDDEN_CAMPAIGN
    if not people:
        return ReleasedSinceStart(0, HIDDEN if exact.posts else 0)
    return ReleasedSinceStart(people, step(exact.posts, group))


def hold_campaign(
    held: ReleasedSinceStart, windows: ReleasedWindow | None, exact: SinceStart, minute: int
) -> ReleasedSinceStart:
    """Release a campaign's figures between two renewals: at least what was `held` and what its windows show.

    Only windows that lie within the campaign count. Of `exact` the days are used, which everybody knows.
    """
    people, posts = held.people, held.posts
    if windows is not None and minute < exact.ends:
        for place, reach in enumerate(REACH):
            if minute - reach >= exact.begins:
                people, posts = larger(people, windows.actors[place]), larger(posts, windows.posts[place])
    return ReleasedSinceStart(people, HIDDEN if people == HIDDEN else posts)
