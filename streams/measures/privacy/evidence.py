"""The evidence of a verdict, as far as it may be shown."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from schemas.regions import Evidence

MINUTE_SECONDS: Final = 60
MINUTE_MS: Final = 60_000


def on_the_grid(at: int) -> int:
    """Give the begin of the minute in which `at` (ms) lies: the moment of one person's act is not shown."""
    return at - at % MINUTE_MS


def release_evidence(evidence: Evidence, *, hidden: bool) -> Evidence:
    """Release the evidence of a region's verdict: empty time in whole minutes; nothing where the region is hidden."""
    if hidden:
        return Evidence()
    return replace(evidence, empty_seconds=evidence.empty_seconds // MINUTE_SECONDS * MINUTE_SECONDS)
