"""The engagement fold at its boundaries: minutes, lateness, horizon, windows, sources, campaigns, shards, rubbish."""

from __future__ import annotations

import pytest

from schemas.activity import WINDOWS, Activity, SourceChange
from schemas.codec import encode
from schemas.events import Event, Heartbeat
from streams.measures.engagement.entries import flush, restore
from streams.measures.engagement.fold import PartitionFold, Settings

MINUTE = 60_000
BEGIN = 29_000_000
CAMPAIGNS = {"one": ("town",), "town": ("town",)}


class Line:
    """A partition with one region, one source and a log that is folded as it is written."""

    def __init__(self, horizon: int = 10_080, regions=(("a", 0, 1),)) -> None:
        self.fold = PartitionFold(Settings(list(regions), CAMPAIGNS, horizon))
        self.offset = 0
        self.refused = []

    def put(self, *records) -> list[Activity | SourceChange]:
        """Fold records; give what is published."""
        raw = [record if isinstance(record, bytes) else encode(record) for record in records]
        output = self.fold.fold(range(self.offset, self.offset + len(raw)), raw)
        self.offset += len(raw)
        self.refused += output.refused
        return output.published

    def close(self, minute: int, **more) -> dict[tuple[str, int], Activity]:
        """Let time go on so that every minute before BEGIN + `minute` closes."""
        at = (BEGIN + minute) * MINUTE
        beat = Heartbeat("s", "ok", clock=at, complete_to=at, lateness=0, **more)
        return {(one.region, one.minute - BEGIN): one for one in self.put(beat) if isinstance(one, Activity)}


def event(minute: float, number: int = 0, **more) -> Event:
    """Give an event `minute` minutes after BEGIN."""
    fields = {"id": f"e{number}-{minute}", "region": "a", "actor": "p", "kind": "post", "source": "s"} | more
    return Event(at=int((BEGIN + minute) * MINUTE), **fields)


def test_a_minute_holds_its_first_and_not_its_last_millisecond() -> None:
    line = Line()
    line.close(0)
    line.put(event(1), event(2 - 1 / MINUTE, 1), event(2, 2))
    closed = line.close(3)
    assert (closed["a", 1].events, closed["a", 2].events) == (2, 1)


def test_a_minute_closes_when_the_lateness_after_its_end_has_been_completed_and_not_a_millisecond_before() -> None:
    line = Line()
    line.close(0)
    line.put(event(0.5))
    end = (BEGIN + 1) * MINUTE
    assert not line.put(Heartbeat("s", "ok", clock=end, complete_to=end + 119_999, lateness=120_000))
    published = line.put(Heartbeat("s", "ok", clock=end, complete_to=end + 120_000, lateness=120_000))
    assert [(one.minute, one.events, one.revision) for one in published] == [(BEGIN, 1, 0)]


def test_time_goes_on_without_events_and_a_leap_costs_one_message() -> None:
    line = Line()
    line.close(0)
    closed = line.close(500)
    assert list(closed) == [("a", 499)]
    assert (closed["a", 499].span, closed["a", 499].events) == (500, 0)


@pytest.mark.parametrize(("place", "length"), list(enumerate(WINDOWS.values())))
def test_a_person_is_in_a_window_for_exactly_its_length(place: int, length: int) -> None:
    line = Line()
    line.close(0)
    line.put(event(0.5, tags=("x",)))
    inside = {0: 1, length - 1: 1, length: 0}
    for minute, people in inside.items():
        window = line.close(minute + 1)["a", minute].windows.by_series()[""]
        assert people == window.actors[place], minute


@pytest.mark.parametrize("length", [WINDOWS["1h"], WINDOWS["24h"], WINDOWS["7d"]])
def test_an_event_is_in_a_window_within_the_horizon_for_exactly_its_length(length: int) -> None:
    line = Line()
    line.close(0)
    line.put(event(0.5))
    place = list(WINDOWS.values()).index(length)
    for minute, events in {length - 1: 1, length: 0}.items():
        assert events == line.close(minute + 1)["a", minute].windows.by_series()[""].events[place]


def test_a_person_counts_once_in_a_window_and_anew_in_each_minute() -> None:
    line = Line()
    line.close(0)
    line.put(event(0.1), event(0.2, 1), event(1.1), event(1.2, 3, actor="q"))
    closed = line.close(2)
    assert [closed["a", minute].actors for minute in (0, 1)] == [1, 2]
    assert closed["a", 1].windows.by_series()[""].actors[0] == 2
    assert closed["a", 1].windows.by_series()[""].events[0] == 4


def test_who_comes_back_within_28_days_is_returning_and_after_it_new() -> None:
    line = Line()
    line.close(0)
    month = WINDOWS["28d"]
    line.put(event(0.5))
    assert line.close(1)["a", 0].windows.by_series()[""].returning[0] == 0
    line.close(month - 1)
    line.put(event(month - 0.5))
    assert line.close(month)["a", month - 1].windows.by_series()[""].returning[0] == 1
    line.close(2 * month - 1)
    line.put(event(2 * month - 0.5))
    assert line.close(2 * month)["a", 2 * month - 1].windows.by_series()[""].returning[0] == 0


def test_views_machines_and_bots_are_events_and_not_people() -> None:
    line = Line()
    line.close(0)
    line.put(event(0.1, kind="view"), event(0.2, machine=True), event(0.3, role="bot"), event(0.4, kind="reaction"))
    closed = line.close(1)["a", 0]
    assert (closed.events, closed.actors) == (4, 1)
    assert closed.kinds == {"view": 1, "post": 2, "reaction": 1}


def test_an_event_with_two_tags_of_a_campaign_counts_once_in_it() -> None:
    line = Line()
    line.close(0)
    line.put(event(0.1, tags=("one", "town", "other")), event(0.2, tags=("one",), actor="q"))
    series = line.close(1)["a", 0].series
    assert {name: (one.events, one.actors) for name, one in series.items()} == {
        "one": (2, 2),
        "town": (1, 1),
        "other": (1, 1),
        "campaign:town": (2, 2),
    }


def test_a_late_event_revises_its_minute_with_the_next_one_that_closes() -> None:
    line = Line()
    line.close(0)
    line.put(event(0.5))
    line.close(2)
    line.put(event(0.6, actor="q", tags=("x",)), event(0.5))
    closed = line.close(3)
    revised = closed["a", 0]
    assert (revised.revision, revised.events, revised.actors, revised.late) == (1, 2, 2, 1)
    assert revised.duplicates == 1
    assert closed["a", 2].windows.by_series()[""].actors[0] == 2


def test_the_last_event_within_the_horizon_counts_and_the_one_before_it_is_refused() -> None:
    line = Line(horizon=1_440)
    line.close(2_000)
    line.put(event(2_000 - 1_440), event(2_000 - 1_440 - 1 / MINUTE, 1))
    assert [one.reason for one in line.refused] == ["too_late"]
    closed = line.close(2_001)
    assert (closed["a", 560].events, closed["a", 2_000].too_late) == (1, 1)


def test_an_event_far_ahead_of_the_clock_is_not_believed() -> None:
    line = Line()
    line.close(0, timeout=15_000)
    limit = 2 + 15 / 60
    line.put(event(limit - 1 / MINUTE), event(limit, 1))
    assert [one.reason for one in line.refused] == ["future"]


def test_an_event_that_was_ahead_of_the_clock_is_not_believed_when_it_is_read_again_later() -> None:
    line = Line()
    line.close(0, timeout=15_000)
    line.put(event(0.5), event(3), event(0.6, 1))
    at = (BEGIN + 2) * MINUTE
    log = [encode(one) for one in (event(0.5), event(3), event(0.6, 1))]
    line.put(Heartbeat("s", "ok", clock=at, complete_to=at, timeout=15_000))  # the first minute stays open
    table = {}
    for step in flush(line.fold).steps():
        table |= dict(step)
    again = restore(line.fold.settings, table)
    assert again.position.start == 1
    again.fold(range(1, 4), log)
    line.fold = again
    assert [one.events for one in line.close(5).values()] == [2, 0]
    line.put(event(9))  # while an event that is ahead now is refused as ever
    assert [one.reason for one in line.refused] == ["future", "future"]


def test_a_record_that_cannot_be_read_is_refused_alone() -> None:
    line = Line()
    line.close(0)
    line.put(event(0.1), b"{", b"\xff", b'{"v":9}', event(0.2, 1))
    assert [one.reason for one in line.refused] == ["not_json", "not_utf8", "new_version"]
    assert line.close(1)["a", 0].events == 2


def test_a_source_is_down_when_its_clock_falls_behind_by_more_than_its_time_out() -> None:
    line = Line()
    at = BEGIN * MINUTE
    line.put(Heartbeat("s", "ok", at, at, timeout=15_000, regions=("a",)))
    assert not line.put(Heartbeat("clock", "ok", at + 15_000, at, timeout=15_000))
    changed = line.put(Heartbeat("clock", "ok", at + 15_001, at, timeout=15_000))
    assert [(one.region, one.sources["s"].status) for one in changed] == [("a", "down")]
    back = line.put(Heartbeat("s", "ok", at + 16_000, at, timeout=15_000, regions=("a",)))
    assert [one.sources["s"].status for one in back] == ["ok"]


def test_the_watermark_waits_for_every_live_source_and_for_no_dead_one() -> None:
    line = Line()
    at = BEGIN * MINUTE
    line.put(Heartbeat("s", "ok", at, at, lateness=0), Heartbeat("t", "ok", at, at, lateness=0))
    later = at + 10 * MINUTE
    assert not [
        one for one in line.put(Heartbeat("s", "ok", at + 1_000, later, lateness=0)) if isinstance(one, Activity)
    ]
    gone_on = line.put(Heartbeat("s", "ok", at + 20_000, later, lateness=0))
    assert [one.minute for one in gone_on if isinstance(one, Activity)] == [BEGIN + 9]


def test_the_form_that_most_people_wrote_is_the_label() -> None:
    line = Line()
    line.close(0)
    line.put(
        event(0.1, tags=("onetown",), labels=("OneTown",)),
        event(0.2, tags=("onetown",), labels=("ONETOWN",), actor="q"),
        event(0.3, 3, tags=("onetown",), labels=("ONETOWN",), actor="q"),
        event(0.4, tags=("onetown",), labels=("OneTown",), actor="r"),
    )
    assert line.close(1)["a", 0].labels == {"onetown": "OneTown"}


def test_a_quiet_minute_and_a_busy_one_are_rolled_up_alike() -> None:
    """One event more than are rolled up one by one: the counts go on as before."""
    counts = []
    for events in (24, 25):
        line = Line()
        line.close(0)
        line.put(*[event(0.1, n, actor=f"p{n % 7}", tags=("one", "x")[: n % 3]) for n in range(events)])
        closed = line.close(1)["a", 0]
        counts.append({name: one.actors for name, one in closed.series.items()} | {"": closed.actors})
        assert events == closed.events
    assert counts[0] == counts[1] == {"": 7, "one": 7, "x": 7, "campaign:town": 7}
