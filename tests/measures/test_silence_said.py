"""What is said of a region in the hard moments: odd posts, a drop that becomes a silence, a restart in between."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from streams.measures.silence.drops import decay
from streams.measures.silence.heights import Heights, heights, told
from streams.measures.silence.state import State
from streams.measures.silence.words import reason
from tests.measures.posts import feed
from tests.measures.test_silence_detector import END, NOON, alerted_at, dropped, exported, history, trained


def test_one_odd_post_in_a_silence_does_not_keep_its_reason_from_being_told() -> None:
    detector = trained()
    feed(detector, "crowded", history()["crowded"], END, NOON)
    found = alerted_at(detector, "crowded", NOON, NOON + 2 * 60)
    assert found is not None
    said = detector.observe("crowded", found + 1, 1)
    assert reason(said, 10) == "posts have begun to come again"
    said = detector.observe("crowded", found + 3, 0, span=2)
    assert reason(said, 10) == "posts have begun to come again"
    said = detector.observe("crowded", found + 183, 0, span=180)
    assert said.silent
    assert reason(said, 10).startswith("no post for 3 h 2 min; ")


def test_a_drop_that_becomes_a_silence_is_told_as_one() -> None:
    detector = trained()
    assert dropped(detector, 6)[-1]
    back = NOON + 6 * 60
    last = detector.observe("crowded", back, 1)
    assert last.test == "drop"
    said = detector.observe("crowded", back + 3 * 60, 0, span=3 * 60)
    assert (said.test, said.ending) == ("silence", False)
    assert said.last_event > said.silent_since
    assert reason(said, 10).startswith("no post for 3 h; ")


def test_a_restart_after_the_post_that_ends_a_silence_changes_no_figure() -> None:
    detector = trained()
    feed(detector, "lively", history()["lively"], END, NOON)
    feed(detector, "lively", {}, NOON, NOON + 3 * 1_440)
    assert detector.assess("lively").silent
    entries = dict(exported(trained(), "lively")[1]) | exported(detector, "lively")[1]
    said = detector.observe("lively", NOON + 3 * 1_440, 1)
    assert not said.silent
    other = trained()
    other.restore_pool(detector.export_pool())
    _, changed = exported(detector, "lively")
    other.restore("lively", detector.export("lively"), entries | changed)
    assert other.assess("lively") == said


def test_of_a_drop_the_figures_are_those_of_its_own_test() -> None:
    fit = trained().machine("crowded").fit
    assert fit is not None
    fit = replace(fit, threshold=5.0, drop_threshold=9.0)
    now = Heights(silence=4.5, drop=8.0)
    quiet, drop, silent = (
        told(state, fit, now) for state in (State(), State(dropped=True), State(silent=True, dropped=True))
    )
    assert (quiet.log_odds, quiet.threshold) == (4.5, 5.0)
    assert (drop.log_odds, drop.threshold, drop.weeks) == (8.0, 9.0, fit.drop.weeks(8.0))
    assert silent == quiet
    nearer = told(State(), fit, Heights(silence=4.5, drop=8.6))
    assert (nearer.log_odds, nearer.threshold) == (8.6, 9.0)
    assert heights(State(), None) == Heights()


@pytest.mark.parametrize("observed", [True, False])
def test_the_first_quarter_hour_that_is_judged_has_no_events_of_before(observed: bool) -> None:
    detector = trained()
    hour, usual = 60, 10
    events = dict.fromkeys(range(END, END + hour), 4)
    feed(detector, "new", events, END, END + 10, observed=observed)
    feed(detector, "new", events, END + 10, END + hour)
    machine = detector.machine("new")
    assert machine.fit is not None
    assert machine.fit.counted
    before = machine.state.counted
    detector.observe("new", END + hour, usual)
    detector.observe("new", END + hour + 14, 0, span=14)
    assert machine.state.counted.done == pytest.approx(before.done * decay(15) + usual)
