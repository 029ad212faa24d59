"""Flapping is one incident: a silence that comes back soon is held back, and one that lasts is always told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.activity import Activity, SourceState
from schemas.codec import encode
from schemas.config import Config, SilenceSettings
from schemas.directory import Directory, Region
from streams.measures.regions.entries import flush, restore
from streams.measures.regions.fold import RegionsFold, RegionsSettings
from streams.measures.silence.incident import Incident
from tests.measures.posts import DAY, MONDAY, posts, steps

MINUTE = 60_000
HOUR = 60 * MINUTE
COOL = 6 * HOUR
NIGHT = 1_000 * HOUR


def course(*changes: tuple[int, str], cool_down: int = COOL) -> Incident:
    """Follow verdicts from minutes after the beginning on."""
    incident = Incident()
    for minute, verdict in changes:
        incident.follow(verdict, NIGHT + minute * MINUTE, cool_down)  # type: ignore[arg-type]
    return incident


def since_and_held(incident: Incident) -> tuple[int, int]:
    """Give the beginning and the time up to which it is held back, in minutes after the beginning; -1 for none."""
    held = incident.held_until
    return (incident.since - NIGHT) // MINUTE, (held - NIGHT) // MINUTE if held and incident.held_at(held - 1) else -1


def test_a_first_silence_is_told_at_once() -> None:
    incident = course((0, "active"), (10, "silent"))
    assert since_and_held(incident) == (10, -1)
    assert not incident.words()


@pytest.mark.parametrize(
    ("again", "since", "held"),
    [(101, 10, 460), (459, 10, 460), (460, 10, -1), (461, 461, -1)],
)
def test_a_silence_within_six_hours_of_a_recovery_is_the_same_incident_and_held_back_until_they_are_over(
    again: int, since: int, held: int
) -> None:
    incident = course((10, "silent"), (100, "active"), (again, "silent"))
    assert incident.since == NIGHT + since * MINUTE
    begin = NIGHT + again * MINUTE
    assert incident.held_at(begin) == (held > 0)
    if held > 0:
        assert (incident.held_at(NIGHT + held * MINUTE - 1), incident.held_at(NIGHT + held * MINUTE)) == (True, False)


def test_a_silence_says_how_soon_it_came_back() -> None:
    assert course((10, "silent"), (100, "quiet"), (125, "silent")).words() == (
        "silent again 25 min after it had recovered"
    )
    assert not course((10, "silent"), (100, "quiet")).words()


@pytest.mark.parametrize(("lasted", "held"), [(4, False), (5, True)])
def test_a_silence_that_was_over_before_anybody_was_told_holds_nothing_back(lasted: int, held: bool) -> None:
    incident = course((10, "silent"), (10 + lasted, "active"), (30, "silent"))
    assert incident.held_at(NIGHT + 30 * MINUTE) == held


def test_the_recovery_of_a_silence_that_was_held_back_does_not_prolong_the_time() -> None:
    incident = course((10, "silent"), (100, "active"), (200, "silent"), (300, "active"), (400, "silent"))
    assert since_and_held(incident) == (10, 460)


def test_a_silence_that_was_told_at_the_end_of_the_time_begins_another() -> None:
    incident = course((10, "silent"), (100, "active"), (200, "silent"), (465, "active"), (500, "silent"))
    assert since_and_held(incident) == (10, 465 + 360)
    incident = course((10, "silent"), (100, "active"), (200, "silent"), (464, "active"), (500, "silent"))
    assert not incident.held_at(NIGHT + 500 * MINUTE), "it was told for four minutes, which may have reached nobody"


def test_a_source_that_is_down_is_no_recovery() -> None:
    incident = course((10, "silent"), (100, "unknown"), (120, "silent"))
    assert since_and_held(incident) == (10, -1)
    assert not incident.words()
    incident = course((10, "silent"), (100, "unknown"), (120, "active"), (140, "silent"))
    assert since_and_held(incident) == (10, 480)


def test_without_a_cool_down_every_silence_is_told() -> None:
    incident = course((10, "silent"), (100, "active"), (101, "silent"), cool_down=0)
    assert since_and_held(incident) == (101, -1)


@given(st.lists(st.tuples(st.integers(1, 500), st.sampled_from(["active", "quiet", "silent", "unknown"])), max_size=30))
def test_no_silence_is_held_back_for_longer_than_the_cool_down(course: list[tuple[int, str]]) -> None:
    incident, at, begun = Incident(), NIGHT, 0
    for minutes, verdict in course:
        at += minutes * MINUTE
        begun = (begun or at) if verdict == "silent" or (begun and verdict == "unknown") else 0
        incident.follow(verdict, at, COOL)  # type: ignore[arg-type]
        if verdict == "silent":
            assert not incident.held_at(begun + COOL)
            assert incident.since <= incident.begun <= at


# A region of some 900 posts a day that stops at noon, posts for a quarter hour, and stops again.
STOP = MONDAY + 15 * DAY + 12 * 60
BACK = STOP + 90
UP = {"s": SourceState("ok", 0, 0)}
SETTINGS = RegionsSettings(Config(), Directory(region=(Region("a", headcount=100),)))


def records() -> list[bytes]:
    end = STOP + 10 * 60
    happened = {at: count for at, count in posts(1, 900.0, MONDAY, end).items() if at < STOP}
    happened |= dict.fromkeys(range(BACK, BACK + 15), 3)
    return [
        encode(Activity("a", minute, 0, count, count, {"post": count}, {}, span=span, sources=UP))
        for minute, count, span in steps(happened, MONDAY, end, longest=15)
    ]


def test_a_silence_that_comes_back_is_a_transition_of_the_same_incident_and_the_status_says_when_it_is_told() -> None:
    fold = RegionsFold(SETTINGS)
    raw = records()
    output = fold.fold(range(len(raw)), raw, every=True)
    first, over, again = [one for one in output.transitions if "silent" in {one.old, one.new}]
    assert STOP * MINUTE < first.at < BACK * MINUTE < over.at < again.at
    assert (first.evidence.incident_since, first.evidence.held_until) == (first.at, 0)
    assert (over.evidence.incident_since, over.evidence.held_until) == (first.at, 0)
    assert (again.evidence.incident_since, again.evidence.held_until) == (first.at, over.at + COOL)
    assert again.reason.endswith(f"silent again {(again.at - over.at) // MINUTE} min after it had recovered")
    held = [one.minute for one in output.statuses if one.evidence.held_until]
    assert (min(held) + 1) * MINUTE == again.at
    assert over.at + COOL - 15 * MINUTE <= (max(held) + 1) * MINUTE < over.at + COOL
    last = output.statuses[-1]
    assert (last.verdict, last.evidence.incident_since, last.evidence.held_until) == ("silent", first.at, 0)


def test_an_incident_is_read_back_with_the_region() -> None:
    raw = records()
    first = RegionsFold(SETTINGS)
    cut = len(raw) - 30
    first.fold(range(cut), raw[:cut])
    second = restore(SETTINGS, dict(entry for step in flush(first).steps() for entry in step))
    assert second.states["a"].incident == first.states["a"].incident != Incident()
    rest = range(cut, len(raw))
    assert second.fold(rest, raw[cut:]).statuses == first.fold(rest, raw[cut:]).statuses


def test_the_cool_down_is_a_setting() -> None:
    short = RegionsSettings(Config(silence=SilenceSettings(cool_down_hours=0.1)), SETTINGS.directory)
    raw = records()
    again = RegionsFold(short).fold(range(len(raw)), raw).transitions[-1]
    assert (again.new, again.evidence.incident_since, again.evidence.held_until) == ("silent", again.at, 0)
