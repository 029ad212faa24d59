"""Calendars: a region's local hours, weekend, days off, working hours and planned quiet.

Everything is asked by the minute since the epoch (UTC), so durations are differences of minutes and daylight saving
only changes what a minute is called: a local day has 23, 24 or 25 hours. The detector asks for whole days of quarter
hours; a day here is 1,440 minutes counted from `phase` before UTC midnight, so that its hours begin with local hours
also where the zone is off by 30 or 45 minutes.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from schemas.directory import Region, Weekday

QUARTERS: Final = 96
"""Quarter hours in a day of 1,440 minutes."""

CELLS: Final = 72
"""Hour of the day x {working day, first, second day of the weekend}."""

QUIET: Final = 0x80
"""Set in a quarter hour's code where nothing is expected."""

KEPT_DAYS: Final = 128
"""How many days' codes a calendar remembers; more than a history and a forecast need."""

WEEKDAYS: Final[tuple[Weekday, ...]] = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)

_HOURS = re.compile(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*")
_PHASE_AT: Final = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def parse_working_hours(text: str) -> tuple[tuple[int, int], ...]:
    """Read `08:00-12:00, 13:00-17:30` as minutes of the local day; an end before its start is on the next day.

    Raises ValueError where it can't be read; trying again can't help.
    """
    spans: list[tuple[int, int]] = []
    for part in filter(str.strip, text.split(",")):
        found = _HOURS.fullmatch(part)
        if not found:
            raise ValueError(f"wanted working hours like 08:00-17:30, got {part.strip()!r}: correct `working_hours`")
        from_hour, from_minute, to_hour, to_minute = map(int, found.groups())
        start, end = from_hour * 60 + from_minute, to_hour * 60 + to_minute
        if max(start, end) > 1440 or max(from_minute, to_minute) > 59 or start == end:
            raise ValueError(f"wanted two different times from 00:00 to 24:00, got {part.strip()!r}")
        spans.extend([(start, end)] if start < end else [(start, 1440), (0, end)])
    return tuple(spans)


def holiday_calendar(code: str) -> holidays.HolidayBase | None:
    """Find the calendar of a country or country-subdivision (`ES`, `ES-AN`); None for no code.

    Raises ValueError for a code that the `holidays` library does not know.
    """
    if not code:
        return None
    country, _, subdivision = code.partition("-")
    try:
        return holidays.country_holidays(country.upper(), subdiv=subdivision or None)
    except NotImplementedError as error:
        raise ValueError(
            f"wanted a holiday calendar such as ES or ES-AN, got {code!r}, which the holidays library does not know"
        ) from error


def time_zone(name: str) -> ZoneInfo:
    """Find an IANA time zone; raises ValueError where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"wanted an IANA time zone such as Europe/Madrid, got {name!r}") from error


class Calendar:
    """What a region's minutes are called and whether anything is expected in them."""

    def __init__(self, region: Region) -> None:
        self.zone = time_zone(region.time_zone)
        offset = _PHASE_AT.astimezone(self.zone).utcoffset() or dt.timedelta()
        self.phase: int = int(offset.total_seconds()) // 60 % 60
        """Minutes to add to a UTC minute so that full hours are full local hours."""
        self._weekend = tuple(WEEKDAYS.index(day) for day in region.weekend)
        self._holidays = holiday_calendar(region.holidays) if region.quiet_on_holidays else None
        self._own_days = frozenset(region.own_days)
        self._hours = parse_working_hours(region.working_hours)
        self._planned = tuple(
            (self._minute(quiet.start), -self._minute(quiet.end, -1), quiet.reason or "planned")
            for quiet in region.planned_quiet
        )
        self._codes: dict[int, bytes] = {}
        self._stretch_of = (0, 0)
        self._stretch: NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)

    def _minute(self, moment: dt.datetime, sign: int = 1) -> int:
        """Give the minute of a moment, times `sign` and rounded down; without an offset it is local time."""
        aware = moment if moment.tzinfo else moment.replace(tzinfo=self.zone)
        return int(sign * aware.timestamp() // 60)

    def local(self, minute: int) -> dt.datetime:
        """Give the local time at the beginning of a minute."""
        return dt.datetime.fromtimestamp(minute * 60, self.zone)

    def is_day_off(self, day: dt.date) -> bool:
        """Tell whether a local date is an own day off, or a holiday on which this region is quiet."""
        return day in self._own_days or (self._holidays is not None and day in self._holidays)

    def day_type(self, day: dt.date) -> int:
        """Give 0 for a working day, 1 and 2 for the first and second day of the weekend; a day off is like the last.

        A weekend of three days or more has its later days as the second; without a weekend a day off is a 2.
        """
        if self.is_day_off(day):
            return min(len(self._weekend), 2) or 2
        weekday = day.weekday()
        return min(self._weekend.index(weekday) + 1, 2) if weekday in self._weekend else 0

    def works(self, moment: dt.datetime) -> bool:
        """Tell whether a local time is within the working hours, if the region has any."""
        at = moment.hour * 60 + moment.minute
        return not self._hours or any(start <= at < end for start, end in self._hours)

    def planned(self, minute: int) -> str:
        """Give the reason of the planned quiet that a minute lies in; empty where there is none."""
        for start, end, reason in self._planned:
            if start <= minute < end:
                return reason
        return ""

    def expects(self, minute: int) -> str:
        """Say why nothing is expected in a minute; empty where something is."""
        return self.planned(minute) or ("" if self.works(self.local(minute)) else "outside working hours")

    def codes(self, day: int) -> bytes:
        """Give the 96 quarter hours of a day: the cell (0 to 71), with QUIET set where nothing is expected.

        `day` counts days of 1,440 minutes since the epoch, shifted by `phase`. A quarter hour is quiet as soon as one
        of its minutes is in planned quiet or its first minute is outside working hours.
        """
        known = self._codes.get(day)
        if known is None:
            if len(self._codes) >= KEPT_DAYS:
                del self._codes[min(self._codes)]
            known = self._codes[day] = self._work_out(day)
        return known

    def stretch(self, first: int, days: int) -> NDArray[np.uint8]:
        """Give the codes of `days` days from `first` on, one after the other; the last stretch is remembered."""
        if self._stretch_of != (first, days):
            self._stretch = np.frombuffer(b"".join(map(self.codes, range(first, first + days))), dtype=np.uint8)
            self._stretch_of = (first, days)
        return self._stretch

    def _work_out(self, day: int) -> bytes:
        codes = bytearray(QUARTERS)
        begin = day * 1440 - self.phase
        types: dict[dt.date, int] = {}
        for quarter in range(QUARTERS):
            first = begin + 15 * quarter
            local = self.local(first)
            date = local.date()
            kind = types.get(date)
            if kind is None:
                kind = types[date] = self.day_type(date)
            quiet = not self.works(local) or any(start < first + 15 and first < end for start, end, _ in self._planned)
            codes[quarter] = local.hour + 24 * kind + (QUIET if quiet else 0)
        return bytes(codes)


def calendar_key(region: Region) -> tuple[object, ...]:
    """Give what two regions must share to share one calendar."""
    return (
        region.time_zone,
        region.weekend,
        region.holidays,
        region.quiet_on_holidays,
        region.own_days,
        region.working_hours,
        region.planned_quiet,
    )
