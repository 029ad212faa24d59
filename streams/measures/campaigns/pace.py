"""The pace of a campaign against its goal, as an objective with fast and slow burn rates.

After the Site Reliability Workbook, chapter 5 ("Alerting on SLOs"): there an error budget is burnt, here the time that
is left. A burn rate of 1 uses it up just when the goal is reached; at 2, half of the rest is missing in the end. Each
alert looks at a long window, so that it means something, and at a short one, so that it ends soon after the cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from streams.measures.campaigns.reached import Reached

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.measures.campaigns.book import Period

DAY: Final = 1_440
FAST: Final = (3 * DAY, DAY)
"""Long and short window (minutes) of the fast burn. Whole days, as people sleep."""
SLOW: Final = (7 * DAY, 3 * DAY)
FAST_BURN: Final = 4.0
"""It makes a quarter of the way that it needs: it has all but stopped."""
SLOW_BURN: Final = 4 / 3
"""It makes three quarters of the way."""
BURN_LIMIT: Final = 1_000.0
"""The burn rate where nothing is gained at all; it has no bound of its own."""
KEPT_DAYS: Final = 15
"""Days before the last one that are remembered: a week, and the week before it, with their begin."""
SURE: Final = 2.0
"""Standard deviations that the rounding is given before a burn rate counts as sure."""


class Point(Struct, frozen=True, array_like=True):
    """What was reached at `minute` (since the epoch): as released when a UTC day ends, or at the campaign's begin."""

    minute: int
    reached: Reached


class Burn(Struct, frozen=True):
    """A burn rate over a window: the likely one, and the least one that the rounding of the figures leaves possible."""

    likely: float
    sure: float


class Pace(Struct, frozen=True):
    """A campaign's pace. `progress` is a share of the goal (low and high), `planned` the share of the time gone by.

    Burn rates are None until a day has been seen, and after the end. `falls_behind_fast` and `falls_behind` say that
    both windows burn too fast for sure.
    """

    progress: tuple[float, float]
    planned: float
    day: Burn | None = None
    three_days: Burn | None = None
    week: Burn | None = None
    falls_behind_fast: bool = False
    falls_behind: bool = False


def pace(points: Sequence[Point], target: int, period: Period) -> Pace | None:
    """Give the pace as of the last of `points` (oldest first, at most one a day); None without points or goal."""
    if not points or target <= 0:
        return None
    last = points[-1]
    day, three_days, week = (burn(points, target, period, window) for window in (FAST[1], FAST[0], SLOW[0]))
    return Pace(
        progress=(last.reached.low / target, last.reached.high / target),
        planned=period.planned(last.minute),
        day=day,
        three_days=three_days,
        week=week,
        falls_behind_fast=_both(three_days, day, FAST_BURN),
        falls_behind=_both(week, three_days, SLOW_BURN),
    )


def burn(points: Sequence[Point], target: int, period: Period, window: int) -> Burn | None:
    """Give the burn rate over the last `window` minutes: pace that is needed from now on, over the pace that was.

    needed = (target - reached) / (ends - now), pace = (reached - reached before) / window. A window that reaches back
    before the first point begins there, if that is a day or more ago.
    """
    last = points[-1]
    left = period.ends - last.minute
    older = [point for point in points if point.minute <= last.minute - window] or [points[0]]
    passed = last.minute - older[-1].minute
    if left <= 0 or passed < DAY:
        return None
    before = older[-1].reached
    gained = max(0.0, last.reached.likely - before.likely)
    unsure = SURE * (last.reached.variance + before.variance) ** 0.5
    missing = target - last.reached.likely
    return Burn(
        _rate(missing / left, gained / passed),
        _rate((missing - SURE * last.reached.deviation) / left, (gained + unsure) / passed),
    )


def _rate(needed: float, had: float) -> float:
    if needed <= 0:
        return 0.0
    return min(BURN_LIMIT, needed / had) if had > 0 else BURN_LIMIT


def _both(long: Burn | None, short: Burn | None, threshold: float) -> bool:
    return long is not None and short is not None and min(long.sure, short.sure) >= threshold
