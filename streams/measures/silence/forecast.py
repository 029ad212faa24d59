"""What can be promised: how long it would take to call a silence that began now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.measures.calendars import QUARTERS, QUIET
from streams.measures.silence.settings import DAY, FORECAST, HOUR, QUARTER

if TYPE_CHECKING:
    from streams.measures.calendars import Calendar
    from streams.measures.silence.fit import Fit


def promise(fit: Fit, calendar: Calendar, now: int, level: float) -> int | None:
    """Give the minutes until the odds reach the threshold if nothing happens from the full hour `now` on.

    None where that takes more than four weeks. The level is held; slots in which nothing is expected count for time
    but not for evidence.
    """
    usual = float(np.mean(fit.hazard)) * level / fit.tail * DAY / fit.slot
    for days in (1, FORECAST // DAY) if usual > fit.threshold else (FORECAST // DAY,):
        found = _search(fit, calendar, now, level, days)
        if found is not None:
            return found
    return None


def _search(fit: Fit, calendar: Calendar, now: int, level: float, days: int) -> int | None:
    shifted = now + calendar.phase
    first, skipped = divmod(shifted, DAY)
    codes = calendar.stretch(first, FORECAST // DAY + 1)[skipped // QUARTER : skipped // QUARTER + days * QUARTERS]
    quiet = np.asarray(codes >= QUIET)
    cells = (codes & (QUIET - 1)).astype(np.intp)
    if fit.slot == HOUR:
        quiet, cells = np.asarray(quiet.reshape(-1, 4).any(axis=1)), cells[::4]
    elif fit.slot < QUARTER:
        quiet, cells = np.repeat(quiet, QUARTER // fit.slot), np.repeat(cells, QUARTER // fit.slot)
    hazard = np.where(quiet, 0.0, np.array(fit.hazard)[cells] * (level / fit.tail))
    hours = np.where(quiet, 0.0, fit.slot / HOUR)
    total = np.cumsum(hazard)
    onsets = np.cumsum(hours * np.exp(hazard - total))
    reached = total + np.log(np.maximum(onsets, 1e-300)) >= fit.threshold
    at = int(reached.argmax())
    return (at + 1) * fit.slot if reached[at] else None
