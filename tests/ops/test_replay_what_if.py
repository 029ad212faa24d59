from __future__ import annotations

import json

from ops.replay.differences import HEADCOUNT, LATE, LOSS, NOT_LIVE, differing
from ops.replay.what_if import Alert, alerts, compare, summary
from schemas.regions import Transition

HOUR = 3_600_000


def silence(region: str, begin: int, end: int) -> list[Transition]:
    """Give a silence from one hour to another."""
    return [
        Transition(region, begin * HOUR, "quiet", "silent", f"since {begin}"),
        Transition(region, end * HOUR, "silent", "active", "as usual"),
    ]


def test_a_silence_lasts_until_the_next_verdict_or_the_end() -> None:
    told = [*silence("b", 5, 9), *silence("a", 1, 2), Transition("a", 7 * HOUR, "active", "silent", "again")]
    assert alerts(told) == [
        Alert("a", HOUR, 2 * HOUR, "since 1"),
        Alert("a", 7 * HOUR, -1, "again"),
        Alert("b", 5 * HOUR, 9 * HOUR, "since 5"),
    ]


def test_alerts_come_go_move_and_stay() -> None:
    was = [*silence("gone", 1, 2), *silence("moved", 10, 20), *silence("stays", 3, 4)]
    then = [*silence("come", 1, 2), *silence("moved", 12, 20), *silence("stays", 3, 4)]
    changes = compare(was, then)
    assert [one.region for one in changes.came] == ["come"]
    assert [one.region for one in changes.gone] == ["gone"]
    assert [(old.begin, new.begin) for old, new in changes.moved] == [(10 * HOUR, 12 * HOUR)]
    assert changes.stayed == 1
    assert summary(changes)[0] == "1 alerts would have come, 1 gone, 1 moved; 1 stay as they were."


def test_alerts_of_one_region_far_from_each_other_are_two_and_the_nearest_is_the_same() -> None:
    far = compare(silence("a", 1, 2), silence("a", 9, 10))
    assert (len(far.came), len(far.gone), len(far.moved)) == (1, 1, 0)
    near = compare(silence("a", 1, 2), silence("a", 6, 7))
    assert (len(near.came), len(near.gone), len(near.moved)) == (0, 0, 1)
    two = compare(silence("a", 10, 11), [*silence("a", 6, 7), *silence("a", 12, 13)])
    assert [(old.begin // HOUR, new.begin // HOUR) for old, new in two.moved] == [(10, 12)]
    assert [one.begin // HOUR for one in two.came] == [6]


def raw(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def test_equal_records_do_not_differ_and_a_missing_one_does() -> None:
    assert differing("x", raw(a=1), raw(a=1), whole=True) == []
    assert [one.why for one in differing("x", None, raw(a=1), whole=True)] == [NOT_LIVE]


def test_each_value_that_differs_is_named_with_both_and_a_reason() -> None:
    (one,) = differing("activity a", raw(events=1, kinds={"post": 1}), raw(events=2, kinds={"post": 1}), whole=True)
    assert (one.field, one.live, one.replayed, one.why) == ("events", "1", "2", LATE)
    (one,) = differing("regions a", raw(headcount=500), raw(headcount=400), whole=True)
    assert one.why == HEADCOUNT


def test_windows_are_compared_by_series_whatever_their_order() -> None:
    live = raw(windows={"series": ["", "x"], "actors": [[5, 1], [6, 2], [7, 3], [8, 4]]})
    other = raw(windows={"series": ["x", ""], "actors": [[1, 5], [2, 6], [3, 7], [4, 9]]})
    (one,) = differing("activity a", live, other, whole=False)
    assert (one.field, one.live, one.replayed, one.why) == ("windows.all.actors.28d", "8", "9", LOSS)
