"""From past peaks to a threshold: how high the odds must stand to be reached alpha times a week by chance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from streams.measures.silence.settings import (
    FEW_PEAKS,
    LEAST_TAIL,
    MOST_PEAKS_PER_WEEK,
    MOST_SHAPE,
    PEAKS_PER_WEEK,
    REAL_SILENCE,
    REGION_WEIGHT,
    SHARPEST,
    SMALL_GAP,
    TAIL_SHAPE,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Tail(Struct, frozen=True, array_like=True):
    """Peaks above `base` come `rate` times a week, with a mean excess of `mean` (log odds).

    `shape` is that of the excess: FEW_PEAKS/n where it is known from n peaks, between TAIL_SHAPE and MOST_SHAPE.
    """

    base: float
    mean: float
    rate: float
    shape: float = TAIL_SHAPE

    def threshold(self, per_week: float) -> float:
        """Give the log odds that are reached `per_week` times a week, `base` at least.

        The excess follows a generalised Pareto law (Pickands 1975): the mean is known from few
        peaks, and an exponential law with an estimated mean has such a tail.
        """
        steps = math.log(max(self.rate / per_week, 1.0))
        return self.base + self.mean * math.expm1(self.shape * steps) / self.shape

    def weeks(self, log_odds: float) -> float:
        """Give how many weeks it takes, by chance, for the log odds to get this high once."""
        over = (log_odds - self.base) / self.mean
        if over <= 0:
            return math.exp(max(over, -50.0)) / self.rate
        return math.exp(math.log1p(self.shape * over) / self.shape) / self.rate


def plausible(excess: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out what is more than REAL_SILENCE means above the rest: those were real silences."""
    if not len(excess):
        return excess
    return excess[excess <= REAL_SILENCE * float(np.median(excess)) / math.log(2)]


def pooled_tail(
    peaks: Sequence[NDArray[np.float64]], weeks: Sequence[float], wanted: float = FEW_PEAKS / TAIL_SHAPE
) -> Tail:
    """Fit the peaks of many regions: `base` is the peak of rank PEAKS_PER_WEEK x regions x weeks.

    Of a small group it is a lower one, so that `wanted` peaks are above it, but MOST_PEAKS_PER_WEEK at most.
    With nothing to go by it is what the theory of the odds says: one peak over G hours in G hours, mean excess 1.
    """
    every = np.sort(np.concatenate([*peaks, np.zeros(0)]))[::-1]
    total = sum(weeks)
    if not len(every) or total <= 0:
        return Tail(math.log(168.0), 1.0, 1.0)
    rank = min(max(PEAKS_PER_WEEK * total, wanted), MOST_PEAKS_PER_WEEK * total)
    base = float(every[min(int(rank), len(every) - 1)])
    excess = plausible(every[every > base] - base)
    mean = max(float(excess.mean()), SHARPEST) if len(excess) else 1.0
    count = max(len(excess), 1)
    return Tail(base, mean, count / total, max(TAIL_SHAPE, min(FEW_PEAKS / count, MOST_SHAPE)))


def region_tail(peaks: NDArray[np.float64], weeks: float, pooled: Tail) -> Tail:
    """Fit one region's peaks over the pooled base; the pool stands in with REGION_WEIGHT peaks, one for the rate."""
    excess = peaks[peaks > pooled.base] - pooled.base
    excess = excess[excess <= REAL_SILENCE * pooled.mean]
    count = len(excess)
    return Tail(
        pooled.base,
        max((float(excess.sum()) + REGION_WEIGHT * pooled.mean) / (count + REGION_WEIGHT), SHARPEST),
        (count + 1) / (weeks + 1 / pooled.rate),
        pooled.shape,
    )


class GapTail(Struct, frozen=True, array_like=True):
    """Gaps of more than `start` expectation exceed it by `mean`; 1 where empty slots come independently."""

    start: float = SMALL_GAP
    mean: float = 1.0


def pooled_gaps(gaps: Sequence[NDArray[np.float64]]) -> GapTail:
    """Fit the gaps of many regions above their median, those under SMALL_GAP left out."""
    every = np.concatenate([*gaps, np.zeros(0)])
    every = every[every > SMALL_GAP]
    if not len(every):
        return GapTail()
    start = float(np.median(every))
    excess = plausible(every[every > start] - start)
    return GapTail(start, float(excess.mean()) if len(excess) else 1.0)


def region_gaps(gaps: NDArray[np.float64], pooled: GapTail) -> float:
    """Give a region's own mean excess, shrunk to the pooled one by REGION_WEIGHT gaps, LEAST_TAIL at least."""
    excess = gaps[gaps > pooled.start] - pooled.start
    excess = excess[excess <= REAL_SILENCE * pooled.mean]
    return max((float(excess.sum()) + REGION_WEIGHT * pooled.mean) / (len(excess) + REGION_WEIGHT), LEAST_TAIL)
