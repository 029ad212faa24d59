"""The attacker of attacker.py against the rules: what is proven, what was looked for in vain, what is not promised."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.activity import WHOLE
from streams.measures.privacy import HIDDEN, Figures, Release, Rules, release
from tests.measures.attacker import (
    CAMPAIGN,
    RENEWALS,
    SERIES,
    WINDOWS,
    Attacker,
    Cells,
    Group,
    World,
    exact,
    groups,
    releases,
    size,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.measures.attacker import Pattern

GROUP = 5
RULES = Rules(GROUP, RENEWALS)


@st.composite
def worlds(draw: st.DrawFn, most_minutes: int = 4, acts: tuple[int, ...] = (0, 0, 1, 2)) -> World:
    """A few active minutes, and people of a few sorts, in numbers at and beside the edges of the steps.

    The campaign begins and ends somewhere among them, or has no days.
    """
    minutes = sorted(draw(st.sets(st.integers(0, 30), min_size=2, max_size=most_minutes)))
    sorts = st.tuples(*(st.sampled_from(acts) for _ in minutes)).filter(any)
    numbers = st.sampled_from([1, 2, GROUP - 1, GROUP, GROUP + 1])
    people = [
        person
        for sort, many in draw(st.lists(st.tuples(sorts, numbers), min_size=1, max_size=5))
        for person in [sort] * many
    ]
    active = [place for place in range(len(minutes)) if any(person[place] for person in people)]
    more = draw(st.sampled_from([0, 1, GROUP - 1, GROUP, 40]))
    begins, ends = draw(st.sampled_from([(0, 0), (0, 99), (2, 14), (10, 25), (13, 99)]))
    return World(
        tuple(minutes[place] for place in active),
        tuple(tuple(person[place] for place in active) for person in people),
        max(GROUP, len(people) + more),
        tuple(draw(st.sampled_from([0, 1, 20])) for _ in active),
        (begins, ends),
    )


def world_of(minutes: tuple[int, ...], people: dict[Pattern, int], headcount: int) -> World:
    return World(minutes, tuple(person for person, many in people.items() for _ in range(many)), headcount)


def told_small(world: World, cells: Cells, known: list[Release], rules: Rules = RULES) -> list[tuple[Group, int, int]]:
    """All groups of 1 to GROUP - 1 people with the least and the largest size that the attacker finds for them."""
    attacker = Attacker(world, cells, known, rules)
    return [
        (group, attacker.bound(group, largest=False), attacker.bound(group, largest=True))
        for group in groups(cells, known, world.days)
        if 1 <= size(world, cells, group) < GROUP
    ]


def pinned(found: Iterable[tuple[Group, int, int]]) -> list[str]:
    return [group.name for group, least, most in found if least == most]


# -- the attacker himself


@settings(max_examples=12, deadline=None, derandomize=True)
@given(world=worlds(most_minutes=3))
def test_the_attacker_never_rules_out_what_is_true(world: World) -> None:
    cells = Cells(world.minutes)
    for group, least, most in told_small(world, cells, releases(world, cells, RULES)):
        assert least <= size(world, cells, group) <= most


def test_the_attacker_agrees_with_trying_every_world() -> None:
    world = world_of((0, 1), {(1, 0): 3, (1, 1): 1, (0, 1): 2}, 6)
    cells = Cells(world.minutes)
    known = releases(world, cells, RULES)
    numbers = range(world.headcount + 1)
    plain = [place for place, pattern in enumerate(cells.patterns) if 2 not in pattern]
    sizes: dict[str, set[int]] = {}
    for counts in itertools.product(numbers, repeat=len(plain)):
        if sum(counts) > world.headcount:
            continue
        people = {cells.patterns[place]: count for place, count in zip(plain, counts, strict=True)}
        other = world_of(world.minutes, people, world.headcount)
        if releases(other, cells, RULES) == known:
            for group in groups(cells, known):
                sizes.setdefault(group.name, set()).add(size(other, cells, group))
    attacker = Attacker(world, cells, known, RULES)
    for group in groups(cells, known):
        if "tag" not in group.name:
            found = attacker.bound(group, largest=False), attacker.bound(group, largest=True)
            assert found == (min(sizes[group.name]), max(sizes[group.name])), group.name


def test_rounding_to_five_alone_would_give_a_small_group_away() -> None:
    # 10 to 12 people are shown as 10, 13 to 17 as 15: the hour as 10, and with the next one as 15.
    def shown(count: int) -> tuple[int, int]:
        nearest = 5 * ((count + 2) // 5)
        return (1, 9) if 0 < count < 10 else (max(10, nearest - 2), nearest + 2)

    world = world_of((0, 6), {(1, 0): 12, (0, 1): 2}, 100)
    cells = Cells(world.minutes)
    attacker = Attacker(world, cells, [], RULES)
    hour, both = cells.taking_part(WHOLE, 0, 0), cells.taking_part(WHOLE, 1, 6)
    attacker._add(hour, *shown(12))
    attacker._add(both, *shown(14))
    joining = Group("joining", both & ~hour)
    assert (attacker.bound(joining, largest=False), attacker.bound(joining, largest=True)) == (1, 7)
    # In steps the same two counts leave everything open.
    attacker = Attacker(world, cells, [], Rules(10, RENEWALS))
    attacker._add(hour, 10, 19)
    attacker._add(both, 10, 19)
    assert (attacker.bound(joining, largest=False), attacker.bound(joining, largest=True)) == (0, 9)


# -- what is proven


def least_told(least: int, most: int, group: int = GROUP) -> bool:
    """The sizes left open have 0 among them, or the group and more, or all that `hidden` stands for anyway."""
    return least == 0 or most >= group or (least <= 1 and most >= group - 1)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(world=worlds(), choice=st.integers(0, 200))
def test_from_one_release_no_small_group_is_known_better_than_hidden_says(world: World, choice: int) -> None:
    cells = Cells(world.minutes)
    all_of_them = releases(world, cells, RULES)
    minute = choice % len(all_of_them)
    # What stands in one release was renewed at up to four minutes.
    renewed = {minute - minute % renewal: None for renewal in RENEWALS}
    attacker = Attacker(world, cells, [], RULES)
    for window, renewal in enumerate(RENEWALS):
        told = all_of_them[minute - minute % renewal]
        for series in SERIES:
            attacker._read(told, series, window)
    attacker._read_campaign(world, told)
    for group in groups(cells, [all_of_them[at] for at in renewed], world.days):
        real = size(world, cells, group)
        if 1 <= real < GROUP and "joining" not in group.name and "leaving" not in group.name:
            found = attacker.bound(group, largest=False), attacker.bound(group, largest=True)
            assert least_told(*found), (group.name, found)
        complement = world.headcount - real
        if 1 <= complement < GROUP:
            least, most = attacker.bound(group, largest=False), attacker.bound(group, largest=True)
            assert least_told(world.headcount - most, world.headcount - least), group.name


@settings(max_examples=15, deadline=None, derandomize=True)
@given(world=worlds(), window=st.integers(0, 3), series=st.sampled_from(SERIES))
def test_from_two_renewals_of_a_window_nobody_who_joined_or_left_is_told(
    world: World, window: int, series: str
) -> None:
    cells = Cells(world.minutes)
    all_of_them = releases(world, cells, RULES)
    for earlier in range(0, len(all_of_them) - RENEWALS[window], RENEWALS[window]):
        pair = [all_of_them[earlier], all_of_them[earlier + RENEWALS[window]]]
        before, after = (cells.taking_part(series, window, told.minute) for told in pair)
        moved = [members for members in (after & ~before, before & ~after) if members.any()]
        if not moved:
            continue
        attacker = Attacker(world, cells, [], RULES)
        attacker.rows.clear()
        for told in pair:
            attacker._read(told, series, window)
        for group in groups(cells, pair[:1]):
            if any(np.array_equal(group.members, members) for members in moved):
                assert least_told(attacker.bound(group, largest=False), attacker.bound(group, largest=True)), group.name


# -- what was looked for in everything that is ever released, and not found


@settings(max_examples=12, deadline=None, derandomize=True)
@given(world=worlds())
def test_no_group_under_the_minimum_is_determined_by_all_releases_together(world: World) -> None:
    cells = Cells(world.minutes)
    assert pinned(told_small(world, cells, releases(world, cells, RULES))) == []


@settings(max_examples=8, deadline=None, derandomize=True)
@given(world=worlds(3, (0, 1, 2, 3, 3)))
def test_nor_is_one_by_these_and_the_tags_that_go_with_a_campaign(world: World) -> None:
    cells = Cells(world.minutes, (0, 1, 2, 3))
    assert pinned(told_small(world, cells, releases(world, cells, RULES))) == []


def test_people_who_come_one_by_one_into_a_hidden_hour_cannot_be_counted() -> None:
    # Each of the three who come, at 49, 50 and 51, finds another wide window one short of its next step.
    before = {(1, 0, 0): 4, (1, 1, 0): 3, (0, 1, 0): 4, (0, 1, 1): 2}
    people = {(*sort, 0, 0, 0): many for sort, many in before.items()}
    people |= {(0, 0, 0, 1, 0, 0): 1, (0, 0, 0, 0, 1, 0): 1, (0, 0, 0, 0, 0, 1): 1}
    world = world_of((10, 32, 42, 49, 50, 51), people, 60)
    cells = Cells(world.minutes)
    every_minute = Rules(GROUP, (1, 1, 1, 1))
    hour = Group("hour", cells.taking_part(WHOLE, 0, 51))
    counted = Attacker(world, cells, releases(world, cells, every_minute), every_minute)
    assert counted.bound(hour, largest=False) == 3
    ours = Attacker(world, cells, releases(world, cells, RULES), RULES)
    assert ours.bound(hour, largest=False) == 1
    assert ours.bound(hour, largest=True) == GROUP - 1


# -- what is not promised: docs/privacy.md says so


def test_known_limit_as_many_full_hours_as_the_group_has_people_tell_of_each() -> None:
    hours = (1, 4, 7, 10, 13)
    people = {tuple(int(place == other) for other in range(5)): GROUP - 1 for place in range(5)}
    world = world_of(hours, people, 60)
    cells = Cells(world.minutes)
    known = releases(world, cells, RULES)
    assert {release.windows[WHOLE].actors[0] for release in known} == {0, HIDDEN}
    assert "whole 3 at 7" in pinned(told_small(world, cells, known))
    # One fewer, and nothing is determined any more.
    fewer = world_of(hours, {**people, (1, 0, 0, 0, 0): GROUP - 2}, 60)
    assert pinned(told_small(fewer, cells, releases(fewer, cells, RULES))) == []


@pytest.mark.parametrize("headcount", [GROUP, GROUP + 1, 2 * GROUP])
def test_the_other_side_of_a_shown_count_is_not_told(headcount: int) -> None:
    for people in range(headcount + 1):
        world = world_of((0,), {(1,): people} if people else {(1,): 1}, headcount)
        cells = Cells(world.minutes)
        figures = exact(world, cells, 0)
        if not people:
            figures = Figures(0, headcount, dict.fromkeys(SERIES, figures.windows[CAMPAIGN]))
        released = release(figures, None, RULES).windows[WHOLE].actors[0]
        possible = {
            headcount - other
            for other in range(headcount + 1)
            if release(_with(figures, other), None, RULES).windows[WHOLE].actors[0] == released
        }
        assert headcount - people in possible
        if 1 <= headcount - people < GROUP:
            assert 0 in possible or max(possible) >= GROUP or possible == set(range(1, GROUP))


def _with(figures: Figures, people: int) -> Figures:
    whole = figures.windows[WHOLE]
    fixed = type(whole)((people,) * 4, (people,) * 4, (0,) * 4, (0,) * 4, (people,) * 4, (0,) * 4)
    return Figures(figures.minute, figures.headcount, {WHOLE: fixed})


def test_the_scaled_windows_hold_the_real_order_of_lengths_and_renewals() -> None:
    assert all(length % renewal == 0 for length, renewal in zip(WINDOWS, RENEWALS, strict=True))
    assert RENEWALS[1] == WINDOWS[0]
