"""How surprising it is that nothing came from a region since a moment, which need not be its own last event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from streams.measures.calendars import QUIET
from streams.measures.silence.settings import DAY, QUARTER

if TYPE_CHECKING:
    from streams.measures.silence.machine import Machine

LONGEST: Final = 2 * DAY
"""What is looked back on at most: long enough for a sign of life of most regions."""


def surprise(machine: Machine, first: int, after: int) -> float:
    """Give -ln of the probability that a well region has no event in the minutes `first` to before `after`.

    It is the hazard of the minutes in which it was watched and something is expected, over the tail, at the region's
    level; nothing while it is learning. Minutes that have not been read as yet may have events, and say nothing.
    """
    fit, calendar = machine.fit, machine.calendar
    after = min(after, machine.state.minute + 1)
    begin, end = max(first, after - LONGEST) + calendar.phase, after + calendar.phase
    if fit is None or begin >= end:
        return 0.0
    day = begin // DAY
    codes = np.repeat(calendar.stretch(day, (end - 1) // DAY - day + 1), QUARTER)[begin - day * DAY : end - day * DAY]
    counts = np.logical_and(codes < QUIET, machine.history.watched(begin, end))
    hazard = np.array(fit.hazard)[(codes & (QUIET - 1)).astype(np.intp)]
    return float(hazard[counts].sum()) / fit.slot * machine.state.level / fit.tail
