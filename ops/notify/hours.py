"""Quiet hours: the hours of a local day in which nothing is sent but what can't wait."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from streams.measures.calendars import parse_working_hours

MINUTE = 60_000
LONGEST = 8
"""Spans that may follow each other without a gap; more than a day of them would be no hours at all."""


class QuietHours:
    """The quiet hours of one receiver, such as `22:00-07:00`, on the clocks of `time_zone`; none for an empty text.

    Raises ValueError for hours or a zone that can't be read.
    """

    def __init__(self, text: str, time_zone: str) -> None:
        self.zone = ZoneInfo(time_zone)
        self._spans = parse_working_hours(text)

    def end(self, at: int) -> int:
        """Give the end of the quiet hours in which the moment `at` lies, and `at` itself outside of them (ms)."""
        for _ in range(LONGEST):
            local = dt.datetime.fromtimestamp(at / 1000, self.zone)
            minute = local.hour * 60 + local.minute
            until = next((end for start, end in self._spans if start <= minute < end), None)
            if until is None:
                break
            midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
            # wall clock, so that a day of 23 or 25 hours ends its quiet hours when the clocks say so
            end = midnight + dt.timedelta(minutes=until)
            ends = (round(end.replace(fold=fold).timestamp() * 1000) for fold in (0, 1))
            at = next((one for one in ends if one > at), at + MINUTE)
        return at

    def are_now(self, at: int) -> bool:
        """Tell whether the moment `at` (ms) lies in quiet hours."""
        return self.end(at) != at
