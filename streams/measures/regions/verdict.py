"""The verdict of a region and its reason in words: sources first, then privacy, then what its silence says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.regions import Evidence, Verdict
from streams.measures.silence.words import ACTIVE_SECONDS, reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.activity import SourceState
    from streams.measures.silence.incident import Incident
    from streams.measures.silence.state import Assessment

Judgement = tuple[Verdict, str]


def verdict_of(
    sources: Mapping[str, SourceState],
    people: int,
    minimum: int,
    assessment: Assessment | None,
    *,
    enough: bool = False,
) -> Judgement:
    """Give the verdict and its reason. `people` is the headcount, 0 where it is not known.

    `enough` says that so many have taken part in 28 days that there are `minimum` people whatever the headcount is.
    """
    if not sources:
        return "unknown", "no source has sent anything for it yet"
    down = [
        f"source {name} is down" + (f": {state.reason}" if state.reason else "")
        for name, state in sorted(sources.items())
        if state.status == "down"
    ]
    if down:
        return "unknown", "; ".join(down)
    if people and people < minimum:
        return "hidden", f"fewer than {minimum} people"
    if not people and not enough:
        return "hidden", f"its headcount is not known, and fewer than {minimum} people took part in 28 days"
    if assessment is None:
        return "learning", "nothing has come from it yet"
    return by_silence(assessment), reason(assessment, minimum)


def by_silence(assessment: Assessment) -> Verdict:
    """Give the verdict of a region whose sources are up and which may be shown."""
    if assessment.learning:
        return "learning"
    if assessment.silent:
        return "silent"
    return "active" if assessment.empty_seconds < ACTIVE_SECONDS else "quiet"


def evidence_of(assessment: Assessment | None, incident: Incident, at: int, cool_down: int) -> Evidence:
    """Give the numbers behind the verdict at `at`; times and the `cool_down` in ms."""
    if assessment is None:
        return Evidence()
    return Evidence(
        empty_seconds=float(assessment.empty_seconds),
        expected_events=round(assessment.expected_events, 2),
        odds=round(assessment.log_odds, 3),
        threshold=round(assessment.threshold, 3),
        promised_detection_seconds=float(assessment.promised_seconds or 0),
        weekly_check=assessment.weekly_check,
        incident_since=incident.since if incident.open_at(at, cool_down) else 0,
        held_until=incident.held_until if incident.held_at(at) else 0,
    )
