"""Local days: which one it is somewhere at a moment, and when it begins there."""

from __future__ import annotations

import datetime as dt
from typing import Final

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MILLISECOND: Final = dt.timedelta(milliseconds=1)


def local_day(at: int, zone: dt.tzinfo) -> dt.date:
    """Give the day that it is in `zone` at `at` (ms since the epoch)."""
    return (EPOCH + at * MILLISECOND).astimezone(zone).date()


def day_begins(day: dt.date, zone: dt.tzinfo) -> int:
    """Give the first moment (ms since the epoch) from which it is `day` in `zone`, or a later day.

    Where midnight is skipped by a change to summer time, that is the moment of the change; where it comes twice, the
    first of the two; where a whole day was skipped (Samoa, 30 December 2011), the begin of the next one.
    """
    return (dt.datetime.combine(day, dt.time.min, tzinfo=zone) - EPOCH) // MILLISECOND
