"""The verdict of the whole: when everything is silent it is told once, and each region's silence is part of it."""

from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.activity import Activity, SourceState
from schemas.codec import encode
from schemas.config import Config
from schemas.directory import Directory, Region
from streams.measures.regions.entries import flush, restore
from streams.measures.regions.fold import RegionsFold, RegionsSettings
from streams.measures.regions.whole import View, Whole, weigh
from tests.measures.posts import DAY, MONDAY, posts, steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.regions import Transition

MINUTE = 60_000
RATES = {"a": 400.0, "b": 300.0, "c": 200.0, "d": 120.0, "e": 15.0}
SETTINGS = RegionsSettings(Config(), Directory(region=tuple(Region(name, headcount=100) for name in RATES)))
UP = {"s": SourceState("ok", 0, 0)}
STOP = MONDAY + 15 * DAY + 11 * 60
BACK = STOP + 8 * 60
END = BACK + 8 * 60


def quiet(minute: int, last: int) -> View:
    return View(silent=False, minute=minute, last_event=last, alerted=-1, expected=2.0)


def views(*silent_since: int, others: int = 0, last: int = 100, minute: int = 200) -> list[View]:
    """Regions of which some are silent since those minutes and others are quiet; all posted last in `last`."""
    silent = [View(silent=True, minute=minute, last_event=last, alerted=since, expected=9.0) for since in silent_since]
    return silent + [quiet(minute, last)] * others


def awake(seen: list[View]) -> Callable[[int], list[float]]:
    """Let all that are not silent be so busy that their quiet is no chance."""
    return lambda _: [9.0 for one in seen if not one.silent]


@pytest.mark.parametrize(
    ("seen", "begins"),
    [
        (views(110, 120, 130), True),
        (views(110, 120), False),
        (views(110, 120, 130, others=27), True),
        (views(110, 120, 130, others=28), False),
        (views(110, 120, 130, 140, others=36), True),
        (views(110, 120, 100, others=1), False),
        (views(110, 120, 101, others=1), True),
        (views(50, 60, 70), True),
        (views(50, 60, 70, others=1), False),
        (views(others=9), False),
        ([*views(110, 120, 130), quiet(110, 90)], True),
        ([*views(110, 120, 130), quiet(109, 90)], False),
        ([*views(110, 120, 130), quiet(200, 110)], False),
    ],
)
def test_it_begins_when_all_are_silent_or_a_tenth_and_three_since_the_last_post_of_any(
    seen: list[View], begins: bool
) -> None:
    whole = Whole(newest=200)
    said = weigh(whole, seen, awake(seen))
    assert (said is not None, whole.since > 0) == (begins, begins)


@pytest.mark.parametrize(
    ("silent", "surprises", "begins"),
    [
        # four of forty are silent while the others sleep: 36 x 0.1 = 3.6 nats are not seven
        (4, [0.1] * 36, False),
        # four of one zone are silent and its other four about to be, while 32 sleep: plenty of nats from a few
        (4, [9.0] * 4 + [0.05] * 32, False),
        # three, and seven nats from five more: 3 + 5 (1 - e^-1.4) = 6.77 of eight should have posted
        (3, [1.4] * 5, True),
        (3, [1.39] * 5, False),
        # half of them, or more, have been called: while the others sleep those are silences of their own
        (3, [0.1] * 3, False),
        (5, [0.1] * 3, False),
        # one of the others is sure, and does not speak for two that sleep: 1.5 + 2 x 0.1 are not 3 x 1.5
        (5, [9.0, 0.1, 0.1], False),
        # where there are fewer than five, each would have posted in four of five such gaps
        (3, [1.5] * 3, True),
        (3, [9.0, 9.0, 1.49], False),
        (3, [1.5], True),
        (3, [1.49], False),
        # from five on all together: 4 x 1.5 + 1 = 7
        (3, [9.0] * 4 + [1.0], True),
        (3, [9.0] * 4 + [0.99], False),
        # 5 x 1.5 nats are enough, but of 24 only 4 + 5 (1 - e^-9) + 15 (1 - e^-0.2) = 11.7 should have posted
        (4, [9.0] * 5 + [0.2] * 15, False),
        (4, [9.0] * 5 + [0.23] * 15, True),
    ],
)
def test_it_begins_only_where_the_others_should_have_posted_too(
    silent: int, surprises: list[float], begins: bool
) -> None:
    # beside them one that has been silent since before, which says nothing of it
    seen = [
        *views(*range(110, 110 + silent), others=len(surprises)),
        View(silent=True, minute=200, last_event=20, alerted=60, expected=99.0),
    ]
    asked = []

    def others(last: int) -> list[float]:
        asked.append(last)
        return surprises

    assert (weigh(Whole(newest=200), seen, others) is not None) == begins
    assert asked in ([], [100])


def test_its_reason_has_the_empty_time_what_was_expected_and_how_many_are_silent() -> None:
    said = weigh(Whole(newest=200), views(110, 120, 130, others=2), lambda _: [3.5, 3.5])
    assert said is not None
    assert (said.old, said.new, said.at) == ("not everything is silent", "everything is silent", 201 * MINUTE)
    assert (said.region, said.scope, said.part_of_whole) == ("", "whole", False)
    assert said.reason == "no post from any of 5 regions for 1 h 40 min; 31 expected since; 3 silent by themselves"
    assert (said.evidence.empty_seconds, said.evidence.expected_events) == (6_000, 31)


def test_its_reason_and_its_evidence_tell_expectations_in_two_digits_as_those_of_a_region() -> None:
    many = [View(silent=True, minute=200, last_event=100, alerted=110, expected=411.7) for _ in range(3)]
    said = weigh(Whole(newest=200), many, awake(many))
    assert said is not None
    assert "1,200 expected since" in said.reason
    assert said.evidence.expected_events == 1_200


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (views(110, 120, 130, others=2, last=199), ""),
        (views(110, 120, 130, others=2, last=200), ""),
        (views(110, 120, 130, others=2, last=201), "2 regions of 5 posted again after 1 h 40 min"),
        (views(110, 120, 130, others=1, last=201), "1 region of 4 posted again after 1 h 40 min"),
        (views(110, 120, 130, last=201), ""),
        (views(110, 120), "only 2 regions can be judged now, after 1 h 40 min"),
    ],
)
def test_it_ends_with_the_first_post_of_one_that_is_not_silent_or_when_too_few_can_be_judged(
    seen: list[View], reason: str
) -> None:
    whole = Whole(since=201 * MINUTE, began_after=200, last_event=100, newest=300)
    said = weigh(whole, seen, awake(seen))
    assert (said.reason if said else "") == reason
    assert (whole.since, whole.ended_after) == ((0, 300) if reason else (201 * MINUTE, -1))


@cache
def log() -> tuple[tuple[int, bytes], ...]:
    """Two weeks and a day of five regions, with the minutes; all stop at once for eight hours, one of them for good."""
    course = []
    for number, (name, rate) in enumerate(RATES.items()):
        happened = {at: count for at, count in posts(number, rate, MONDAY, END).items() if not STOP <= at < BACK}
        if name == "d":
            happened = {at: count for at, count in happened.items() if at < STOP}
        course += [(minute, name, count, span) for minute, count, span in steps(happened, MONDAY, END, longest=15)]
    return tuple(
        (minute, encode(Activity(name, minute, 0, count, count, {"post": count}, {}, span=span, sources=UP)))
        for minute, name, count, span in sorted(course)
    )


def offset_of(minute: int) -> int:
    """Give the offset of the first record of a minute or later."""
    return next(number for number, (at, _) in enumerate(log()) if at >= minute)


def run(fold: RegionsFold, after: int) -> list[Transition]:
    """Fold on up to before the offset `after`."""
    first = fold.offset + 1
    return fold.fold(range(first, after), [raw for _, raw in log()[first:after]]).transitions


def written(fold: RegionsFold) -> list[tuple[bytes, bytes | None]]:
    """Give the entries of a flush in their order."""
    return [entry for step in flush(fold).steps() for entry in step]


def read_back(entries: list[tuple[bytes, bytes | None]]) -> RegionsFold:
    return restore(SETTINGS, {key: value for key, value in dict(entries).items() if value is not None})


@cache
def usual() -> list[tuple[bytes, bytes | None]]:
    """Give the table an hour before all stop."""
    fold = RegionsFold(SETTINGS)
    run(fold, offset_of(STOP - 60))
    return written(fold)


def told(transitions: list[Transition]) -> set[tuple[str, str, int, str, bool]]:
    return {(one.scope, one.region, one.at, one.new, one.part_of_whole) for one in transitions}


@cache
def through() -> tuple[list[Transition], RegionsFold]:
    fold = read_back(usual())
    return run(fold, len(log())), fold


def test_all_regions_at_once_are_one_verdict_of_the_whole_and_theirs_are_part_of_it() -> None:
    transitions, _ = through()
    whole = [one for one in transitions if one.scope == "whole"]
    assert [one.new for one in whole] == ["everything is silent", "not everything is silent"]
    began, ended = (one.at // MINUTE for one in whole)
    assert STOP < began <= STOP + 4 * 60
    assert BACK < ended <= BACK + 30
    alone = [one for one in transitions if one.new == "silent" and not one.part_of_whole]
    part = [one for one in transitions if one.new == "silent" and one.part_of_whole]
    assert {one.at // MINUTE <= began for one in alone if one.at // MINUTE < BACK} == {True}
    assert {began < one.at // MINUTE <= ended for one in part} == {True}
    assert len({one.region for one in part} | {one.region for one in alone}) >= 4


def test_who_stays_silent_when_it_has_ended_is_told_anew_and_by_itself() -> None:
    transitions, _ = through()
    ended = next(one.at for one in transitions if one.new == "not everything is silent")
    mine = [one for one in transitions if one.region == "d" and one.at >= ended]
    assert mine[0].old == "silent"
    assert (mine[-1].new, mine[-1].part_of_whole) == ("silent", False)
    assert (mine[-1].evidence.incident_since, mine[-1].evidence.held_until) == (mine[-1].at, 0)
    others = [one for one in transitions if one.region in {"a", "b", "c", "e"} and one.at > ended]
    assert "silent" not in {one.new for one in others}


def test_every_status_says_whether_everything_is_silent() -> None:
    fold = read_back(usual())
    cut = offset_of(STOP + 6 * 60)
    first = fold.offset + 1
    statuses = fold.fold(range(first, cut), [raw for _, raw in log()[first:cut]]).statuses
    began = next(one.at for one in through()[0] if one.scope == "whole")
    assert {one.everything_silent_since for one in statuses} == {began}
    statuses = fold.fold(range(cut, len(log())), [raw for _, raw in log()[cut:]]).statuses
    assert {one.everything_silent_since for one in statuses} == {0}


@pytest.mark.parametrize("seed", [1, 2])
def test_in_whatever_order_the_regions_of_a_minute_come_the_same_is_told(seed: int) -> None:
    chance = random.Random(seed)
    first = offset_of(STOP - 60)
    orderly = read_back(usual()).fold(range(first, len(log())), [raw for _, raw in log()[first:]], every=True)
    mixed = sorted(log()[first:], key=lambda one: (one[0], chance.random()))
    fold, statuses, transitions = read_back(usual()), [], []
    while fold.offset + 1 < len(log()):
        begin = fold.offset + 1
        upto = min(begin + chance.randrange(1, 9), len(log()))
        found = fold.fold(range(begin, upto), [raw for _, raw in mixed[begin - first : upto - first]])
        statuses += found.statuses
        transitions += found.transitions
    assert sorted(map(encode, transitions)) == sorted(map(encode, orderly.transitions))
    assert {encode(one) for one in statuses} <= {encode(one) for one in orderly.statuses}


@settings(max_examples=8, deadline=None)
@given(st.sampled_from([0, 1]), st.integers(-20, 40), st.integers(0, 40), st.floats(0, 1))
def test_a_crash_neither_loses_nor_doubles_it(change: int, after: int, behind: int, kept: float) -> None:
    changes = [one.at // MINUTE for one in through()[0] if one.scope == "whole"]
    cut = offset_of(changes[change]) + after
    first = read_back(usual())
    before = run(first, cut - behind)
    entries = usual() + written(first)
    before += run(first, cut)
    # The crash comes in the middle of the next flush: a part of its entries has been written, in their order.
    last = written(first)
    second = read_back(entries + last[: round(kept * len(last))])
    rest = run(second, len(log()))
    transitions, whole = through()
    assert told(before) | told(rest) == told(transitions)
    assert second.whole == whole.whole
    assert all(second.detector.export(name) == whole.detector.export(name) for name in RATES)


# Four regions that post around the clock, and 36 that only do from eight to eight; the four are of one zone.
OFFICES = tuple(f"r{number:02}" for number in range(36))
CLOCKS = ("w", "x", "y", "z")
LATE = MONDAY + 15 * DAY + 60
MANY = RegionsSettings(Config(), Directory(region=tuple(Region(name, headcount=100) for name in (*OFFICES, *CLOCKS))))


def forty(begin: int, after: int, stopped: tuple[str, ...] = ()) -> list[bytes]:
    """Give the log of forty regions, of which some have stopped at LATE."""
    course = []
    for number, name in enumerate((*OFFICES, *CLOCKS)):
        happened = posts(number, 400.0 if name in CLOCKS else 30.0, MONDAY, after)
        if name in OFFICES:
            happened = {at: count for at, count in happened.items() if 8 <= at // 60 % 24 < 20}
        if name in stopped:
            happened = {at: count for at, count in happened.items() if at < LATE}
        course += [(minute, name, count, span) for minute, count, span in steps(happened, begin, after, longest=60)]
    return [
        encode(Activity(name, minute, 0, count, count, {"post": count}, {}, span=span, sources=UP))
        for minute, name, count, span in sorted(course)
    ]


@cache
def night() -> tuple[dict[bytes, bytes], int]:
    """Give the table of the forty at midnight before LATE, and how many records it stands on."""
    fold = RegionsFold(MANY)
    raw = forty(MONDAY, LATE - 60)
    fold.fold(range(len(raw)), raw)
    return {key: value for key, value in dict(written(fold)).items() if value is not None}, len(raw)


def night_after(hours: int, stopped: tuple[str, ...]) -> list[Transition]:
    table, count = night()
    raw = forty(LATE - 60, LATE + hours * 60, stopped)
    return restore(MANY, table).fold(range(count, count + len(raw)), raw).transitions


def test_four_of_forty_that_stop_while_the_others_sleep_are_four_silences_and_no_whole() -> None:
    transitions = night_after(12, CLOCKS)
    assert {one.region for one in transitions if one.new == "silent"} == set(CLOCKS)
    assert not [one for one in transitions if one.scope == "whole" or one.part_of_whole]


def test_all_that_stop_at_night_are_one_whole_in_the_first_hour_of_the_morning() -> None:
    transitions = night_after(12, OFFICES + CLOCKS)
    whole = [one for one in transitions if one.scope == "whole"]
    assert [one.new for one in whole] == ["everything is silent"]
    assert LATE + 7 * 60 < whole[0].at // MINUTE <= LATE + 8 * 60
    alone = [one for one in transitions if one.new == "silent" and not one.part_of_whole]
    assert {one.at <= whole[0].at for one in alone} == {True}
    assert len(alone) <= len(CLOCKS) + 2
