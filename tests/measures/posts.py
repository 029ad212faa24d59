"""Made-up posts and how to feed them, for the tests of silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.measures.silence.detector import Detector
    from streams.measures.silence.state import Assessment

DAY = 1_440
MONDAY = 19_723 * DAY
"""Midnight of a Monday, in minutes since the epoch: 1 January 2024 is day 19,723."""


def posts(seed: int, a_day: float, first: int, after: int) -> dict[int, int]:
    """Make posts by the minute at a rate that is twice the mean by day and nothing of it is night."""
    chance = np.random.default_rng(seed)
    hours = np.arange(first, after) // 60 % 24
    pace = a_day / DAY * np.where((hours >= 6) & (hours < 22), 1.4, 0.2)
    counts = chance.poisson(pace)
    at = np.flatnonzero(counts)
    return dict(zip((at + first).tolist(), counts[at].tolist(), strict=True))


def steps(events: Mapping[int, int], first: int, after: int, longest: int = DAY) -> Iterator[tuple[int, int, int]]:
    """Give (minute, events, span) of what the engagement agent would send: a span never ends beyond a midnight."""
    at = first
    stops = sorted({*(minute for minute in events if first <= minute < after), *range(first, after, longest)})
    for stop in [*stops, after]:
        if stop > at:
            yield stop - 1, 0, stop - at
            at = stop
        if stop in events and stop < after:
            yield stop, events[stop], 1
            at = stop + 1


def feed(
    detector: Detector, region: str, events: Mapping[int, int], first: int, after: int, *, observed: bool = True
) -> Assessment:
    """Feed a stretch and give what is known at its end."""
    for minute, count, span in steps(events, first, after):
        detector.observe(region, minute, count, observed, span)
    return detector.assess(region)


def feed_all(detector: Detector, events: Mapping[str, Mapping[int, int]], first: int, after: int) -> None:
    """Feed several regions a stretch, day by day."""
    for day in range(first, after, DAY):
        for region, minutes in events.items():
            feed(detector, region, minutes, day, min(day + DAY, after))
