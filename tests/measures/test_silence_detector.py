"""The silence detector as a whole: what it says, when, and that it is a function of the log alone."""

from __future__ import annotations

import datetime as dt
import itertools
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.directory import PlannedQuiet, Region
from streams.measures.silence import Assessment, Detector
from streams.measures.silence.settings import COOL_DOWN
from tests.measures.posts import DAY, MONDAY, feed, feed_all, posts, steps

if TYPE_CHECKING:
    from collections.abc import Mapping

START = MONDAY
DAYS = 14
END = START + DAYS * DAY
NOON = END + 12 * 60
RATES = {"quiet": 3.0, "usual": 12.0, "lively": 30.0, "busy": 120.0, "crowded": 900.0}


@cache
def history(after: int = END + 3 * DAY) -> Mapping[str, Mapping[int, int]]:
    return {name: posts(number, rate, START, after) for number, (name, rate) in enumerate(RATES.items())}


@cache
def trained_state() -> tuple[bytes, dict[str, tuple[bytes, dict[str, bytes]]]]:
    detector = Detector([Region(name) for name in RATES])
    feed_all(detector, history(), START, END)
    return detector.export_pool(), {name: exported(detector, name) for name in RATES}


def exported(detector: Detector, name: str) -> tuple[bytes, dict[str, bytes]]:
    entries = {key: value for key, value in detector.export_changed(name).items() if value is not None}
    return detector.export(name), entries


def trained(*regions: Region) -> Detector:
    """A detector that has seen two weeks of all regions."""
    detector = Detector(regions or [Region(name) for name in RATES])
    pool, states = trained_state()
    detector.restore_pool(pool)
    for name, (state, entries) in states.items():
        detector.restore(name, state, entries)
    return detector


def alerted_at(detector: Detector, name: str, first: int, after: int, *, observed: bool = True) -> int | None:
    for minute in range(first, after):
        if detector.observe(name, minute, 0, observed).silent:
            return minute
    return None


def test_it_learns_until_the_group_has_a_week_and_a_day() -> None:
    detector = Detector([Region("lively")])
    events = history()["lively"]
    last = START + 8 * DAY - 1
    assert feed(detector, "lively", events, START, last).learning
    # One minute later the group has its week; its pool is there with the next midnight's first hour at the latest.
    assert not feed(detector, "lively", events, last, START + 8 * DAY + 60).learning


def test_a_region_learns_until_it_has_posted() -> None:
    detector = trained()
    assert feed(detector, "new", {}, END, END + DAY).learning
    assert not feed(detector, "new", {END + DAY: 1}, END + DAY, END + DAY + 60).learning


def test_a_new_region_is_judged_by_what_the_group_shares() -> None:
    detector = trained()
    feed(detector, "new", dict.fromkeys(range(NOON, NOON + 120, 20), 1), END, NOON + 120)
    found = alerted_at(detector, "new", NOON + 120, NOON + 14 * DAY)
    assert found is not None
    assert found - NOON < 10 * DAY


@pytest.mark.parametrize(("every", "hours"), [(1, 3), (2, 27)])
def test_an_office_that_posts_at_one_hour_only_is_missed_at_it_or_a_day_later(every: int, hours: int) -> None:
    days, nine = 21, 9 * 60
    events = {START + day * DAY + nine + minute: 1 for day in range(days) for minute in range(0, 60, every)}
    detector = Detector([Region("punctual")])
    feed(detector, "punctual", events, START, START + days * DAY)
    found = alerted_at(detector, "punctual", START + days * DAY, START + (days + 3) * DAY)
    assert found is not None
    assert nine < found - START - days * DAY <= nine + hours * 60


@pytest.mark.parametrize(("name", "hours"), [("usual", 48), ("lively", 24), ("busy", 8), ("crowded", 2)])
def test_a_silence_is_found_the_sooner_the_more_is_posted(name: str, hours: int) -> None:
    detector = trained()
    feed(detector, name, history()[name], END, NOON)
    assert alerted_at(detector, name, NOON, NOON + hours * 60) is not None


@pytest.mark.parametrize("name", ["usual", "lively", "busy", "crowded"])
def test_nothing_is_alerted_while_all_is_as_usual(name: str) -> None:
    detector = trained()
    for minute, count, span in steps(history()[name], END, END + 3 * DAY, longest=60):
        assert not detector.observe(name, minute, count, span=span).silent


def test_the_night_is_no_silence_but_the_same_hours_by_day_are() -> None:
    by_day, by_night = trained(), trained()
    feed(by_day, "busy", history()["busy"], END, NOON)
    evening = END + 22 * 60
    feed(by_night, "busy", history()["busy"], END, evening)
    assert alerted_at(by_day, "busy", NOON, NOON + 4 * 60) is not None
    assert alerted_at(by_night, "busy", evening, evening + 4 * 60) is None


def test_while_a_source_is_down_nothing_is_evidence() -> None:
    detector = trained()
    feed(detector, "crowded", history()["crowded"], END, NOON)
    before = detector.assess("crowded")
    assert alerted_at(detector, "crowded", NOON, NOON + DAY, observed=False) is None
    after = detector.assess("crowded")
    assert after.log_odds == pytest.approx(before.log_odds, abs=5)
    assert after.expected_events == pytest.approx(before.expected_events)


def test_minutes_that_are_passed_over_are_no_evidence() -> None:
    detector = trained()
    feed(detector, "crowded", history()["crowded"], END, NOON)
    assert not detector.observe("crowded", NOON + DAY, 0).silent


def test_planned_quiet_is_no_evidence_and_says_why() -> None:
    start, end = (dt.datetime.fromtimestamp(at * 60, dt.UTC) for at in (NOON, NOON + 10 * 60))
    detector = trained(Region("crowded", planned_quiet=(PlannedQuiet(start, end, "moving house"),)))
    assert feed(detector, "crowded", history()["crowded"], END, NOON).planned == ""
    for minute in range(NOON, NOON + 10 * 60):
        said = detector.observe("crowded", minute, 0)
        assert not said.silent
        assert said.planned == "moving house"
    assert detector.observe("crowded", NOON + 10 * 60, 0).planned == ""
    assert alerted_at(detector, "crowded", NOON + 10 * 60 + 1, NOON + 15 * 60) is not None


def test_outside_working_hours_nothing_is_evidence() -> None:
    detector = trained(Region("busy", working_hours="06:00-14:00"))
    feed(detector, "busy", history()["busy"], END, END + 14 * 60)
    assert alerted_at(detector, "busy", END + 14 * 60, END + 30 * 60) is None
    assert detector.assess("busy").planned == "outside working hours"


def test_a_sparse_region_recovers_with_its_first_post() -> None:
    detector = trained()
    feed(detector, "lively", history()["lively"], END, NOON)
    found = alerted_at(detector, "lively", NOON, NOON + 2 * DAY)
    assert found is not None
    said = detector.observe("lively", found + 1, 1)
    assert not said.silent
    assert said.incident_since == found
    assert said.silent_since == -1


def test_a_dense_region_recovers_with_its_third_occupied_slot() -> None:
    detector = trained()
    feed(detector, "crowded", history()["crowded"], END, NOON)
    found = alerted_at(detector, "crowded", NOON, NOON + 2 * 60)
    assert found is not None
    at = found + 1
    assert at % 5 == 0  # slots of five minutes end on fives
    course = [detector.observe("crowded", minute, 3 * (minute % 5 == 0)).silent for minute in range(at, at + 20)]
    assert course[:14] == [True] * 14
    assert not course[14]


@pytest.mark.parametrize("name", ["usual", "lively"])
@pytest.mark.parametrize("days", [2, 4, 9])
def test_however_long_a_sparse_region_was_silent_its_first_post_ends_it(name: str, days: int) -> None:
    detector = trained()
    back = NOON + days * DAY
    said = feed(detector, name, {}, NOON, back)
    assert said.silent
    assert detector.observe(name, back, 0).silent
    assert not detector.observe(name, back + 1, 1).silent
    again = {minute + days * DAY: count for minute, count in history()[name].items()}
    for minute, count, span in steps(again, back + 2, back + DAY, longest=60):
        assert not detector.observe(name, minute, count, span=span).silent


@pytest.mark.parametrize("days", [1, 3])
def test_however_long_a_dense_region_was_silent_its_third_occupied_slot_ends_it(days: int) -> None:
    detector = trained()
    back = NOON + days * DAY
    assert feed(detector, "crowded", {}, NOON, back).silent
    course = [detector.observe("crowded", minute, 3 * (minute % 5 == 0)).silent for minute in range(back, back + 60)]
    assert course == [True] * 14 + [False] * 46


def dropped(detector: Detector, hours: int) -> list[bool]:
    """Let a fifth be left of a region's posts for some hours from noon on; what was said each minute."""
    usual = history()["crowded"]
    feed(detector, "crowded", usual, END, NOON)
    chance = np.random.default_rng(3)
    left = [int(chance.binomial(usual.get(minute, 0), 0.2)) for minute in range(NOON, NOON + hours * 60)]
    return [detector.observe("crowded", NOON + after, count).silent for after, count in enumerate(left)]


def test_a_drop_that_goes_on_stays_one_alert() -> None:
    course = dropped(trained(), 48)
    assert [now for was, now in itertools.pairwise(course) if was != now] == [True]


@pytest.mark.parametrize("hours", [6, 24, 48])
def test_however_long_a_drop_was_some_eleven_posts_at_the_usual_rate_end_it(hours: int) -> None:
    detector = trained()
    assert dropped(detector, hours)[-1]
    assert detector.assess("crowded").test == "drop"
    back = NOON + hours * 60
    usual = history()["crowded"]
    posted = 0
    for minute in range(back, back + DAY):
        posted += usual.get(minute, 0)
        if not detector.observe("crowded", minute, usual.get(minute, 0)).silent:
            break
    # a quarter hour has thirteen of them, and it is counted by quarter hours
    assert 11 <= posted <= 11 + 2 * 13


def test_a_second_alert_inside_the_cool_down_is_the_same_incident() -> None:
    detector = trained()
    feed(detector, "crowded", history()["crowded"], END, NOON)
    first = alerted_at(detector, "crowded", NOON, NOON + 2 * 60)
    assert first is not None
    for minute in range(first + 1, first + 16):
        detector.observe("crowded", minute, 3)
    assert not detector.assess("crowded").silent
    second = alerted_at(detector, "crowded", first + 16, first + 16 + COOL_DOWN)
    assert second is not None
    said = detector.assess("crowded")
    assert (said.incident_since, said.silent_since) == (first, second)


def test_an_alert_after_the_cool_down_is_a_new_incident() -> None:
    detector = trained()
    events = history()["crowded"]
    feed(detector, "crowded", events, END, END + 7 * 60)
    first = alerted_at(detector, "crowded", END + 7 * 60, END + 9 * 60)
    assert first is not None
    feed(detector, "crowded", events, first + 1, first + 1 + COOL_DOWN + 60)
    assert not detector.assess("crowded").silent
    second = alerted_at(detector, "crowded", first + 1 + COOL_DOWN + 60, first + COOL_DOWN + 240)
    assert second is not None
    assert detector.assess("crowded").incident_since == second


def test_a_drop_to_a_fifth_is_found_and_told_with_its_own_numbers() -> None:
    detector = trained()
    feed(detector, "crowded", history()["crowded"], END, NOON)
    said: Assessment | None = None
    for minute in range(NOON, NOON + 8 * 60):
        said = detector.observe("crowded", minute, int(minute % 7 == 0))  # 9 an hour where 52 are usual
        if said.silent:
            break
    assert said is not None
    assert said.test == "drop"
    assert said.window_events == pytest.approx(said.expected_events / 5, rel=0.5)
    assert said.empty_seconds < 10 * 60


def test_a_region_with_events_to_count_is_followed_within_a_day_and_a_sparse_one_within_weeks() -> None:
    detector = trained()
    before = {name: detector.machine(name).state.level for name in ("usual", "busy")}
    for name in before:
        chance = np.random.default_rng(5)
        left = {minute: int(chance.binomial(count, 0.5)) for minute, count in history()[name].items()}
        assert not feed(detector, name, left, END, END + 2 * DAY).silent
    after = {name: detector.machine(name).state.level for name in before}
    # 120 a day with a half-life of 50 events, ten hours: 50 / ln 2 = 72 weigh, of which 35 are missing after two days
    assert after["busy"] / before["busy"] == pytest.approx((72 - 35 + 30) / (72 + 30), abs=0.1)
    # 12 a day with one of 14 days: a tenth of what is weighed are these two days
    assert after["usual"] / before["usual"] > 0.9


def test_between_fits_the_sums_of_counts_halve_in_fifty_events() -> None:
    machine = trained().machine("busy")
    fit, state = machine.fit, machine.state
    assert fit is not None
    done = state.done
    machine.observe(END + 44, 0, (), observed=True, span=45)
    assert machine.fit is fit
    cells = np.array(fit.mean).reshape(3, 24).mean(axis=1)
    minutes = 50 / (cells @ [5 / 7, 1 / 7, 1 / 7] / 15)
    assert state.done == pytest.approx(done * 0.5 ** (45 / minutes))


def test_a_silence_teaches_nothing_after_its_alert() -> None:
    short, long = trained(), trained()
    for detector, lasting in ((short, 3 * DAY), (long, 6 * DAY)):
        feed(detector, "lively", {}, END, END + lasting)
        feed(detector, "lively", history()["lively"], END + 6 * DAY, END + 6 * DAY + 60)
    assert short.machine("lively").state.level == pytest.approx(long.machine("lively").state.level, rel=0.05)
    past = long.machine("lively").history.past(None, END + 6 * DAY, 60)
    assert past.seen[-4 * 24 :].sum() == 0


def test_a_minute_that_comes_again_changes_nothing() -> None:
    detector = trained()
    feed(detector, "busy", history()["busy"], END, NOON)
    before = detector.export("busy")
    for minute in (NOON - 1, NOON - 60):
        detector.observe("busy", minute, 9)
    assert detector.export("busy") == before


def test_the_empty_seconds_and_the_expectation_count_from_the_last_event() -> None:
    detector = trained()
    feed(detector, "busy", history()["busy"], END, NOON)
    said = detector.observe("busy", NOON, 1)
    assert (said.empty_seconds, said.expected_events, said.last_event) == (0, 0, NOON)
    said = detector.observe("busy", NOON + 60, 0, span=60)
    assert said.empty_seconds == 3_600
    assert said.expected_events == pytest.approx(120 / DAY * 1.4 * 60, rel=0.4)


def test_the_promise_is_kept_and_long_ones_are_called_a_weekly_check() -> None:
    detector = trained()
    promised = feed(detector, "crowded", history()["crowded"], END, NOON)
    assert promised.promised_seconds is not None
    assert not promised.weekly_check
    found = alerted_at(detector, "crowded", NOON, NOON + DAY)
    assert found is not None
    assert (found + 1 - NOON) * 60 <= promised.promised_seconds + 2 * 300
    rare = feed(detector, "quiet", history()["quiet"], END, NOON)
    assert rare.promised_seconds is None or (rare.promised_seconds > 72 * 3_600) == rare.weekly_check


@settings(max_examples=4, deadline=None)
@given(st.data())
def test_spans_are_as_good_as_single_minutes(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["usual", "busy"]))
    longest = data.draw(st.sampled_from([7, 60, 500]))
    whole, single = trained(), trained()
    events = history()[name]
    for minute, count, span in steps(events, END, END + DAY, longest):
        whole.observe(name, minute, count, span=span)
    for minute in range(END, END + DAY):
        single.observe(name, minute, events.get(minute, 0))
    assert whole.export(name) == single.export(name)
    assert whole.assess(name) == single.assess(name)


def test_a_region_with_one_old_post_is_not_called_silent_for_its_age() -> None:
    detector = Detector([])
    events = {name: history()[name] for name in ("lively", "busy")} | {"ghost": {START + 60: 1}}
    for day in range(START, START + 20 * DAY, DAY):
        feed_all(detector, events, day, day + DAY)
        assert not detector.assess("ghost").silent
    assert not detector.assess("ghost").learning


@settings(max_examples=4, deadline=None)
@given(st.lists(st.integers(0, DAY), min_size=len(RATES), max_size=len(RATES)))
def test_regions_that_are_up_to_a_day_apart_are_judged_as_if_they_were_not(behind: list[int]) -> None:
    together, apart = trained(), trained()
    after = END + 2 * DAY
    feed_all(together, history(), END, after)
    sent = sorted(
        (minute + lag, name, minute, count, span)
        for (name, events), lag in zip(history().items(), behind, strict=True)
        for minute, count, span in steps(events, END, after, longest=180)
    )
    for _, name, minute, count, span in sent:
        apart.observe(name, minute, count, span=span)
    assert together.export_pool() == apart.export_pool()
    for name in RATES:
        assert together.export(name) == apart.export(name)


@pytest.mark.parametrize("apart", [3, 40])
def test_a_backlog_that_comes_region_by_region_is_judged_as_if_it_had_come_together(apart: int) -> None:
    days = 26
    names = ("usual", "lively", "busy")
    events = {name: posts(number, RATES[name], START, START + days * DAY) for number, name in enumerate(names)}
    never = 1e-9  # no alerts, so that all of each history is evidence
    detector = Detector([Region(name) for name in names], never)
    learned: dict[str, int] = {}
    for first in range(START, START + days * DAY, apart * DAY):
        for name in names:
            for minute, count, span in steps(events[name], first, min(first + apart * DAY, START + days * DAY), 60):
                if not detector.observe(name, minute, count, span=span).learning:
                    learned.setdefault(name, minute)
    # Its group is a week and a day old by then, and its own hour of the day has come.
    assert max(learned.values()) < START + 9 * DAY
    together = Detector([Region(name) for name in names], never)
    feed_all(together, events, START, START + days * DAY)
    # The last to come has seen all of the others: nothing is missing in what it is judged by.
    assert detector.machine("busy").fit == together.machine("busy").fit


def test_a_pool_is_fitted_anew_when_twice_as_many_or_all_regions_have_reached_it() -> None:
    after = START + 10 * DAY
    detector = Detector([Region(name) for name in RATES])
    at = START + 9 * DAY
    sizes = []
    for name, rate in RATES.items():
        feed(detector, name, posts(7, rate, START, after), START, after)
        sizes.append(next(pool for pool in detector.pools if pool.at == at))
    assert [size is before for before, size in itertools.pairwise(sizes)] == [False, False, False, False]
    again = Detector([Region(name) for name in RATES])
    feed_all(again, {name: posts(7, rate, START, after) for name, rate in RATES.items()}, START, after)
    assert sizes[-1] == next(pool for pool in again.pools if pool.at == at)


@settings(max_examples=3, deadline=None)
@given(cut=st.integers(1, 2 * DAY - 60), silence=st.integers(0, 2 * DAY))
def test_after_a_restore_all_goes_on_as_if_nothing_had_been(cut: int, silence: int) -> None:
    after = END + 2 * DAY
    events = {
        name: {minute: count for minute, count in minutes.items() if minute < END + silence}
        for name, minutes in history().items()
    }
    course = sorted(
        (minute, name, count, span)
        for name, minutes in events.items()
        for minute, count, span in steps(minutes, END, after, longest=60)
    )
    whole, broken = trained(), trained()
    kept = {name: dict(entries) for name, (_, entries) in trained_state()[1].items()}
    restored = False
    for minute, name, count, span in course:
        if minute > END + cut and not restored:
            broken, restored = handed_over(broken, kept), True
        assert broken.observe(name, minute, count, span=span) == whole.observe(name, minute, count, span=span)
    assert restored
    assert broken.export_pool() == whole.export_pool()
    for name in RATES:
        assert broken.export(name) == whole.export(name)


def handed_over(detector: Detector, kept: dict[str, dict[str, bytes]]) -> Detector:
    """Restore a detector from what this one exports, on top of the entries that were written before."""
    other = Detector([Region(name) for name in RATES])
    other.restore_pool(detector.export_pool())
    for name, entries in kept.items():
        for key, value in detector.export_changed(name).items():
            if value is None:
                entries.pop(key, None)
            else:
                entries[key] = value
        other.restore(name, detector.export(name), entries)
    return other


def test_what_is_written_each_minute_is_small() -> None:
    detector = trained()
    feed_all(detector, history(), END, END + 2 * DAY - 1)
    assert len(detector.export("quiet")) < 300
    for name in RATES:
        assert len(detector.export(name)) < 900
        days = [value for key, value in detector.export_changed(name).items() if key.startswith("day/") and value]
        assert max(map(len, days)) < 700
