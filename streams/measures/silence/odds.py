"""Shiryaev-Roberts odds that a region fell silent: the sum over all moments of onset of the likelihood ratio.

After an empty slot of h hours and hazard x, R = (R + h) e^x: every moment so far may have been the onset, and silence
explains the empty slot better by e^x. R has the unit of hours; without a silence R minus the time gone by is a
martingale, so that R reaches a value G about once in G hours (Pollak 1985; Shiryaev 1963).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from streams.measures.silence.settings import (
    COUNTS_FOLLOWED,
    COUNTS_HALF_LIFE,
    DROP_ODDS,
    DROPPED,
    LEVEL_HALF_LIFE,
    LEVEL_WEIGHT,
    PEAK_FALL,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from streams.measures.silence.slots import Past

MOST: Final = 1e100
LOWEST: Final = -99.0
"""The log odds of what can't be."""


def after_empty(odds: float, hours: float, hazard: float) -> float:
    """Give the odds after an empty slot."""
    return min((odds + hours) * math.exp(min(hazard, 50.0)), MOST)


def drop_after(odds: float, hours: float, hazard: float, tail: float, *, occupied: bool) -> float:
    """Give the odds of a drop to DROPPED after a slot of a sparse region, by whether it was occupied.

    `hazard` is that of the slot at the region's level; an empty slot's is divided by the tail, as in the silence test.
    """
    if not occupied:
        return after_empty(odds, hours, (1 - DROPPED) * hazard / tail)
    ratio = math.expm1(-DROPPED * hazard) / math.expm1(-hazard) if hazard > 1e-9 else DROPPED
    return min((odds + hours) * ratio, MOST)


def rescaled(odds: float, before: float, after: float) -> float:
    """Give odds that stood under the tail `before` as the tail `after` has them: their logarithm goes with its inverse.

    A threshold belongs to one tail; odds of another would reach it too early or too late.
    """
    return math.exp(min(math.log(odds) * before / after, math.log(MOST))) if odds > 1 else odds


def log(odds: float) -> float:
    """Give the logarithm, LOWEST for nothing."""
    return math.log(odds) if odds > 1e-40 else LOWEST


class Replayed(NamedTuple):
    """The peaks of the log odds over a history, and the odds of silence and of a drop at its end."""

    peaks: list[float]
    silence: float
    drop: float


class Levels(NamedTuple):
    """The level in each slot, from what came before it, then `now`, and the sums of done and expected at the end."""

    slots: NDArray[np.float64]
    now: float
    done: float
    expected: float


def tracked(
    done: NDArray[np.float64], expected: NDArray[np.float64], half_life: float, weight: float
) -> tuple[NDArray[np.float64], float, float]:
    """Give the level after each step: (A + weight)/(B + weight), A and B the sums that halve every `half_life` steps.

    Also the last A and B.
    """
    growth = np.exp2((np.arange(len(done)) - len(done) + 1) / half_life)
    a, b = np.cumsum(done * growth) / growth, np.cumsum(expected * growth) / growth
    if not len(done):
        return np.ones(0), 0.0, 0.0
    return (a + weight) / (b + weight), float(a[-1]), float(b[-1])


def counts_half_life(mean: Sequence[float], step: int) -> float:
    """Give the half-life in minutes of a level that counts tell; `mean` is that of a step of so many minutes per cell.

    It is COUNTS_HALF_LIFE, or as long as COUNTS_FOLLOWED events take in a week of five working days.
    """
    day = len(mean) // 3
    usual = (5 * sum(mean[:day]) + sum(mean[day:])) / (7 * day)
    return max(COUNTS_HALF_LIFE, COUNTS_FOLLOWED * step / max(usual, 1e-6))


def counts_levels(past: Past, means: NDArray[np.float64], half_life: float) -> Levels:
    """Give the level in each slot from the counts of the steps, of which `means` are expected at level 1.

    `half_life` is in minutes.
    """
    done = np.where(past.step_seen, np.minimum(past.counts, 3 * means + 3), 0.0)
    expected = np.where(past.step_seen, means, 0.0)
    levels, a, b = tracked(done, expected, half_life / past.step, 3 * LEVEL_WEIGHT)
    before = np.concatenate(([1.0], levels[:-1]))
    now = float(levels[-1]) if len(levels) else 1.0
    return Levels(np.repeat(before, past.step // past.slot), now, a, b)


def slot_levels(past: Past, hazard: NDArray[np.float64]) -> Levels:
    """Give the level in each slot from the occupied slots so far, standing still inside a gap; `hazard` at level 1."""
    expected = np.where(past.seen, -np.expm1(-hazard), 0.0)
    done = np.where(past.occupied & past.seen, 1.0, 0.0)
    levels, a, b = tracked(done, expected, LEVEL_HALF_LIFE / past.slot, LEVEL_WEIGHT)
    last = np.maximum.accumulate(np.where(past.occupied, np.arange(len(levels)), -1))
    held = np.where(last >= 0, levels[last], 1.0)
    now = float(held[-1]) if len(held) else 1.0
    return Levels(np.concatenate(([1.0], held[:-1])), now, a, b)


def gaps(past: Past, hazard: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Find the gaps: first slot, slot after the last (only between occupied slots), and the expectation in each.

    `hazard` is that of each slot at its level, zero where it is no evidence.
    """
    marks = np.flatnonzero(past.occupied)
    first, after = marks[:-1] + 1, marks[1:]
    total = np.concatenate(([0.0], np.cumsum(hazard)))
    expectation = total[after] - total[first]
    kept = expectation > 0
    return first[kept], after[kept], expectation[kept]


def gap_peaks(
    hazard: NDArray[np.float64], hours: NDArray[np.float64], first: NDArray[np.intp], after: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Give ln R at the end of each gap; `hours` is each slot's length, 0 where it is no evidence."""
    if not len(first):
        return np.zeros(0)
    total = np.concatenate(([0.0], np.cumsum(hazard)))
    start = np.zeros(len(hazard))
    inside = np.zeros(len(hazard) + 1)
    np.add.at(inside, first, 1)
    np.add.at(inside, after, -1)
    within = np.cumsum(inside[:-1]) > 0
    start[within] = np.repeat(total[first], after - first)
    terms = np.where(within, hours * np.exp(start - total[:-1]), 0.0)
    sums = np.concatenate(([0.0], np.cumsum(terms)))
    inner: NDArray[np.float64] = np.log(np.maximum(sums[after] - sums[first], 1e-12))
    return total[after] - total[first] + inner


def replay_mixed(past: Past, hazard: NDArray[np.float64], tail: float, warm_up: int) -> Replayed:
    """Replay silence and drop together over a sparse region's slots; peaks in the first `warm_up` don't count."""
    silence = drop = 0.0
    course: list[float] = []
    hours = past.hours
    for occupied, seen, x in zip(past.occupied.tolist(), past.seen.tolist(), hazard.tolist(), strict=True):
        if seen:
            drop = drop_after(drop, hours, x, tail, occupied=occupied)
            silence = 0.0 if occupied else after_empty(silence, hours, x / tail)
        elif occupied:
            silence = 0.0
        course.append(log(silence + DROP_ODDS * drop))
    return Replayed(peaks(course, warm_up), silence, drop)


def peaks(course: Iterable[float], warm_up: int) -> list[float]:
    """Give the maxima of log odds that a fall of PEAK_FALL followed, those in the first `warm_up` steps left out."""
    found: list[float] = []
    top = LOWEST
    low = LOWEST
    top_at = 0
    rising = True
    for at, value in enumerate(course):
        if not rising:
            if value <= low:
                low = value
                continue
            rising, top, top_at = True, value, at
        elif value > top:
            top, top_at = value, at
        elif value < top - PEAK_FALL:
            if top_at >= warm_up:
                found.append(top)
            rising, low = False, value
    return found
