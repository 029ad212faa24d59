from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.ingest import times


def of(time_format: str, zone: str, text: str) -> int:
    return times.reader(time_format, zone)(text)


def test_a_column_without_offset_is_read_in_its_zone() -> None:
    # 2017-08-27 00:05:34 in New York was four hours behind UTC; the figure is date(1)'s.
    assert of("iso", "America/New_York", "2017-08-27 00:05:34") == 1_503_806_734_000
    assert of("iso", "UTC", "2017-08-27 00:05:34") == 1_503_792_334_000


def test_an_offset_in_the_column_wins_over_the_zone() -> None:
    assert of("iso", "America/New_York", "2017-08-27T00:05:34Z") == 1_503_792_334_000


def test_seconds_milliseconds_and_patterns_are_read() -> None:
    assert of("seconds", "UTC", "1503792334.5") == 1_503_792_334_500
    assert of("milliseconds", "UTC", "1503792334500") == 1_503_792_334_500
    assert of("%a %b %d %H:%M:%S %z %Y", "UTC", "Sun Aug 27 02:05:34 +0200 2017") == 1_503_792_334_000
    assert of("%d.%m.%Y %H:%M", "Europe/Berlin", "27.08.2017 02:05") == 1_503_792_300_000


@pytest.mark.parametrize(
    ("time_format", "text"),
    [
        ("iso", ""),
        ("iso", "2017-08-27"),
        ("iso", "27/08/2017 00:05"),
        ("iso", "0001-01-01T00:00:00+14:00"),
        ("iso", "9" * 5000),
        ("seconds", "nan"),
        ("seconds", "inf"),
        ("seconds", "-1"),
        ("milliseconds", "1e300"),
        ("%Y", "x"),
    ],
)
def test_what_is_no_moment_is_refused_without_being_quoted(time_format: str, text: str) -> None:
    with pytest.raises(times.MomentError) as caught:
        of(time_format, "UTC", text)
    assert not text or text not in str(caught.value)


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(times.MomentError, match="Europe/Madrid"):
        times.reader("iso", "Mars/Olympus")


@given(st.datetimes(min_value=dt.datetime(1990, 1, 1), max_value=dt.datetime(9999, 12, 30), timezones=st.just(dt.UTC)))  # noqa: DTZ001 (bounds are naive by the strategy's contract)
def test_what_is_written_as_rfc_3339_is_read_back_to_the_millisecond(moment: dt.datetime) -> None:
    since = moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    assert times.from_rfc3339(moment.isoformat()) == since // dt.timedelta(milliseconds=1)


def test_a_moment_before_1990_was_never_set() -> None:
    assert times.from_rfc3339("1990-01-01T00:00:00Z") == 631_152_000_000
    for text in ("1989-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z"):
        with pytest.raises(times.MomentError, match="from 1990"):
            times.from_rfc3339(text)
