"""How high the odds stand: the log odds of both tests, and of which of them is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.measures.silence.odds import LOWEST, log
from streams.measures.silence.settings import DROP_ODDS

if TYPE_CHECKING:
    from streams.measures.silence.fit import Fit
    from streams.measures.silence.state import State


class Heights(NamedTuple):
    """The log odds of both tests at a slot's end."""

    silence: float = LOWEST
    drop: float = LOWEST


class Told(NamedTuple):
    """The figures of one test: its log odds, its threshold, and in how many weeks chance gets there once."""

    log_odds: float
    threshold: float
    weeks: float


def heights(state: State, fit: Fit | None) -> Heights:
    """Give the log odds of both tests; without a test of its own a drop is part of the silence."""
    if not fit:
        return Heights()
    if fit.counted:
        return Heights(log(state.odds), log(state.counted.odds))
    return Heights(log(state.odds + DROP_ODDS * state.mixed))


def told(state: State, fit: Fit, now: Heights) -> Told:
    """Give the figures of the drop that alone holds a region silent, else of the test that is nearer to firing."""
    by_drop = state.dropped and not state.silent
    if by_drop or (fit.counted and now.drop - fit.drop_threshold > now.silence - fit.threshold):
        return Told(now.drop, fit.drop_threshold, fit.drop.weeks(now.drop))
    return Told(now.silence, fit.threshold, fit.silence.weeks(now.silence))
