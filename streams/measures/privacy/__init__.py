"""The one door through which everything about people leaves the region agent.

What is promised, what is not, and the proofs are in docs/privacy.md.
"""

from __future__ import annotations

from streams.measures.privacy.campaigns import ReleasedSinceStart, SinceStart
from streams.measures.privacy.evidence import count_in_words, release_evidence, release_sources, two_digits
from streams.measures.privacy.exact import ExactSeries
from streams.measures.privacy.release import Figures, Release, forget, release, release_each
from streams.measures.privacy.rules import FLOOR_GROUP, FLOOR_ROUNDING, RENEWALS, Rules, rules_of
from streams.measures.privacy.series import RETURNING_FROM
from streams.measures.privacy.steps import HIDDEN, bounds, step

__all__ = [
    "FLOOR_GROUP",
    "FLOOR_ROUNDING",
    "HIDDEN",
    "RENEWALS",
    "RETURNING_FROM",
    "ExactSeries",
    "Figures",
    "Release",
    "ReleasedSinceStart",
    "Rules",
    "SinceStart",
    "bounds",
    "count_in_words",
    "forget",
    "release",
    "release_each",
    "release_evidence",
    "release_sources",
    "rules_of",
    "step",
    "two_digits",
]
