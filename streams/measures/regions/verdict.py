"""The verdict of a region and its reason in words: sources first, then privacy, then what its silence says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.regions import Evidence, Verdict
from streams.measures.privacy import count_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.activity import SourceState
    from streams.measures.silence.state import Assessment

MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400
ACTIVE_SECONDS: Final = HOUR
"""A region with an event within this time is active."""

Judgement = tuple[Verdict, str]


def verdict_of(
    sources: Mapping[str, SourceState], people: int, minimum: int, assessment: Assessment | None
) -> Judgement:
    """Give the verdict and its reason. `people` is the headcount, 0 where it is not known."""
    if not sources:
        return "unknown", "no source has sent anything for it yet"
    down = [
        f"source {name} is down" + (f": {state.reason}" if state.reason else "")
        for name, state in sorted(sources.items())
        if state.status == "down"
    ]
    if down:
        return "unknown", "; ".join(down)
    if people < minimum:
        return "hidden", f"fewer than {minimum} people" if people else "its headcount is not known"
    return _by_silence(assessment, minimum)


def _by_silence(assessment: Assessment | None, minimum: int) -> Judgement:
    if assessment is None or (assessment.learning and assessment.last_event < 0):
        return "learning", "nothing has come from it yet"
    if assessment.learning:
        return "learning", "its history is too short to say what is usual"
    if assessment.silent:
        return "silent", silence_in_words(assessment, minimum)
    if assessment.empty_seconds < ACTIVE_SECONDS:
        return "active", "as usual"
    empty = duration(assessment.empty_seconds)
    if assessment.planned:
        return "quiet", f"no post for {empty}; planned: {assessment.planned}"
    return "quiet", f"no post for {empty}, as is usual; {assessment.expected_events:.1f} expected since"


def silence_in_words(assessment: Assessment, group: int) -> str:
    """Say why a region is silent, in words and numbers; posts are counted in steps of the minimum `group`."""
    if assessment.test == "drop":
        seen = (
            f"{count_in_words(assessment.window_events, group)} posts in {duration(assessment.window_seconds)}; "
            f"{assessment.expected_events:.0f} expected"
        )
    else:
        seen = f"no post for {duration(assessment.empty_seconds)}; {assessment.expected_events:.0f} expected since"
    return f"{seen}; by chance once in {weeks(assessment.weeks)}"


def evidence_of(assessment: Assessment | None) -> Evidence:
    """Give the numbers behind the verdict."""
    if assessment is None:
        return Evidence()
    return Evidence(
        empty_seconds=float(assessment.empty_seconds),
        expected_events=round(assessment.expected_events, 2),
        odds=round(assessment.log_odds, 3),
        threshold=round(assessment.threshold, 3),
        promised_detection_seconds=float(assessment.promised_seconds or 0),
        weekly_check=assessment.weekly_check,
    )


def weeks(number: float) -> str:
    """Say a number of weeks as people do."""
    if number < 1:
        return duration(int(number * 7 * DAY))
    return "1 week" if round(number) == 1 else f"{number:.0f} weeks"


def duration(seconds: int) -> str:
    """Say a duration as people do."""
    if seconds >= DAY:
        return f"{seconds // DAY} d {seconds % DAY // HOUR} h"
    if seconds >= HOUR:
        return f"{seconds // HOUR} h {seconds % HOUR // MINUTE} min"
    return f"{seconds // MINUTE} min"
