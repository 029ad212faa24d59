"""Partial drops: odds that counts fell to a fifth, against an ordinary lull, by quarter hours or longer slots."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from streams.measures.silence.odds import MOST, log, peaks
from streams.measures.silence.settings import DROP_HELD, DROPPED, LEVEL_HALF_LIFE, LEVEL_WEIGHT, LULL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from streams.measures.silence.slots import Past

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


def decay(step: int) -> float:
    """Give what is left of the sums after a step of so many minutes."""
    return float(2 ** (-step / LEVEL_HALF_LIFE))


def after_step(state: Counted, count: float, mean: float, dispersion: float, step: int) -> Counted:
    """Take a step of so many minutes with `count` events where `mean` are expected at level 1.

    The counts are negative binomial with variance m + m^2/k; the likelihood ratio of means a and b is
    (a/b)^y ((k + b)/(k + a))^(y + k).
    """
    expected = mean * state.level
    gain = count * _PER_EVENT + (count + dispersion) * math.log(
        (dispersion + LULL * expected) / (dispersion + DROPPED * expected)
    )
    return Counted(
        min((state.odds + step / 60) * math.exp(max(-50.0, min(gain, 50.0))), MOST),
        state.done * decay(step) + min(count, 3 * expected + 3),
        state.expected * decay(step) + mean,
    )


def held(state: Counted, threshold: float) -> Counted:
    """Keep the odds of a drop that is alerted within DROP_HELD of the threshold, so that it can end when it ended."""
    return state._replace(odds=min(state.odds, math.exp(threshold + DROP_HELD)))


def idle(state: Counted, step: int) -> Counted:
    """Let a step go by that is no evidence."""
    return Counted(state.odds, state.done * decay(step), state.expected * decay(step))


def replay(past: Past, means: NDArray[np.float64], dispersion: float, warm_up: int) -> tuple[list[float], Counted]:
    """Run the test over a history: the peaks of its log odds, and where it stands at the end.

    `means` are what each step should have at level 1; the first `warm_up` minutes' peaks don't count.
    """
    state = Counted()
    course: list[float] = []
    for count, mean, seen in zip(past.counts.tolist(), means.tolist(), past.step_seen.tolist(), strict=True):
        state = after_step(state, count, mean, dispersion, past.step) if seen else idle(state, past.step)
        course.append(log(state.odds))
    return peaks(course, warm_up // past.step), state
