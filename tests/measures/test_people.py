"""People across a change of the key of their pseudonyms: over real windows they are who they were."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from schemas.activity import WINDOWS, Activity
from schemas.codec import encode
from schemas.events import Event, Heartbeat
from streams.measures.engagement.entries import flush, restore
from streams.measures.engagement.fold import PartitionFold, Settings
from streams.measures.engagement.numbering import SEGMENT
from streams.measures.engagement.people import People
from tests.measures.naive import MINUTE, NaiveFold

BEGIN = 29_000_000
DAY = 1_440
OVERLAP = 28 * DAY


class Log:
    """A log written under a key that changes at minute `change` after BEGIN, folded beside a naive count that knows
    who people are.
    """

    def __init__(self, change: int, horizon: int = 10_080) -> None:
        self.change = (BEGIN + change) * MINUTE
        self.naive = NaiveFold(["a"], {}, horizon)
        self.settings = Settings([("a", 0, 1)], {}, horizon)
        self.fold = PartitionFold(self.settings)
        self.table: dict[bytes, bytes] = {}
        self.records: list[bytes] = []
        self.read = 0
        self.compared = 0
        self.beat(0)

    def happens(self, minute: float, person: str, number: int) -> None:
        """Somebody posts `minute` minutes after BEGIN; ingest says who by the key, or the keys, of that time."""
        at = int((BEGIN + minute) * MINUTE)
        event = Event(id=str(number), at=at, region="a", actor=person, kind="post", source="s", tags=("x",))
        self.naive.take(event)
        if at >= self.change:
            formerly = person if at < self.change + OVERLAP * MINUTE else ""
            event = structs.replace(event, actor=f"new-{person}", formerly=formerly)
        self._write(encode(event))

    def beat(self, minute: int) -> None:
        """Let every minute before close; the windows of each are compared as they were then."""
        at = (BEGIN + minute) * MINUTE
        beat = Heartbeat("s", "ok", clock=at, complete_to=at, lateness=0, timeout=60 * DAY * MINUTE)
        self.naive.take(beat)
        self._write(encode(beat))

    def crash(self) -> None:
        """Write everything, and begin again from what was written."""
        for step in flush(self.fold).steps():
            for key, value in step:
                if value is None:
                    self.table.pop(key, None)
                else:
                    self.table[key] = value
        self.fold = restore(self.settings, self.table)
        self.read = self.fold.position.start
        self._fold()

    def names(self) -> str:
        """Give everything that the table says of people."""
        self.crash()
        return b" ".join(value for key, value in self.table.items() if b"\tpeople\t" in key).decode("latin-1")

    def _write(self, raw: bytes) -> None:
        self.records.append(raw)
        self._fold()

    def _fold(self) -> None:
        end = len(self.records)
        output = self.fold.fold(range(self.read, end), self.records[self.read : end])
        self.read = end
        for one in output.published:
            expected = self.naive.windows.get(("a", one.minute)) if isinstance(one, Activity) else None
            if expected is not None and one.revision == 0:
                self._compare(one, expected)

    def _compare(self, one: Activity, expected) -> None:
        for series, window in one.windows.by_series().items():
            for place, name in enumerate(WINDOWS):
                people = expected[name].get(series, (0, 0, 0))[0]
                assert window.actors[place] == people, (one.minute - BEGIN, series, name)
                self.compared += people > 0


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 1, 30, 400, DAY, 5 * DAY]),
        st.sampled_from([0, 0, 1, 20, 300, 3 * DAY]),
        st.sampled_from(["ana", "ben", "cid"]),
        st.booleans(),
    ),
    min_size=10,
    max_size=40,
)


@settings(max_examples=120, deadline=None)
@given(STEPS, st.integers(0, 15 * DAY), st.sampled_from([300, 10_080, 28 * DAY]))
def test_nobody_is_counted_twice_in_any_window_whoever_is_late_and_whatever_crashes(steps, change, horizon) -> None:
    log = Log(change, horizon)
    now = 0
    for number, (pause, age, person, crashes) in enumerate(steps):
        now += pause
        log.happens(max(now - age, 0), person, number)
        log.beat(now)
        if crashes and number % 5 == 0:
            log.crash()
    log.beat(now + 2)


@pytest.mark.parametrize(
    ("first", "second", "people"),
    [
        # minutes about the change, and how many people the 28 days after the second show
        (-1, 0, 1),
        (-27 * DAY, 0, 1),
        (-1, 27 * DAY, 1),
        (-1, 28 * DAY, 1),  # the first of those after the overlap: what was before the change has left the window
    ],
)
def test_one_person_on_both_sides_of_the_change_is_one(first: int, second: int, people: int) -> None:
    change = 30 * DAY
    log = Log(change)
    log.happens(change + first, "ana", 1)
    log.beat(change + first + 1)
    log.happens(change + second, "ana", 2)
    log.beat(change + second + 1)
    assert log.compared
    shown = log.naive.windows["a", BEGIN + change + second]["28d"][""][0]
    assert shown == people


def test_a_straggler_from_before_the_change_is_known_after_it() -> None:
    log = Log(100)
    log.happens(100, "ana", 1)
    log.beat(102)
    log.happens(99, "ana", 2)
    log.beat(104)
    log.crash()
    log.happens(98, "ana", 3)
    log.happens(104, "ana", 4)
    log.beat(106)
    assert log.compared


def test_the_link_is_forgotten_when_the_former_name_can_not_come_any_more() -> None:
    log = Log(100, horizon=300)
    log.happens(99, "ana", 1)
    log.happens(100, "ana", 2)
    log.beat(103)
    assert "new-ana\tana" in log.names()
    log.beat(100 + 300 + 10)
    log.names()  # what is forgotten has to lie before what was durable already
    assert "\tana" not in log.names()
    log.happens(410, "ana", 3)  # still told under both, which makes no new link
    log.beat(413)
    assert "\tana" not in log.names()


def test_a_rename_is_written_in_the_segment_in_which_the_name_stands() -> None:
    people = People()
    for number in range(SEGMENT + 1):
        people[f"p{number}"]
    assert [segment for segment, _ in people.flush()] == [0, 1]
    people.link("p3", "q3", 7)
    ((segment, names),) = people.flush()
    assert (segment, names[3]) == (0, "q3\tp3\t7")
    assert list(people.flush()) == []
    again = People()
    again.restore({0: names, 1: [f"p{SEGMENT}"]})
    assert (again["p3"], again["q3"], again[f"p{SEGMENT}"]) == (3, 3, SEGMENT)
    assert len(again.names) == SEGMENT + 1


def test_a_name_that_looks_like_a_link_breaks_nothing() -> None:
    people = People()
    for name in ("a\tb", "a\tb\tc", "\t\t\t9", "x\ty\tsoon"):
        people[name]
    again = People()
    again.restore(dict(people.flush()))
    assert [again[name] for name in ("a\tb", "a\tb\tc", "\t\t\t9", "x\ty\tsoon")] == [0, 1, 2, 3]
