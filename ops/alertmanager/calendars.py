"""Mute times from the calendars of the regions: weekends, holidays and the hours in which nobody works there."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from streams.measures.calendars import holiday_calendar, parse_working_hours

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schemas.directory import Region

DAY: Final = 1_440
Key = tuple[object, ...]


def calendars(regions: Iterable[Region]) -> dict[str, list[Region]]:
    """Group the regions that are off at the same times, under the name of the time; those never off are left out."""
    groups: dict[Key, list[Region]] = {}
    for region in regions:
        key = (region.time_zone, region.weekend, region.holidays, region.own_days, region.working_hours)
        if any(key[1:]):
            groups.setdefault(key, []).append(region)
    names: dict[str, list[Region]] = {}
    for (zone, *_), group in groups.items():
        base = f"off-{str(zone).lower().replace('/', '-')}"
        name = next(name for number in range(1, len(groups) + 2) if (name := f"{base}-{number}") not in names)
        names[name] = group
    return names


def interval(name: str, region: Region, years: Sequence[int]) -> dict[str, Any]:
    """Give the time interval in which the people of `region` are off; holidays are those of `years`.

    Raises ValueError for a calendar or hours that can't be read.
    """
    location = {"location": region.time_zone}
    entries: list[dict[str, Any]] = []
    if region.weekend:
        entries.append({"weekdays": list(region.weekend), **location})
    free = _free(parse_working_hours(region.working_hours))
    if free:
        times = [{"start_time": _clock(start), "end_time": _clock(end)} for start, end in free]
        entries.append({"times": times, **location})
    for day in sorted({*_holidays(region.holidays, years), *region.own_days}):
        date = {"years": [str(day.year)], "months": [str(day.month)], "days_of_month": [str(day.day)]}
        entries.append({**date, **location})
    return {"name": name, "time_intervals": entries}


def _holidays(code: str, years: Sequence[int]) -> list[dt.date]:
    calendar = holiday_calendar(code)
    if calendar is None:
        return []
    days = (dt.date(year, 1, 1) + dt.timedelta(days=number) for year in years for number in range(366))
    return [day for day in days if day.year in years and day in calendar]


def _free(hours: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Give the minutes of a day that are in none of the working hours; nothing where there are no hours at all."""
    free: list[tuple[int, int]] = []
    if not hours:
        return free
    reached = 0
    for start, end in sorted(hours):
        if start > reached:
            free.append((reached, start))
        reached = max(reached, end)
    if reached < DAY:
        free.append((reached, DAY))
    return free


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
