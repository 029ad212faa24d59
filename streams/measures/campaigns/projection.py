"""The day on which a campaign will reach its goal, with an interval that is as wide as the data are poor.

The model, in words: the pace of the last week goes on, and rises or falls by the same factor each day; how fast it
was is known as well as so many newcomers tell; whether it rises or falls is known from the week before and from what
campaigns do (a deviation of TREND a day, that is by a factor of about 2 in two weeks); of people who have not taken
part yet, each comes as readily as the others, so that newcomers get fewer as fewer are left. docs/measures.md has the
formulas.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.measures.campaigns.pace import Point

QUANTILE: Final = 1.2816
"""Of the standard normal distribution, for an interval of 80 %: one time in ten earlier, one time in ten later."""
FADING: Final = -0.03
TREND: Final = 0.08
WEEKDAYS: Final = 0.05
"""Variance of the logarithm of a pace that was taken from less than a week, as weekends differ."""
DISPERSION: Final = 2.0
"""Variance over mean of the newcomers of a day before any are seen, with the weight of DISPERSION_DAYS."""
DISPERSION_DAYS: Final = 4
WEEK: Final = 7
LEAST_DAYS: Final = 2
HORIZON_DAYS: Final = 365


class Projection(Struct, frozen=True):
    """Days (24 h, from the last point on) until the goal is reached; None: not within HORIZON_DAYS.

    In 8 of 10 campaigns it is reached from `earliest` to `latest`. All three are 0 where it is reached already.
    """

    earliest: int | None
    likely: int | None
    latest: int | None


def project(points: Sequence[Point], target: int, pool: int = 0) -> Projection | None:
    """Project when `target` is reached, from points of one a day (oldest first).

    `pool` is how many people there are in all, 0 where that is not known or posts are counted. None without a goal or
    before two days have been seen.
    """
    days = len(points) - 1
    if target <= 0 or days < LEAST_DAYS:
        return None
    now = points[-1].reached
    missing = target - now.likely
    if now.low >= target or missing <= 0:
        return Projection(0, 0, 0)
    if pool:
        left = pool - now.likely
        if missing >= left:
            return Projection(None, None, None)
        missing = -left * math.log1p(-missing / left)
    return _search(_Outlook(points), missing, now.variance)


class _Outlook:
    """The pace of the last days and its trend, as mean and variance of logarithms."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.span = min(WEEK, (len(points) - 1) // 2)
        self.dispersion = _dispersion(points)
        gained, self.unsure = self._gain(points, 0)
        self.daily = gained / self.span
        before, unsure_before = self._gain(points, self.span)
        prior, data = 1 / TREND**2, self.span**2 / (self.unsure + unsure_before)
        self.trend = (prior * FADING + data * math.log(gained / before) / self.span) / (prior + data)
        self.trend_variance = 1 / (prior + data)

    def _gain(self, points: Sequence[Point], back: int) -> tuple[float, float]:
        """Give the newcomers of `span` days, and the variance of their logarithm; half a person more than were seen."""
        end, begin = points[-1 - back].reached, points[-1 - back - self.span].reached
        gained = max(0.0, end.likely - begin.likely) + 0.5
        uneven = WEEKDAYS if self.span < WEEK else 0.0
        return gained, (self.dispersion * gained + end.variance + begin.variance) / gained**2 + uneven

    def gain(self, days: int) -> tuple[float, float]:
        """Give the newcomers that are expected in the next `days`, and the variance of their logarithm."""
        apart = (self.span + days) / 2
        expected = self.daily * days * math.exp(self.trend * apart)
        return expected, self.unsure + apart**2 * self.trend_variance + self.dispersion / expected


def _dispersion(points: Sequence[Point]) -> float:
    pairs = list(pairwise(points))
    gains = [after.reached.likely - before.reached.likely for before, after in pairs]
    mean = sum(gains) / len(gains)
    rounding = sum(after.reached.variance + before.reached.variance for before, after in pairs) / len(gains)
    spread = sum((gain - mean) ** 2 for gain in gains) / (len(gains) - 1)
    seen = max(1.0, (spread - rounding) / mean) if mean > 0 else 1.0
    return (seen * (len(gains) - 1) + DISPERSION * DISPERSION_DAYS) / (len(gains) - 1 + DISPERSION_DAYS)


def _search(outlook: _Outlook, missing: float, unsure: float) -> Projection:
    """Find the first days on which the upper, the middle and the lower quantile of what is gained are enough."""
    found: list[int | None] = [None, None, None]
    for day in range(1, HORIZON_DAYS + 1):
        expected, variance = outlook.gain(day)
        width = QUANTILE * math.sqrt(variance + unsure / expected**2)
        for place, logarithm in enumerate((width, 0.0, -width)):
            if found[place] is None and math.log(expected) + logarithm >= math.log(missing):
                found[place] = day
        if found[2] is not None:
            break
    return Projection(found[0], found[1], found[2])
