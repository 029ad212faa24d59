"""What has closed and is still to be released: of each region minute after minute, of all regions together."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from schemas.activity import CAMPAIGN_PREFIX, ActivityFigures
from streams.measures.privacy import ExactSeries, Figures, forget, release_each
from streams.measures.regions import campaigns
from streams.measures.regions.state import RegionState
from streams.measures.top_tags import same_scores, scores_of, top

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.measures.campaigns import Definition
    from streams.measures.privacy import Release, Rules

DAY: Final = 1_440
MOST: Final = 100
"""How many minutes wait at most, of some 30 KiB each."""


class Closed(Struct):
    """A closed minute of a region of `headcount` people (0 where not known); the last event in ms, 0 before any."""

    state: RegionState
    activity: ActivityFigures
    headcount: int
    last_event_at: int


class Closing:
    """Releases what regions have closed. Whoever wants to see a release asks for it by settle() before."""

    def __init__(self, rules: Rules, definitions: Mapping[str, Mapping[str, Definition]]) -> None:
        self._rules = rules
        self._definitions = definitions
        self._waiting: dict[str, list[Closed]] = {}
        self._count = 0

    def close(self, closed: Closed) -> None:
        """Take a minute, which comes after those of its region that are taken."""
        self._waiting.setdefault(closed.state.region, []).append(closed)
        self._count += 1
        if self._count == MOST:
            self.settle()

    def settle(self) -> None:
        """Release what waits, minute after minute of each region."""
        for together in zip_longest(*self._waiting.values()):
            self._release([closed for closed in together if closed is not None])
        self._waiting.clear()
        self._count = 0

    def _release(self, closed: list[Closed]) -> None:
        formers = [self._former(one) for one in closed]
        regions = [(self._figures(one), former) for one, former in zip(closed, formers, strict=True)]
        for one, former, released in zip(closed, formers, release_each(regions, self._rules), strict=True):
            self._released(one, former, released)

    def _known(self, closed: Closed) -> Mapping[str, Definition]:
        return self._definitions.get(closed.state.region, {})

    def _former(self, closed: Closed) -> Release | None:
        """Give the release before, without the campaigns that stand for something else from now on."""
        former = closed.state.release
        gone = campaigns.redefined(closed.state.campaigns, self._known(closed), closed.activity.minute)
        return forget(former, gone) if former is not None and gone else former

    def _figures(self, closed: Closed) -> Figures:
        activity, known = closed.activity, self._known(closed)
        return Figures(
            minute=activity.minute,
            headcount=closed.headcount,
            windows=ExactSeries(activity.windows, [CAMPAIGN_PREFIX + name for name in known]),
            kinds=activity.totals,
            since_start=campaigns.since_start(activity, known),
            together=campaigns.together(activity, known),
            labels=activity.labels,
            last_event_at=closed.last_event_at,
            duplicates=activity.duplicates,
            late=activity.late,
            too_late=activity.too_late,
        )

    def _released(self, closed: Closed, former: Release | None, released: Release) -> None:
        state, activity = closed.state, closed.activity
        state.release = released
        before = former.minute if former is not None else activity.minute - 1
        state.campaigns = campaigns.keep(
            state.campaigns,
            self._known(closed),
            activity,
            released,
            renewed=activity.minute // DAY > before // DAY,
            group=self._rules.group,
        )
        if former is None or not same_scores(former.windows, released.windows):
            state.top = top(scores_of(released.windows), state.top)
