"""The verdict of the whole: everything is silent at once, which says more of the line than of the offices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from schemas.regions import EVERYTHING_SILENT, NOT_EVERYTHING_SILENT, Evidence, Transition
from streams.measures.privacy import release_evidence
from streams.measures.silence.words import duration, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.regions import WholeVerdict

ENOUGH: Final = 3
"""Regions that must be judged before all of them being silent is a verdict of the whole."""

SHARE: Final = 0.1
"""Share of the regions that must have turned silent since anybody's last post; ENOUGH of them at least."""

MINUTE: Final = 60_000


class Whole(Struct):
    """What is remembered of the whole. `since` is the event time (ms) from which everything is silent, 0 while not.

    `began` and `ended` are the offsets of the records with which the last one did, `last_event` the minute of the last
    event before it, `newest` the newest minute that any region has closed.
    """

    since: int = 0
    began: int = -1
    ended: int = -1
    last_event: int = -1
    newest: int = -1

    def holds_at(self, offset: int) -> bool:
        """Tell whether everything was silent when the record at `offset` was folded."""
        return self.began < offset and (self.since > 0 or offset <= self.ended)


class View(NamedTuple):
    """What is seen of a region that can be judged: minutes since the epoch, `alerted` that of its alert."""

    silent: bool
    minute: int
    last_event: int
    alerted: int
    expected: float


def weigh(whole: Whole, views: Sequence[View], offset: int) -> Transition | None:
    """Judge the whole as of its newest minute; `views` are of the regions that can be judged.

    It begins when all of them are silent, or when a tenth of them has turned silent since the last post of any: the
    slow ones would take days to say what the quick ones have shown. A region that has not been read up to those
    alerts holds it back. It ends with the first post of one that is not silent, or when too few can be judged.
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
        whole.since, whole.ended = 0, offset
        return _transition(at, NOT_EVERYTHING_SILENT, reason, Evidence())
    silent = sum(one.silent for one in views)
    if len(views) < ENOUGH or not silent:
        return None
    last = max(one.last_event for one in views)
    since = sorted(one.alerted for one in views if one.silent and one.alerted > last)
    enough = max(ENOUGH, SHARE * len(views))
    at_once = len(since) >= enough and all(one.minute >= since[0] for one in views)
    if silent < len(views) and not at_once:
        return None
    whole.since, whole.began, whole.last_event = at, offset, last
    empty = (whole.newest - last) * 60
    expected = sum(one.expected for one in views)
    evidence = release_evidence(Evidence(empty_seconds=float(empty), expected_events=expected), hidden=False)
    seen = f"no post from any of {_regions(len(views))} for {duration(empty)}; {number(expected)} expected since"
    if not at_once:
        seen = f"all of {_regions(len(views))} are silent"
    return _transition(at, EVERYTHING_SILENT, f"{seen}; {silent} silent by themselves" if at_once else seen, evidence)


def _transition(at: int, new: WholeVerdict, reason: str, evidence: Evidence) -> Transition:
    old: WholeVerdict = NOT_EVERYTHING_SILENT if new == EVERYTHING_SILENT else EVERYTHING_SILENT
    return Transition(region="", at=at, old=old, new=new, reason=reason, evidence=evidence, scope="whole")


def _regions(count: int) -> str:
    return f"{count} region" if count == 1 else f"{count} regions"
