"""Queries over events by kind that several boards share: totals that only rise, in steps of the minimum group."""

from __future__ import annotations

from typing import Final

OF_REGIONS: Final = 'region=~"$region"'
IN_STEPS: Final = "Counts rise in steps of the minimum group, and what is hidden is not in them."
"""What every description says of such a count."""


def increase(kinds: str, over: str, by: str = "kind") -> str:
    """Give how many events of `kinds` (a pattern) came in `over`, summed by the labels `by`; absent where hidden."""
    counted = f'increase(jun_region_events_by_kind_total{{{OF_REGIONS}, kind=~"{kinds}"}}[{over}])'
    return f"sum by ({by}) (max by (kind, region) ({counted}))"


def share(part: str, whole: str, over: str, by: str) -> str:
    """Give events of the kinds `part` over those of the kinds `whole`."""
    return f"{increase(part, over, by)}\n/ ({increase(whole, over, by)} > 0)"


def overall(part: str, whole: str) -> str:
    """Give events of the kinds `part` over those of the kinds `whole`, of all regions and the times that are shown."""
    return f"sum({increase(part, '$__range')})\n/ (sum({increase(whole, '$__range')}) > 0)"
