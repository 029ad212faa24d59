"""Partial drops: odds that a region's counts fell to a fifth, against an ordinary lull, by quarter hours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from streams.measures.silence.odds import MOST, log, peaks
from streams.measures.silence.settings import DROP_HELD, DROPPED, LEVEL_HALF_LIFE, LEVEL_WEIGHT, LULL, QUARTER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from streams.measures.silence.slots import Past

HOURS = QUARTER / 60
DECAY = 2 ** (-QUARTER / LEVEL_HALF_LIFE)
WEIGHT = 3 * LEVEL_WEIGHT
_PER_EVENT = math.log(DROPPED / LULL)


class Counted(NamedTuple):
    """Where the drop test stands: its odds (hours), and the sums behind the level of the counts."""

    odds: float = 0.0
    done: float = 0.0
    expected: float = 0.0

    @property
    def level(self) -> float:
        """Events over expected ones, pulled to one by WEIGHT events."""
        return (self.done + WEIGHT) / (self.expected + WEIGHT)


def after_quarter(state: Counted, count: float, mean: float, dispersion: float) -> Counted:
    """Take a quarter hour with `count` events where `mean` are expected at level 1.

    The counts are negative binomial with variance m + m^2/k; the likelihood ratio of means a and b is
    (a/b)^y ((k + b)/(k + a))^(y + k).
    """
    expected = mean * state.level
    gain = count * _PER_EVENT + (count + dispersion) * math.log(
        (dispersion + LULL * expected) / (dispersion + DROPPED * expected)
    )
    return Counted(
        min((state.odds + HOURS) * math.exp(max(-50.0, min(gain, 50.0))), MOST),
        state.done * DECAY + min(count, 3 * expected + 3),
        state.expected * DECAY + mean,
    )


def held(state: Counted, threshold: float) -> Counted:
    """Keep the odds of a drop that is alerted within DROP_HELD of the threshold, so that it can end when it ended."""
    return state._replace(odds=min(state.odds, math.exp(threshold + DROP_HELD)))


def idle(state: Counted) -> Counted:
    """Let a quarter hour go by that is no evidence."""
    return Counted(state.odds, state.done * DECAY, state.expected * DECAY)


def replay(past: Past, means: NDArray[np.float64], dispersion: float, warm_up: int) -> tuple[list[float], Counted]:
    """Run the test over a history: the peaks of its log odds, and where it stands at the end.

    `means` are what each quarter hour should have at level 1; the first `warm_up` minutes' peaks don't count.
    """
    state = Counted()
    course: list[float] = []
    for count, mean, seen in zip(past.counts.tolist(), means.tolist(), past.quarter_seen.tolist(), strict=True):
        state = after_quarter(state, count, mean, dispersion) if seen else idle(state)
        course.append(log(state.odds))
    return peaks(course, warm_up // QUARTER), state
