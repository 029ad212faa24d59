"""The silence detector over its calendar: changes of daylight saving, holidays that are on or off, own days."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from schemas.directory import PlannedQuiet, Region
from streams.measures.silence import Detector
from tests.measures.posts import DAY, steps

MADRID = ZoneInfo("Europe/Madrid")
TRAINING = 20


def midnight(day: str) -> int:
    """Give the minute with which a day begins in Madrid."""
    return int(dt.datetime.fromisoformat(day).replace(tzinfo=MADRID).timestamp()) // 60


def office(first: int, after: int, *, closed: str = "", weekends: bool = True) -> dict[int, int]:
    """Twelve posts an hour from 9 to 17 by the local clock, none at other times or on the closed day."""
    local = ((at, dt.datetime.fromtimestamp(at * 60, MADRID)) for at in range(first, after, 5))
    return {
        at: 1
        for at, now in local
        if 9 <= now.hour < 17 and now.date().isoformat() != closed and (weekends or now.weekday() < 5)
    }


def alerts(region: Region, events: dict[int, int], first: int, after: int) -> list[int]:
    """Give the minutes of the last days, from the end of the training on, in which the region is held silent."""
    detector = Detector([region])
    course = steps(events, first, after, longest=60)
    said = [(minute, detector.observe(region.name, minute, count, span=span).silent) for minute, count, span in course]
    return [minute for minute, silent in said if silent and minute >= first + TRAINING * DAY - 60]


@pytest.mark.parametrize("change", ["2024-03-31", "2024-10-27"])
def test_slots_follow_the_local_clock_over_both_changes_of_daylight_saving(change: str) -> None:
    first, after = midnight(change) - TRAINING * DAY, midnight(change) + 9 * DAY
    events = office(first, after)
    assert not alerts(Region("madrid", time_zone="Europe/Madrid"), events, first, after)
    # Where the zone is not told, the hour by which the office moves is one of silence.
    assert alerts(Region("madrid"), events, first, after)


@pytest.mark.parametrize("change", ["2024-03-31", "2024-10-27"])
def test_a_silence_on_the_day_of_the_change_is_found_within_the_same_hours(change: str) -> None:
    first, after = midnight(change) - TRAINING * DAY, midnight(change) + 2 * DAY
    events = office(first, after, closed=change)
    found = alerts(Region("madrid", time_zone="Europe/Madrid"), events, first, after)
    local = dt.datetime.fromtimestamp(found[0] * 60, MADRID)
    assert (local.date().isoformat(), 9 <= local.hour < 11) == (change, True)


@pytest.mark.parametrize(
    ("region", "silent"),
    [
        (Region("office", time_zone="Europe/Madrid", holidays="ES-AN"), True),
        (Region("office", time_zone="Europe/Madrid", holidays="ES", quiet_on_holidays=True), True),
        (Region("office", time_zone="Europe/Madrid", holidays="ES-AN", quiet_on_holidays=True), False),
        (Region("office", time_zone="Europe/Madrid", own_days=(dt.date(2024, 2, 28),)), False),
        (Region("office", time_zone="Europe/Madrid", own_days=(dt.date(2024, 2, 27),)), True),
        (
            Region(
                "office",
                time_zone="Europe/Madrid",
                planned_quiet=(
                    PlannedQuiet(
                        dt.datetime.fromisoformat("2024-02-28T00:00:00+01:00"),
                        dt.datetime.fromisoformat("2024-02-29T00:00:00+01:00"),
                        "closed",
                    ),
                ),
            ),
            False,
        ),
    ],
)
def test_a_holiday_is_a_silence_unless_the_region_is_quiet_on_it_or_has_the_day_off(
    region: Region, silent: bool
) -> None:
    day = "2024-02-28"  # of Andalusia, a Wednesday
    first, after = midnight(day) - TRAINING * DAY, midnight(day) + DAY + 12 * 60
    found = alerts(region, office(first, after, closed=day, weekends=False), first, after)
    assert bool(found) == silent


@pytest.mark.parametrize(
    "minutes", [(0,), (0, 15, 30, 45), range(0, 480, 30), range(0, 480, 10), range(0, 480, 5)], ids=len
)
def test_an_office_that_posts_by_a_timetable_on_working_days_is_called_silent_when_it_stops_and_not_before(
    minutes: tuple[int, ...],
) -> None:
    first, weeks = midnight("2024-01-01"), 4
    stop = first + weeks * 7 * DAY
    nines = [first + day * DAY + 9 * 60 for day in range(weeks * 7) if day % 7 < 5]
    detector = Detector([Region("office", time_zone="Europe/Madrid")])
    found = []
    for minute, count, span in steps({nine + at: 1 for nine in nines for at in minutes}, first, stop + DAY, longest=60):
        if detector.observe("office", minute, count, span=span).silent:
            found.append(minute)
    # nine o'clock on the first Monday without posts, and two hours more
    assert stop + 9 * 60 < found[0] < stop + 11 * 60
