"""The verdict of the whole: everything is silent at once, which says more of the line than of the offices."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from schemas.regions import EVERYTHING_SILENT, NOT_EVERYTHING_SILENT, Evidence, Transition
from streams.measures.privacy import release_evidence
from streams.measures.silence.words import duration, number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schemas.regions import WholeVerdict

ENOUGH: Final = 3
"""Regions that must be judged before all of them being silent is a verdict of the whole."""

SHARE: Final = 0.1
"""Share of the regions that must have turned silent since anybody's last post; ENOUGH of them at least."""

SURPRISE: Final = 7.0
"""How surprising it must be that none of the others has posted since (nats): by chance once in a thousand gaps."""

OF_ONE: Final = 1.5
"""What one region can say of that at most (nats): it would have posted in four of five such gaps. So a few who are
awake do not speak for those who sleep, and where the others are too few for SURPRISE, each must be as sure as this.
"""

MOST: Final = 0.5
"""Share of the regions that must have turned silent or should have posted since: a few are not everything."""

MINUTE: Final = 60_000


class Whole(Struct):
    """What is remembered of the whole. `since` is the event time (ms) from which everything is silent, 0 while not.

    `began_after` and `ended_after` are the minutes after which it last began and ended, so that it holds for the same
    minutes of each region in whatever order they come; `last_event` is the minute of the last event before it,
    `newest` the newest minute that any region has closed.
    """

    since: int = 0
    began_after: int = -1
    ended_after: int = -1
    last_event: int = -1
    newest: int = -1

    def since_at(self, minute: int) -> int:
        """Give the event time (ms) since which everything was silent in a region's `minute`, 0 where it was not."""
        if minute <= self.began_after:
            return 0
        if self.since:
            return self.since
        return (self.began_after + 1) * MINUTE if minute <= self.ended_after else 0


class View(NamedTuple):
    """What is seen of a region that can be judged: minutes since the epoch, `alerted` that of its alert."""

    silent: bool
    minute: int
    last_event: int
    alerted: int
    expected: float


def weigh(whole: Whole, views: Sequence[View], surprises: Callable[[int], Sequence[float]]) -> Transition | None:
    """Judge the whole as of its newest minute; `views` are of the regions that can be judged.

    `surprises` gives, for those that are not silent, -ln of the probability of no post since a minute (see
    silence.since). It begins when all are silent, or when some have turned silent since the last post of any and the
    others' quiet can't be sleep: see _at_once. It ends with the first post of one that is not silent, or when too few
    can be judged.
    """
    at = (whole.newest + 1) * MINUTE
    if whole.since:
        posted = sum(not one.silent and one.last_event * MINUTE >= whole.since for one in views)
        if len(views) >= ENOUGH and not posted:
            return None
        lasted = duration((at - whole.since) // 1000)
        reason = (
            f"{_regions(posted)} of {len(views)} posted again after {lasted}"
            if posted
            else f"only {_regions(len(views))} can be judged now, after {lasted}"
        )
        whole.since, whole.ended_after = 0, whole.newest
        return _transition(at, NOT_EVERYTHING_SILENT, reason, Evidence())
    silent = sum(one.silent for one in views)
    if len(views) < ENOUGH or not silent:
        return None
    last = max(one.last_event for one in views)
    at_once = _at_once(views, last, surprises)
    if silent < len(views) and not at_once:
        return None
    whole.since, whole.began_after, whole.last_event = at, whole.newest, last
    empty = (whole.newest - last) * 60
    expected = sum(one.expected for one in views)
    evidence = release_evidence(Evidence(empty_seconds=float(empty), expected_events=expected), hidden=False)
    seen = f"no post from any of {_regions(len(views))} for {duration(empty)}; {number(expected)} expected since"
    if not at_once:
        seen = f"all of {_regions(len(views))} are silent"
    return _transition(at, EVERYTHING_SILENT, f"{seen}; {silent} silent by themselves" if at_once else seen, evidence)


def _at_once(views: Sequence[View], last: int, surprises: Callable[[int], Sequence[float]]) -> bool:
    """Tell whether everything has stopped with the minute `last`, though not all are silent by themselves yet.

    A tenth of them has turned silent since, ENOUGH at least, and the others, who would take days to be called, should
    have posted as well: all together by SURPRISE, or each by OF_ONE where they are few, and so many that with the
    silent ones they are MOST of the regions. While the others sleep, silences are those of their regions, be they half
    of all. A region that has not been read up to the first alert holds it back; one that was silent before has no say.
    """
    since = [one.alerted for one in views if one.silent and one.alerted > last]
    count = len(since) + sum(not one.silent for one in views)
    if len(since) < max(ENOUGH, SHARE * count) or any(one.minute < min(since) for one in views):
        return False
    others = surprises(last)
    stopped = len(since) + sum(-math.expm1(-one) for one in others)
    surprise = sum(min(one, OF_ONE) for one in others)
    return surprise >= min(SURPRISE, OF_ONE * len(others)) and stopped >= MOST * count


def _transition(at: int, new: WholeVerdict, reason: str, evidence: Evidence) -> Transition:
    old: WholeVerdict = NOT_EVERYTHING_SILENT if new == EVERYTHING_SILENT else EVERYTHING_SILENT
    return Transition(region="", at=at, old=old, new=new, reason=reason, evidence=evidence, scope="whole")


def _regions(count: int) -> str:
    return f"{count} region" if count == 1 else f"{count} regions"
