"""The evidence of a verdict and the state of its sources, as far as they may be shown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from schemas.regions import Evidence
from streams.measures.privacy.steps import HIDDEN, step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.activity import SourceState

MINUTE_SECONDS: Final = 60
MINUTE_MS: Final = 60_000
ODDS_STEPS: Final = 4
"""Steps of the odds up to the threshold. In a busy region each post lowers the log odds by 1 or more: in finer steps
they would count posts."""
DIGITS: Final = 2


def on_the_grid(at: int) -> int:
    """Give the begin of the minute in which `at` (ms) lies: the moment of one person's act is not shown."""
    return at - at % MINUTE_MS


def release_evidence(evidence: Evidence, *, hidden: bool) -> Evidence:
    """Release the evidence of a region's verdict; nothing where the region is hidden.

    Times are in whole minutes, expected events in DIGITS significant digits, odds in ODDS_STEPS steps from 0 to the
    threshold and beyond, so that they reach it when the exact ones do.
    """
    if hidden:
        return Evidence()
    odds = evidence.threshold / ODDS_STEPS if evidence.threshold > 0 else 1.0
    return replace(
        evidence,
        empty_seconds=_floor(evidence.empty_seconds, MINUTE_SECONDS),
        expected_events=two_digits(evidence.expected_events),
        odds=max(0.0, _floor(evidence.odds, odds)),
        promised_detection_seconds=_floor(evidence.promised_detection_seconds, MINUTE_SECONDS),
    )


def release_sources(sources: Mapping[str, SourceState]) -> dict[str, SourceState]:
    """Release how sources stand; how far one has got is told in whole minutes, as in a file its last event says it."""
    return {name: replace(one, complete_to=on_the_grid(one.complete_to)) for name, one in sources.items()}


def count_in_words(count: int, group: int) -> str:
    """Write a count of events or people for a reason, no more exactly than it may be shown: `at least 40`."""
    released = step(count, group)
    if released == HIDDEN:
        return f"fewer than {group}"
    return f"at least {released:,}" if released else "no"


def _floor(value: float, unit: float) -> float:
    return float(math.floor(value / unit) * unit)


def two_digits(value: float) -> float:
    """Round an expectation to the digits in which it may be shown."""
    return round(value, DIGITS - 1 - math.floor(math.log10(value))) if value > 0 else 0.0
