"""How time begins in a partition, with sources of the present and of the past; and what can't be a moment at all."""

from __future__ import annotations

import pytest

from schemas.activity import Activity
from schemas.codec import encode
from schemas.events import EARLIEST, Event, Heartbeat
from streams.measures.engagement.entries import flush, restore
from streams.measures.engagement.fold import PartitionFold, Settings

MINUTE = 60_000
NOW = 29_000_000
"""The present, in minutes since the epoch."""
YEAR = 366 * 1_440
PATIENCE = 300_000
HOUR = 3_600_000


class Log:
    """A partition with one region, whose log is folded as it is written; minutes are told as from NOW."""

    def __init__(self, *sources: str) -> None:
        self.settings = Settings([("a", 0, 1)], {}, 10_080, sources=sources, patience=PATIENCE)
        self.fold = PartitionFold(self.settings)
        self.offset = 0
        self.counts: dict[int, int] = {}
        self.spans: list[int] = []
        self.refused = []

    def put(self, record: Event | Heartbeat) -> list[Activity]:
        """Fold a record; give the roll-ups that it has closed or changed."""
        output = self.fold.fold([self.offset], [encode(record)])
        self.offset += 1
        self.refused += output.refused
        rolled = [one for one in output.published if isinstance(one, Activity)]
        self.counts |= {one.minute - NOW: one.events for one in rolled if one.events}
        self.spans += [one.span for one in rolled]
        return rolled

    def post(self, minute: float, number: int = 0, source: str = "archive") -> None:
        """Somebody posts."""
        at = int((NOW + minute) * MINUTE)
        self.put(Event(id=f"{minute}-{number}", at=at, region="a", actor="p", kind="post", source=source))

    def beat(self, source: str, complete_to: float, clock: float = 0, status="ok") -> list[Activity]:
        """Let a source say how far it has got."""
        at = max(int((NOW + complete_to) * MINUTE), 0)
        return self.put(Heartbeat(source, status, int((NOW + clock) * MINUTE), at, lateness=0, timeout=HOUR))


@pytest.mark.parametrize("days", [5, 500])
@pytest.mark.parametrize("first", ["clock", "archive"])
def test_an_archive_counts_in_full_whether_its_first_heartbeat_or_the_clock_s_comes_first(first: str, days) -> None:
    """The archive is young enough to be revised, or far past the horizon."""
    log = Log("archive")
    begin = -days * 1_440
    if first == "clock":
        log.beat("clock", 0)
    log.beat("archive", -NOW)
    if first == "archive":
        log.beat("clock", 0)
    for minute in range(begin, begin + 10):
        log.post(minute)
        log.beat("archive", minute)
    log.beat("archive", 0)
    assert log.counts == dict.fromkeys(range(begin, begin + 10), 1)
    assert not log.refused
    assert log.fold.shards["a"].totals.totals.late == 0


def test_time_waits_for_every_source_of_the_configuration() -> None:
    log = Log("one", "two")
    log.beat("clock", 0)
    log.beat("one", 1, 1)
    assert not log.beat("clock", 2, 2)
    log.post(0.5, source="two")
    log.beat("two", -NOW, 2, status="down")  # one that can't start has nothing to tell, and says so
    log.beat("one", 3, 3)
    assert [one.minute - NOW for one in log.beat("clock", 3, 3)] == [2]
    assert log.counts == {0: 1}


def test_time_waits_for_a_source_that_never_comes_until_patience_ends_and_not_a_millisecond_less() -> None:
    log = Log("never")
    log.beat("clock", 0)
    log.post(0.5, source="clock")
    minutes = PATIENCE / MINUTE
    assert not log.beat("clock", minutes, minutes - 1 / MINUTE)
    assert log.beat("clock", minutes, minutes)
    assert log.counts == {0: 1}


def test_a_source_that_ended_before_the_others_came_has_been_heard() -> None:
    log = Log("archive", "chat")
    log.beat("archive", -NOW)
    log.post(-3)
    log.beat("archive", -1, status="ended")
    assert log.beat("chat", 0)
    assert log.counts == {-3: 1}


def test_who_was_heard_before_a_crash_is_not_awaited_again() -> None:
    log = Log("archive", "chat")
    log.beat("archive", -NOW)
    entries = {key: value for step in flush(log.fold).steps() for key, value in step if value is not None}
    log.fold = restore(log.settings, entries)
    log.post(-3)
    log.beat("archive", -1)
    assert log.beat("chat", 0)
    assert log.counts == {-3: 1}


def test_a_late_event_revises_its_minute_though_another_source_holds_time_back() -> None:
    log = Log()
    log.beat("archive", 0)
    log.beat("archive", 10, 10)
    log.beat("clock", 10, 10)
    log.post(5)
    revised = log.beat("clock", 11, 11)  # the archive has not gone on: no minute closes
    assert [(one.minute - NOW, one.revision, one.events) for one in revised] == [(5, 1, 1)]
    assert not log.beat("clock", 12, 12)


@pytest.mark.parametrize("apart", [YEAR, YEAR + 1])
def test_time_does_not_begin_with_an_event_that_is_more_than_a_year_before_all_others(apart: int) -> None:
    log = Log()
    log.post(-10)
    log.post(-10 - apart)
    log.post(-10 - apart, 1)
    log.beat("clock", 0)
    if apart > YEAR:
        assert log.counts == {-10: 1}
        assert sum(log.spans) == 10
        assert [(one.reason, one.offset, one.detail[:8]) for one in log.refused] == [("too_late", 1, "2 events")]
        assert log.fold.shards["a"].totals.totals.too_late == 2
    else:
        assert log.counts == {-10: 1, -10 - apart: 2}
        assert sum(log.spans) == 10 + apart
        assert not log.refused


def test_a_moment_before_1990_is_one_that_was_never_set_and_is_refused_as_it_comes() -> None:
    log = Log()
    for at in (0, EARLIEST - 1, EARLIEST):
        log.put(Event(id=str(at), at=at, region="a", actor="p", kind="post", source="s"))
    assert [(one.offset, one.reason) for one in log.refused] == [(0, "wrong_type"), (1, "wrong_type")]
    log.beat("archive", EARLIEST / MINUTE + 1 - NOW)
    assert log.counts == {EARLIEST // MINUTE - NOW: 1}
