from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.exporter import counts
from ops.exporter.counts import LogCounts

if TYPE_CHECKING:
    from pathlib import Path

A, B = ("not_json", "chat"), ("future", "chat")


def filled(*keys: tuple[str, str]) -> LogCounts:
    made = LogCounts()
    for offset, key in enumerate(keys):
        made.add(0, offset, key)
    return made


def test_a_record_that_was_counted_is_not_counted_again() -> None:
    counted = filled(A, A, B)
    assert not counted.add(0, 2, B)
    assert counted.add(0, 3, A)
    assert counted.counts == {A: 3, B: 1}


def test_partitions_have_their_own_offsets() -> None:
    counted = filled(A)
    assert counted.add(1, 0, A)
    assert (counted.counts, counted.offsets) == ({A: 2}, {0: 1, 1: 1})


def test_a_record_without_a_key_moves_the_offset_only() -> None:
    counted = filled(A)
    assert counted.add(0, 7, None)
    assert (counted.counts, counted.offsets) == ({A: 1}, {0: 8})


def test_what_was_saved_is_what_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "state" / counts.FILE_NAME
    counts.save(file, {"deadletter": filled(A, A, B).saved(), "alerts": filled(("north", "silent")).saved()})
    loaded = {topic: LogCounts(saved) for topic, saved in counts.load(file).items()}
    assert loaded["deadletter"].counts == {A: 2, B: 1}
    assert loaded["deadletter"].offsets == {0: 3}
    assert loaded["alerts"].counts == {("north", "silent"): 1}
    assert [entry.name for entry in file.parent.iterdir()] == [counts.FILE_NAME]


def test_counting_goes_on_behind_what_was_saved_although_the_log_has_lost_its_beginning() -> None:
    counted = LogCounts(filled(A, A, B).saved())
    assert counted.start({0: 2}, {0: 5}) == {0: 3}
    counted.add(0, 3, A)
    assert counted.counts == {A: 3, B: 1}


def test_records_that_were_gone_before_they_were_read_leave_the_counters_as_they_were() -> None:
    counted = LogCounts(filled(A).saved())
    assert counted.start({0: 9}, {0: 20}) == {0: 9}
    assert counted.counts == {A: 1}


@pytest.mark.parametrize(("end", "starts", "kept"), [(3, 3, 3), (2, 0, 0)])
def test_a_topic_that_ends_before_what_was_counted_is_another_one_and_is_counted_anew(
    end: int, starts: int, kept: int
) -> None:
    counted = LogCounts(filled(A, A, B).saved())
    assert counted.start({0: 0}, {0: end}) == {0: starts}
    assert counted.counts.total() == kept


@pytest.mark.parametrize("broken", [b"", b"{", b'{"deadletter": 3}', b"\xff"])
def test_a_broken_file_is_told_and_counting_starts_anew(tmp_path: Path, broken: bytes) -> None:
    file = tmp_path / counts.FILE_NAME
    file.write_bytes(broken)
    assert counts.load(file) == {}


def test_no_file_is_no_fault(tmp_path: Path) -> None:
    assert counts.load(tmp_path / "missing") == {}


@settings(max_examples=60, deadline=None)
@given(
    log=st.lists(st.sampled_from([A, B, None]), max_size=40),
    lives=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=4),
)
def test_crashes_at_any_moment_end_in_the_plain_count(
    log: list[tuple[str, str] | None], lives: list[tuple[int, int]]
) -> None:
    """Each life reads some records and saves after some of them, then it is killed; the last one reads all."""
    saved = LogCounts().saved()
    for reads, saves in [*lives, (len(log), len(log))]:
        running = LogCounts(saved)
        start = running.start({0: 0}, {0: len(log)})[0]
        for offset in range(start, min(start + reads, len(log))):
            running.add(0, offset, log[offset])
            if offset < start + saves:
                saved = running.saved()
    assert dict(saved.counts) == {key: log.count(key) for key in (A, B) if key in log}
