"""Local hours, weekends, days off, working hours and planned quiet, across both changes of daylight saving."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.directory import PlannedQuiet, Region, Weekday
from streams.measures.calendars import CELLS, QUIET, Calendar, calendar_key, parse_working_hours


def minute(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp()) // 60


def code_at(calendar: Calendar, at: int) -> int:
    shifted = at + calendar.phase
    return calendar.codes(shifted // 1440)[shifted % 1440 // 15]


def hours_of(calendar: Calendar, day: str, zone: str) -> list[int]:
    """The local hour of every quarter hour of a local day, as the codes have it."""
    start = dt.datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    end = (start + dt.timedelta(days=1)).replace(tzinfo=ZoneInfo(zone))
    return [code_at(calendar, at) % 24 for at in range(int(start.timestamp()) // 60, int(end.timestamp()) // 60, 15)]


def test_a_plain_day_has_four_quarters_of_each_hour() -> None:
    hours = hours_of(Calendar(Region("a", time_zone="Europe/Madrid")), "2024-05-15", "Europe/Madrid")
    assert hours == [quarter // 4 for quarter in range(96)]


def test_the_day_that_clocks_go_forward_has_23_hours_and_no_hour_two() -> None:
    hours = hours_of(Calendar(Region("a", time_zone="Europe/Madrid")), "2024-03-31", "Europe/Madrid")
    assert len(hours) == 23 * 4
    assert 2 not in hours
    assert hours[4:12] == [1, 1, 1, 1, 3, 3, 3, 3]


def test_the_day_that_clocks_go_back_has_25_hours_and_hour_two_twice() -> None:
    hours = hours_of(Calendar(Region("a", time_zone="Europe/Madrid")), "2024-10-27", "Europe/Madrid")
    assert len(hours) == 25 * 4
    assert hours[8:16] == [2] * 8


ZONES = [
    ("Europe/Madrid", "2024-03-31", 23),
    ("Europe/Madrid", "2024-10-27", 25),
    ("America/Santiago", "2024-09-08", 23),  # at midnight: the day begins at one
    ("America/Santiago", "2024-04-06", 25),  # its last hour comes twice
    ("Australia/Lord_Howe", "2024-10-06", 23.5),
    ("Australia/Lord_Howe", "2024-04-07", 24.5),
]


@pytest.mark.parametrize(("zone", "day", "hours"), ZONES)
def test_an_own_day_lasts_from_local_midnight_to_the_next_when_clocks_change(zone: str, day: str, hours: float) -> None:
    date = dt.date.fromisoformat(day)
    calendar = Calendar(Region("a", time_zone=zone, weekend=(), own_days=(date,)))
    start = minute(day + "T00:00:00+00:00")
    off = [at for at in range(start - 2 * 1440, start + 3 * 1440, 15) if code_at(calendar, at) >= 24]
    assert (off[-1] + 15 - off[0], len(off) * 15) == (hours * 60, hours * 60)
    before, last, after = (calendar.local(at) for at in (off[0] - 1, off[-1] + 14, off[-1] + 15))
    assert (before.date(), before.minute) == (date - dt.timedelta(days=1), 59)
    assert (last.date(), last.hour, last.minute) == (date, 23, 59)
    assert (after.date(), after.hour, after.minute) == (date + dt.timedelta(days=1), 0, 0)


@pytest.mark.parametrize(
    ("day", "first", "after"),
    [
        ("2024-05-15", "2024-05-15T02:00:00+02:00", "2024-05-15T04:00:00+02:00"),
        ("2024-03-31", "2024-03-31T03:00:00+02:00", "2024-03-31T04:00:00+02:00"),
        ("2024-10-27", "2024-10-27T02:00:00+02:00", "2024-10-27T04:00:00+01:00"),
    ],
)
def test_working_hours_follow_the_local_clock_when_it_changes(day: str, first: str, after: str) -> None:
    calendar = Calendar(Region("a", time_zone="Europe/Madrid", working_hours="02:00-04:00"))
    noon = minute(day + "T12:00:00+00:00")
    works = [at for at in range(noon - 1440, noon) if not calendar.expects(at)]
    assert works == list(range(minute(first), minute(after)))
    open_quarters = [at for at in range(noon - 1440, noon, 15) if code_at(calendar, at) < QUIET]
    assert open_quarters == list(range(minute(first), minute(after), 15))


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2024-03-30T22:00:00+01:00", "2024-03-31T06:00:00+02:00", 7),
        ("2024-10-26T22:00:00+02:00", "2024-10-27T06:00:00+01:00", 9),
        ("2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00", 1),
    ],
)
def test_planned_quiet_lasts_what_its_offsets_say_when_clocks_change(start: str, end: str, hours: int) -> None:
    quiet = PlannedQuiet(dt.datetime.fromisoformat(start), dt.datetime.fromisoformat(end), "moving house")
    calendar = Calendar(Region("a", time_zone="Europe/Madrid", planned_quiet=(quiet,)))
    around = range(minute(start) - 1440, minute(start) + 1440)
    assert [at for at in around if calendar.planned(at)] == list(range(minute(start), minute(start) + hours * 60))
    silenced = [at for at in around if at % 15 == 0 and code_at(calendar, at) >= QUIET]
    assert silenced == list(range(minute(start), minute(start) + hours * 60, 15))


def test_a_leap_day_is_a_day_of_its_weekday() -> None:
    calendar = Calendar(Region("a", weekend=("thursday",)))
    assert calendar.day_type(dt.date(2024, 2, 29)) == 1
    assert code_at(calendar, minute("2024-02-29T23:59:00+00:00")) == 23 + 24
    assert code_at(calendar, minute("2024-03-01T00:00:00+00:00")) == 0


@pytest.mark.parametrize(
    ("weekend", "friday", "saturday", "sunday"),
    [
        (("saturday", "sunday"), 0, 1, 2),
        (("friday", "saturday"), 1, 2, 0),
        (("friday",), 1, 0, 0),
        ((), 0, 0, 0),
    ],
)
def test_weekends_are_where_the_region_has_them(
    weekend: tuple[Weekday, ...], friday: int, saturday: int, sunday: int
) -> None:
    calendar = Calendar(Region("a", weekend=weekend))
    days = [calendar.day_type(dt.date(2024, 5, day)) for day in (17, 18, 19)]
    assert days == [friday, saturday, sunday]


def test_a_holiday_counts_only_where_the_region_is_quiet_on_holidays() -> None:
    day = dt.date(2024, 2, 28)  # the day of Andalusia, a Wednesday
    assert Calendar(Region("a", holidays="ES-AN")).day_type(day) == 0
    assert Calendar(Region("a", holidays="ES-AN", quiet_on_holidays=True)).day_type(day) == 2
    assert Calendar(Region("a", holidays="ES", quiet_on_holidays=True)).day_type(day) == 0


def test_an_own_day_off_counts_without_any_holiday_calendar() -> None:
    calendar = Calendar(Region("a", own_days=(dt.date(2024, 5, 15),), weekend=("friday",)))
    assert [calendar.day_type(dt.date(2024, 5, day)) for day in (14, 15, 16)] == [0, 1, 0]


def test_working_hours_begin_and_end_on_the_minute() -> None:
    calendar = Calendar(Region("a", time_zone="Asia/Kolkata", working_hours="09:00-17:30"))
    assert calendar.expects(minute("2024-05-15T08:59:00+05:30")) == "outside working hours"
    assert calendar.expects(minute("2024-05-15T09:00:00+05:30")) == ""
    assert calendar.expects(minute("2024-05-15T17:29:00+05:30")) == ""
    assert calendar.expects(minute("2024-05-15T17:30:00+05:30")) == "outside working hours"
    assert code_at(calendar, minute("2024-05-15T17:15:00+05:30")) == 17
    assert code_at(calendar, minute("2024-05-15T17:30:00+05:30")) == 17 + QUIET


def test_working_hours_may_pass_midnight_and_have_breaks() -> None:
    assert parse_working_hours("22:00-06:00") == ((1320, 1440), (0, 360))
    assert parse_working_hours("08:00-12:00, 13:00-24:00") == ((480, 720), (780, 1440))
    assert parse_working_hours("") == ()


@pytest.mark.parametrize("text", ["nine to five", "08:00", "08:00-08:00", "25:00-26:00", "08:61-09:00"])
def test_working_hours_that_are_none_are_told(text: str) -> None:
    with pytest.raises(ValueError, match="wanted"):
        parse_working_hours(text)


def test_planned_quiet_covers_its_minutes_and_silences_every_quarter_that_it_touches() -> None:
    quiet = PlannedQuiet(
        dt.datetime.fromisoformat("2024-05-15T10:07:00+02:00"),
        dt.datetime.fromisoformat("2024-05-15T10:31:00+02:00"),
        "moving house",
    )
    calendar = Calendar(Region("a", planned_quiet=(quiet,)))
    assert calendar.planned(minute("2024-05-15T08:06:00+00:00")) == ""
    assert calendar.planned(minute("2024-05-15T08:07:00+00:00")) == "moving house"
    assert calendar.planned(minute("2024-05-15T08:30:00+00:00")) == "moving house"
    assert calendar.planned(minute("2024-05-15T08:31:00+00:00")) == ""
    quiets = [code_at(calendar, minute("2024-05-15T07:45:00+00:00") + 15 * step) >= QUIET for step in range(5)]
    assert quiets == [False, True, True, True, False]


@pytest.mark.parametrize(
    ("region", "message"),
    [
        (Region("a", time_zone="Mars/Olympus"), "time zone"),
        (Region("a", holidays="XX-YY", quiet_on_holidays=True), "holiday calendar"),
    ],
)
def test_what_is_not_known_is_told(region: Region, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Calendar(region)


def test_regions_share_a_calendar_only_if_they_live_alike() -> None:
    assert calendar_key(Region("a", headcount=5)) == calendar_key(Region("b", headcount=9))
    assert calendar_key(Region("a")) != calendar_key(Region("a", time_zone="Europe/Madrid"))


@settings(max_examples=40, deadline=None)
@given(
    zone=st.sampled_from(["UTC", "Europe/Madrid", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe"]),
    at=st.integers(minute("2015-01-01T00:00:00+00:00"), minute("2035-01-01T00:00:00+00:00")),
)
def test_codes_agree_with_the_local_clock(zone: str, at: int) -> None:
    at -= at % 15
    calendar = Calendar(Region("a", time_zone=zone))
    code = code_at(calendar, at)
    local = dt.datetime.fromtimestamp(at * 60, ZoneInfo(zone))
    assert code < CELLS
    assert code % 24 == local.hour
    assert code // 24 == {5: 1, 6: 2}.get(local.weekday(), 0)
    if zone != "Australia/Lord_Howe":  # its clock moves by half an hour
        assert (at + calendar.phase) % 60 == local.minute
