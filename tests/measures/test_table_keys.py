"""What stands in the tables under names that no event may have any more is read back and stops no start."""

from __future__ import annotations

from msgspec import msgpack

from schemas.activity import Activity
from schemas.codec import encode
from schemas.config import Config
from schemas.directory import Directory
from schemas.events import Event
from streams.measures.engagement import entries as engagement
from streams.measures.engagement.fold import Settings
from streams.measures.regions import entries as regions
from streams.measures.regions.fold import RegionsSettings


def test_a_region_with_tabs_in_its_name_keeps_its_state() -> None:
    key = b"a\tb\tc\tseries\t0"
    fold = engagement.restore(Settings([], {}), {key: engagement.stamped(3, msgpack.encode(["", "safety"]))})
    assert fold.shards["a\tb\tc"].series.numbers.names == ["", "safety"]


def test_days_of_a_region_with_tabs_in_its_name_stop_no_start_of_the_region_agent() -> None:
    table = {b"a\tb\t20000": engagement.stamped(3, b"day"), b"#": engagement.stamped(3, b"")}
    assert regions.restore(RegionsSettings(Config(), Directory()), table).offset == 3


def test_a_region_that_is_called_as_the_marker_is_keeps_its_state() -> None:
    fold = regions.restore(RegionsSettings(Config(), Directory()), {})
    minute = 29_000_000
    said = [
        encode(Activity("#", minute + later, 0, 3, 2, {"post": 3}, {}, totals={"post": 3 + later}))
        for later in range(2)
    ]
    fold.fold(range(2), said)
    table = {key: value for step in regions.flush(fold).steps() for key, value in step if value is not None}
    again = regions.restore(RegionsSettings(Config(), Directory()), table)
    assert (again.offset, list(again.states)) == (1, ["#"])


def test_activity_with_a_tab_in_its_region_is_refused() -> None:
    fold = regions.restore(RegionsSettings(Config(), Directory()), {})
    output = fold.fold(range(1), [encode(Activity("a\tb", 29_000_000, 0, 0, 0, {}, {}))])
    assert [one.reason for one in output.refused] == ["wrong_type"]
    assert not fold.states


def test_an_event_with_a_tab_in_its_region_is_refused_and_the_rest_of_its_run_goes_on() -> None:
    fold = engagement.restore(Settings([], {}), {})
    for run in range(2):  # the first run after a start is always read one by one
        values = [
            encode(Event(f"{number}".rjust(22, "e"), 1_780_300_800_000, region, "p" * 22, "post", "s"))
            for number, region in enumerate(["a", "a\tb", "c"])
        ]
        output = fold.fold(range(3 * run, 3 * run + 3), values)
        assert [(one.offset, one.reason) for one in output.refused] == [(3 * run + 1, "wrong_type")]
        assert sorted(fold.shards) == ["a", "c"]
