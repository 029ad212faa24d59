from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.directory import Account, Headcount, Region
from streams.measures.days import day_begins, local_day
from streams.measures.headcount import Headcounts, counted

SECOND = 1_000
HOUR = 3_600 * SECOND


def utc(text: str) -> int:
    """Milliseconds since the epoch of an RFC 3339 time."""
    return round(dt.datetime.fromisoformat(text).timestamp() * 1_000)


def region(zone: str, *rows: tuple[str, int]) -> Headcounts:
    table = tuple(Headcount(people, dt.date.fromisoformat(day)) for day, people in rows)
    return Headcounts(Region("one", time_zone=zone, headcount=table))


def around(counts: Headcounts, midnight: str) -> tuple[int, int]:
    """The headcount a millisecond before and at a moment."""
    moment = utc(midnight)
    return counts.at(moment - 1), counts.at(moment)


def test_a_number_holds_on_every_day() -> None:
    counts = Headcounts(Region("one", headcount=310))
    assert {counts.on(day) for day in (dt.date(1970, 1, 1), dt.date(2024, 2, 29), dt.date.max)} == {310}


def test_before_the_first_number_the_headcount_is_not_known() -> None:
    counts = region("UTC", ("2026-03-01", 40))
    assert counts.on(dt.date(2026, 2, 28)) == 0
    assert counts.on(dt.date(2026, 3, 1)) == 40


def test_rows_in_any_order_give_the_same_and_two_of_one_day_are_refused() -> None:
    counts = region("UTC", ("2026-05-01", 50), ("2026-03-01", 40))
    assert [counts.on(dt.date(2026, month, 30)) for month in (3, 4, 5)] == [40, 40, 50]
    with pytest.raises(ValueError, match="got two since 2026-03-01"):
        region("UTC", ("2026-03-01", 40), ("2026-03-01", 41))


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("Europe/Madrid", "2026-01-31T23:00:00+00:00"),
        ("Asia/Tokyo", "2026-01-31T15:00:00+00:00"),
        ("America/Sao_Paulo", "2026-02-01T03:00:00+00:00"),
        ("Asia/Kathmandu", "2026-01-31T18:15:00+00:00"),
        ("Pacific/Kiritimati", "2026-01-31T10:00:00+00:00"),
    ],
)
def test_the_headcount_changes_at_local_midnight(zone: str, midnight: str) -> None:
    assert around(region(zone, ("2020-01-01", 40), ("2026-02-01", 55)), midnight) == (40, 55)


def test_a_leap_day_is_a_day_of_its_own() -> None:
    counts = region("Europe/Madrid", ("2024-02-28", 40), ("2024-02-29", 45), ("2024-03-01", 50))
    assert around(counts, "2024-02-28T23:00:00+00:00") == (40, 45)
    assert around(counts, "2024-02-29T23:00:00+00:00") == (45, 50)
    assert [counts.on(dt.date(2024, 2, 29)), counts.on(dt.date(2025, 2, 28))] == [45, 50]


def test_on_the_days_of_both_changes_of_the_clock_midnight_is_where_it_is_that_day() -> None:
    spring = region("Europe/Madrid", ("2026-03-28", 40), ("2026-03-29", 45), ("2026-03-30", 50))
    assert around(spring, "2026-03-28T23:00:00+00:00") == (40, 45)
    assert around(spring, "2026-03-29T22:00:00+00:00") == (45, 50)  # that day has 23 hours
    autumn = region("Europe/Madrid", ("2026-10-24", 40), ("2026-10-25", 45), ("2026-10-26", 50))
    assert around(autumn, "2026-10-24T22:00:00+00:00") == (40, 45)
    assert around(autumn, "2026-10-25T23:00:00+00:00") == (45, 50)  # that day has 25 hours


def test_where_midnight_is_skipped_the_day_begins_with_the_change() -> None:
    # Cairo's clocks went from 00:00 to 01:00 on 26 April 2024.
    assert around(region("Africa/Cairo", ("2020-01-01", 40), ("2024-04-26", 45)), "2024-04-25T22:00:00+00:00") == (
        40,
        45,
    )


def test_where_midnight_comes_twice_the_day_begins_with_the_first() -> None:
    # Havana's clocks went back from 01:00 to 00:00 on 3 November 2024.
    counts = region("America/Havana", ("2020-01-01", 40), ("2024-11-03", 45))
    assert around(counts, "2024-11-03T04:00:00+00:00") == (40, 45)
    assert counts.at(utc("2024-11-03T05:00:00+00:00")) == 45


def test_where_the_clock_goes_back_over_midnight_the_headcount_follows_the_day_that_it_is() -> None:
    # São Paulo's clocks went back from 00:00 to 23:00 on 17 February 2019: the last hour of the 16th came twice.
    counts = region("America/Sao_Paulo", ("2018-12-01", 40), ("2019-02-17", 45))
    assert around(counts, "2019-02-17T02:00:00+00:00") == (40, 40)
    assert around(counts, "2019-02-17T03:00:00+00:00") == (40, 45)


def test_a_number_since_a_day_that_was_skipped_holds_from_the_next_one() -> None:
    # Samoa had no 30 December 2011.
    counts = region("Pacific/Apia", ("2011-12-01", 40), ("2011-12-30", 45))
    assert around(counts, "2011-12-30T10:00:00+00:00") == (40, 45)


ZONES = (
    "UTC",
    "Europe/Madrid",
    "America/Havana",
    "Africa/Cairo",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
)


@given(day=st.dates(dt.date(1972, 1, 1), dt.date(2090, 1, 1)), zone=st.sampled_from(ZONES))
def test_a_day_begins_at_the_first_moment_of_it_or_of_a_later_one(day: dt.date, zone: str) -> None:
    begins = day_begins(day, ZoneInfo(zone))
    assert local_day(begins, ZoneInfo(zone)) >= day
    assert local_day(begins - 1, ZoneInfo(zone)) < day


# -- headcounts that are counted


def row(person: str, where: str, since: str = "", until: str = "", **more: str) -> Account:
    return Account(
        source="*",
        account=more.get("account", person),
        region=where,
        role=more.get("role", "person"),  # type: ignore[arg-type]
        person=person,
        since=dt.date.fromisoformat(since) if since else None,
        until=dt.date.fromisoformat(until) if until else None,
    )


def test_who_changes_the_region_leaves_one_and_joins_the_other_on_the_day() -> None:
    tables = counted(
        [
            row("ana", "north", until="2024-02-28"),
            row("ana", "south", since="2024-02-29"),
            row("ben", "north"),
            row("eva", "south", since="2023-06-01"),
        ]
    )
    north, south = (
        Headcounts(Region(name, time_zone="Europe/Madrid", headcount=tables[name])) for name in ("north", "south")
    )
    midnight = "2024-02-28T23:00:00+00:00"
    assert around(north, midnight) == (2, 1)
    assert around(south, midnight) == (1, 2)


def test_accounts_of_one_person_and_rows_that_overlap_or_touch_count_once() -> None:
    tables = counted(
        [
            row("ana", "north", until="2026-05-31", account="ana-on-chat"),
            row("ana", "north", since="2026-05-01", until="2026-06-30", account="ana-on-mail"),
            row("ana", "north", since="2026-07-01"),
        ]
    )
    assert tables == {"north": (Headcount(1),)}


def test_offices_bots_and_rows_without_a_region_are_nobody() -> None:
    rows = [
        row("", "north", account="north-office", role="office"),
        row("", "north", account="robot", role="bot"),
        row("ana", ""),
        row("", "north", account="boss", role="leader"),
    ]
    assert counted(rows) == {"north": (Headcount(1),)}


def test_a_row_that_ends_before_it_begins_is_nobody() -> None:
    assert counted([row("ana", "north", since="2026-02-02", until="2026-02-01")]) == {"north": ()}


DAYS = st.dates(dt.date(2024, 1, 1), dt.date(2024, 4, 1))


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.none() | DAYS, st.none() | DAYS), max_size=6),
    st.lists(DAYS, min_size=1, max_size=10),
)
def test_counted_headcounts_agree_with_looking_at_every_row(
    stays: list[tuple[str, dt.date | None, dt.date | None]], days: list[dt.date]
) -> None:
    rows = [
        Account(source="*", account=who, region="north", person=who, since=since, until=until)
        for who, since, until in stays
    ]
    counts = Headcounts(Region("north", headcount=counted(rows).get("north", ())))
    for day in days:
        there = {who for who, since, until in stays if (since or day) <= day <= (until or day)}
        assert counts.on(day) == len(there)
