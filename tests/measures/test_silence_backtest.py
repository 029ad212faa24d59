"""The backtest, the explanation and the words: what an operator gets to see before trusting an alert."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from schemas.config import SilenceSettings
from schemas.directory import Region
from streams.measures.silence.backtest import Plan, backtest, starts
from streams.measures.silence.explain import Minute, explain
from streams.measures.silence.state import Assessment
from streams.measures.silence.words import duration, number, promise, rarity, reason
from tests.measures.posts import DAY, MONDAY, posts, steps

WEEKS = 5
AFTER = MONDAY + WEEKS * 7 * DAY
TRAIN = MONDAY + 3 * 7 * DAY
SERIES = {
    name: sorted(posts(number, rate, MONDAY, AFTER).items())
    for number, (name, rate) in enumerate({"lively": 30.0, "busy": 120.0}.items())
}
WATCHED = dict.fromkeys(SERIES, ((MONDAY, AFTER),))


def test_a_backtest_finds_the_silences_that_were_put_in() -> None:
    report = backtest(SERIES, (), Plan(TRAIN, inject=8), WATCHED)
    assert report.total.delay_hours.detected_share == 1
    assert report.total.region_weeks == pytest.approx(4)
    assert report.total.alerts == sum(one.alerts for one in report.regions.values())
    assert report.regions["busy"].delay_hours.median is not None
    assert report.regions["lively"].delay_hours.median is not None
    assert 0 < report.regions["busy"].delay_hours.median < report.regions["lively"].delay_hours.median < 24


def test_equal_seeds_give_equal_backtests_and_others_do_not() -> None:
    plans = [Plan(TRAIN, inject=5, keep=0.2, seed=seed) for seed in (1, 1, 2)]
    first, again, other = (backtest(SERIES, (), plan, WATCHED) for plan in plans)
    assert first == again
    assert first.delays != other.delays


def test_a_drop_takes_longer_than_a_total_silence() -> None:
    total, drop = (backtest(SERIES, (), Plan(TRAIN, inject=8, keep=keep), WATCHED).total for keep in (0.0, 0.2))
    assert total.delay_hours.median is not None
    assert drop.delay_hours.median is not None
    assert total.delay_hours.median < drop.delay_hours.median


def test_no_silence_begins_in_a_known_outage_or_where_nobody_watched() -> None:
    plan = Plan(TRAIN, inject=400, outages=((TRAIN + 100, TRAIN + 5 * DAY), (TRAIN + 4 * DAY, TRAIN + 6 * DAY)))
    holes = ((TRAIN + 6 * DAY + 60, TRAIN + 7 * DAY),)
    drawn = starts(plan, "busy", AFTER, holes)
    # a third of the two weeks is left for finding them
    last = AFTER - 14 * DAY // 3
    allowed = {*range(TRAIN, TRAIN + 100), *range(TRAIN + 6 * DAY, TRAIN + 6 * DAY + 60)}
    allowed |= set(range(TRAIN + 7 * DAY, last))
    assert len(drawn) == 400
    assert set(drawn) <= allowed
    assert {TRAIN <= at < TRAIN + 100 for at in drawn} == {True, False}
    assert starts(replace(plan, outages=()), "busy", AFTER) != drawn
    assert starts(replace(plan, outages=((TRAIN, AFTER),)), "busy", AFTER) == []


def test_a_drop_of_hourly_counts_is_found_by_counts_as_well() -> None:
    """An hour of 40 events that has 8 is not empty: by occupied slots alone it would be as usual."""
    hourly: dict[int, int] = {}
    for minute, count in posts(7, 900.0, MONDAY, AFTER).items():
        at = minute // 60 * 60 + 59
        hourly[at] = hourly.get(at, 0) + count
    report = backtest(
        {"hourly": sorted(hourly.items())}, (), Plan(TRAIN, inject=8, keep=0.2, every=60),
        {"hourly": ((MONDAY, AFTER),)},
    )  # fmt: skip
    delays = report.total.delay_hours
    assert delays.detected_share == 1
    assert delays.p90 is not None
    assert delays.p90 < 24


def test_a_real_silence_is_an_alert_unless_it_is_a_known_outage() -> None:
    hole = (TRAIN + 5 * DAY, TRAIN + 7 * DAY)
    series = {name: [one for one in ones if not hole[0] <= one[0] < hole[1]] for name, ones in SERIES.items()}
    usual = backtest(SERIES, (), Plan(TRAIN), WATCHED)
    found = backtest(series, (), Plan(TRAIN), WATCHED)
    known = backtest(series, (), Plan(TRAIN, outages=(hole,)), WATCHED)
    for name in SERIES:
        assert any(hole[0] <= minute < hole[1] for minute in found.alert_minutes[name])
        assert not any(hole[0] <= minute < hole[1] for minute in known.alert_minutes[name])
    assert known.total.region_weeks == pytest.approx(usual.total.region_weeks - 2 * 2 / 7)


def test_what_lies_between_the_watched_stretches_is_no_evidence() -> None:
    hole = (TRAIN + 5 * DAY, TRAIN + 7 * DAY)
    series = {name: [one for one in ones if not hole[0] <= one[0] < hole[1]] for name, ones in SERIES.items()}
    watched = dict.fromkeys(SERIES, ((MONDAY, hole[0]), (hole[1], AFTER)))
    assert backtest(series, (), Plan(TRAIN), watched) == backtest(series, (), Plan(TRAIN, outages=(hole,)), WATCHED)


def test_without_silences_there_are_no_delays() -> None:
    delays = backtest(SERIES, (), Plan(TRAIN), WATCHED).total.delay_hours
    assert (delays.median, delays.p90, delays.detected_share) == (None, None, None)


def histories(silent_from: int) -> dict[str, list[Minute]]:
    return {
        name: [
            Minute(minute, events, span=span)
            for minute, events, span in steps(
                {at: count for at, count in ones if name != "busy" or at < silent_from}, MONDAY, TRAIN, longest=60
            )
        ]
        for name, ones in SERIES.items()
    }


def test_an_explanation_shows_two_weeks_and_the_decision() -> None:
    silent_from = TRAIN - 12 * 60
    seen = explain(histories(silent_from), [Region("busy"), Region("lively")], SilenceSettings(), "busy")
    assert seen.minute == TRAIN - 1
    assert seen.said.silent
    assert len(seen.hours) == 14 * 24
    assert [hour.start for hour in seen.hours] == list(range(TRAIN - 14 * DAY, TRAIN, 60))
    wanted = dict.fromkeys(range(TRAIN - 14 * DAY, TRAIN, 60), 0)
    for minute, events in SERIES["busy"]:
        if TRAIN - 14 * DAY <= minute < silent_from:
            wanted[minute // 60 * 60] += events
    assert {hour.start: hour.events for hour in seen.hours} == wanted
    silent = [hour.start for hour in seen.hours if hour.silent and hour.start >= TRAIN - 2 * DAY]
    assert silent[0] >= silent_from
    assert silent[-1] == TRAIN - 60
    day = sum(hour.expected for hour in seen.hours[-2 * 24 : -24])
    assert day == pytest.approx(120, rel=0.25)


def test_an_explanation_of_an_earlier_time_knows_nothing_of_what_came_later() -> None:
    at = TRAIN - 12 * 60 - 1
    seen = explain(histories(at + 1), [Region("busy"), Region("lively")], SilenceSettings(), "busy", at)
    assert seen.minute == at
    assert not seen.said.silent
    assert all(hour.start <= at for hour in seen.hours)


def test_a_region_without_a_history_cannot_be_explained() -> None:
    with pytest.raises(KeyError):
        explain(histories(TRAIN), [], SilenceSettings(), "nowhere")


def test_a_reason_has_the_gap_the_expectation_and_the_rarity() -> None:
    said = Assessment(
        silent=True,
        learning=False,
        test="silence",
        empty_seconds=33_600,
        expected_events=41.2,
        weeks=11.3,
        last_event=1,
    )
    assert reason(said, 10) == "no post for 9 h 20 min; 41 expected since; by chance once in 11 weeks"


def test_the_reason_of_a_drop_counts_what_came() -> None:
    said = Assessment(
        silent=True,
        learning=False,
        test="drop",
        window_seconds=5_400,
        window_events=14,
        expected_events=71,
        weeks=2_000,
        last_event=1,
    )
    assert reason(said, 10) == "at least 10 posts in 1 h 30 min; 71 expected; by chance less than once in 20 years"
    assert reason(replace(said, window_events=9), 10).startswith("fewer than 10 posts in 1 h 30 min")


def test_while_a_silence_ends_its_reason_is_not_the_new_gap() -> None:
    said = Assessment(silent=True, learning=False, test="silence", ending=True, last_event=101, empty_seconds=60)
    assert reason(said, 10) == "posts have begun to come again"


def test_a_quiet_region_is_told_without_alarm() -> None:
    quiet = Assessment(silent=False, learning=False, empty_seconds=3_600, expected_events=0.32, last_event=1)
    assert reason(quiet, 10) == "no post for 1 h, as is usual; 0.3 expected since"
    assert reason(replace(quiet, empty_seconds=3_599), 10) == "as usual"
    assert reason(replace(quiet, planned="closed"), 10) == "no post for 1 h; none expected now: closed"
    assert reason(replace(quiet, learning=True), 10) == "its history is too short to say what is usual"
    assert reason(Assessment(silent=False, learning=True), 10) == "nothing has come from it yet"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_600, "1 h"),
        (33_600, "9 h 20 min"),
        (172_800, "2 d"),
        (180_000, "2 d 2 h"),
    ],
)
def test_durations_are_told_by_their_two_largest_units(seconds: int, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("weeks", "text"),
    [
        (11.4, "by chance once in 11 weeks"),
        (1.0, "by chance once in 7 days"),
        (0.14, "by chance every day"),
        (0.01, "by chance several times a day"),
        (78.2, "by chance once in 78 weeks"),
        (78.3, "by chance once in 2 years"),
        (1043.6, "by chance once in 20 years"),
        (1043.7, "by chance less than once in 20 years"),
    ],
)
def test_rarity_is_told_in_days_weeks_and_years(weeks: float, text: str) -> None:
    assert rarity(weeks) == text


def test_numbers_and_promises_are_told_in_words() -> None:
    assert [number(value) for value in (0, 0.26, 9.94, 9.96, 1234.5)] == ["0", "0.3", "9.9", "10", "1,200"]
    said = Assessment(silent=False, learning=False, promised_seconds=7_200)
    assert promise(said) == "a silence that began now would be called within 2 h"
    slow = Assessment(silent=False, learning=False, promised_seconds=400_000, weekly_check=True)
    assert promise(slow).endswith("4 d 15 h: a weekly check")
    assert "four weeks" in promise(Assessment(silent=False, learning=False, weekly_check=True))
