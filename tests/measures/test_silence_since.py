"""How surprising quiet is since a moment, with values worked out by hand."""

from __future__ import annotations

import pytest

from schemas.directory import Region
from streams.measures.silence.detector import Detector
from streams.measures.silence.fit import Fit
from streams.measures.silence.tail import Tail
from tests.measures.posts import DAY, MONDAY

NINE = MONDAY + 8 * DAY + 9 * 60


def region(hours: str = "", zone: str = "UTC", down: tuple[int, int] = (0, 0)) -> Detector:
    """A region of one hour's slots with a hazard of 0.6 in each and 0.06 at three in the morning, at level 1.5."""
    detector = Detector([Region("a", time_zone=zone, working_hours=hours)])
    detector.observe("a", MONDAY, 1)
    end = MONDAY + 10 * DAY
    if down[1]:
        detector.observe("a", down[0] - 1, 0, span=down[0] - 1 - MONDAY)
        detector.observe("a", down[1] - 1, 0, observed=False, span=down[1] - down[0])
    detector.observe("a", end - 1, 0, span=end - max(down[1], MONDAY + 1))
    hazard = tuple(0.06 if cell % 24 == 3 else 0.6 for cell in range(72))
    machine = detector.machine("a")
    machine.resume(
        Fit(
            at=0, slot=60, by_counts=False, counted=False, hazard=hazard, mean=(1.0,) * 72, dispersion=1.0, tail=0.8,
            silence=Tail(5, 1, 1), drop=Tail(5, 1, 1), threshold=9.0, drop_threshold=9.0,
        )
    )  # fmt: skip
    machine.state.level = 1.5
    return detector


def test_it_is_the_hazard_at_its_level_over_its_tail_to_the_minute() -> None:
    assert region().surprise("a", NINE, NINE + 90) == pytest.approx(1.5 * 0.6 * 1.5 / 0.8)
    assert region().surprise("a", NINE, NINE) == 0
    night = NINE - 6 * 60
    assert region().surprise("a", night - 30, night + 60) == pytest.approx((0.5 * 0.6 + 0.06) * 1.5 / 0.8)


def test_where_nothing_is_expected_or_nobody_watched_nothing_surprises() -> None:
    assert region("09:15-17:00").surprise("a", NINE, NINE + 90) == pytest.approx(1.25 * 0.6 * 1.5 / 0.8)
    blind = (NINE + 10, NINE + 40)
    assert region(down=blind).surprise("a", NINE, NINE + 90) == pytest.approx(0.6 * 1.5 / 0.8)


def test_minutes_that_have_not_been_read_surprise_nobody() -> None:
    end = MONDAY + 10 * DAY
    assert region().surprise("a", end - 60, end + 1) == pytest.approx(0.6 * 1.5 / 0.8)
    assert region().surprise("a", end - 60, end + 3 * 60) == pytest.approx(0.6 * 1.5 / 0.8)
    assert region().surprise("a", end, end + 3 * 60) == 0
    part = Detector([Region("a")])
    part.observe("a", MONDAY, 1)
    part.observe("a", NINE - 1, 0, span=NINE - 1 - MONDAY)  # in the middle of a day
    part.machine("a").resume(region().machine("a").fit)
    part.machine("a").state.level = 1.5
    assert part.surprise("a", NINE - 60, NINE + 60) == pytest.approx(0.6 * 1.5 / 0.8)


def test_hours_are_local_also_where_a_zone_is_off_by_half_an_hour() -> None:
    # three in the morning in Kolkata is half past nine in the evening of UTC
    evening = NINE + 12 * 60 + 30
    expected = 0.06 * 1.5 / 0.8
    assert region(zone="Asia/Kolkata").surprise("a", evening, evening + 60) == pytest.approx(expected)


def test_no_more_than_two_days_are_looked_back_on() -> None:
    two = 2 * (23 * 0.6 + 0.06) * 1.5 / 0.8
    assert region().surprise("a", NINE - 5 * DAY, NINE) == pytest.approx(two)


def test_a_learning_region_surprises_nobody() -> None:
    assert Detector([Region("a")]).surprise("a", NINE, NINE + 600) == 0
