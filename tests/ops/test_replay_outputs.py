from __future__ import annotations

import datetime as dt
import errno
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from ops.exporter import families as f
from ops.exporter.regions import of_windows
from ops.replay import wire
from ops.replay.blocks import HEAD, Blocks, check_bounds, remove_left_behind
from ops.replay.columns import Window
from ops.replay.openmetrics import OpenMetrics, lines, name_of, refused
from ops.replay.parquet import Parquet
from ops.replay.times import when
from schemas.regions import ReleasedWindow
from streams.errors import OperatorError
from streams.replay.plan import Plan
from tests.support.programs import need

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = 1_780_300_800
"""2026-06-01 08:00 UTC, the begin of an output window."""
NUMBER = BEGIN // 7200
LABELS = {"job": "jun", "instance": "here:9464"}
HOUR, DAY = 3_600, 86_400


def window() -> Window:
    made = Window(NUMBER)
    for minute in range(120):
        at = BEGIN + minute * 60
        found = [(f.VERDICT_SINCE, (region,), minute / 3) for region in ("b", 'a "quoted" \\ name')]
        made.add(at, [*found, (f.DUPLICATES, ("b",), float(minute)), (f.REGION_INFO, ("b", "t", "UTC", "B"), 1)])
    return made


def test_a_window_is_openmetrics_that_its_reference_parser_reads_back_sample_by_sample() -> None:
    read = {family.name: family for family in text_string_to_metric_families("".join(lines(window(), LABELS)))}
    assert list(read) == ["jun_region", "jun_region_verdict_since_timestamp_seconds", "jun_region_duplicate_events"]
    since = read["jun_region_verdict_since_timestamp_seconds"]
    assert since.unit == "seconds"
    assert [sample.labels["region"] for sample in since.samples[::120]] == ['a "quoted" \\ name', "b"]
    assert [float(sample.timestamp) for sample in since.samples[:120]] == [BEGIN + 60 * minute for minute in range(120)]
    assert [sample.value for sample in since.samples[:120]] == [minute / 3 for minute in range(120)]
    assert {**since.samples[0].labels, "region": ""} == {**LABELS, "region": ""}
    assert read["jun_region_duplicate_events"].type == "counter"


counts = st.lists(st.one_of(st.integers(0, 10**6), st.just("hidden")), min_size=0, max_size=4).map(tuple)
released = st.builds(ReleasedWindow, counts, counts, counts, counts, counts, counts)


@given(st.lists(st.one_of(released, st.none()), max_size=40), st.sampled_from([f.WHOLE_SERIES, f.TAG_SERIES]))
def test_minutes_put_into_columns_together_are_what_the_exporter_shows_of_each(shown, series) -> None:
    key = ("jun",) if series is f.WHOLE_SERIES else ("jun", "green")
    singly, together = Window(NUMBER), Window(NUMBER)
    for minute, one in enumerate(shown):
        if one is not None:  # else the tag is not on the page in that minute
            singly.add(BEGIN + minute * 60, of_windows(series, key, one))
            together.add_windows(BEGIN + minute * 60, series, key, one)
    together.settle()
    assert together.samples == singly.samples
    assert "".join(lines(together, LABELS)) == "".join(lines(singly, LABELS))


def test_a_file_is_named_by_the_begin_of_its_window_and_written_whole(tmp_path: Path) -> None:
    writer = OpenMetrics(tmp_path / "new" / "folder", {})
    writer.write(window())
    writer.write(window())
    assert [file.name for file in (tmp_path / "new" / "folder").iterdir()] == ["jun-20260601T0800Z.om"]
    assert name_of(NUMBER + 1) == "jun-20260601T1000Z.om"


def test_a_file_that_could_not_be_written_leaves_nothing_and_says_why(tmp_path: Path) -> None:
    def fill(fresh: Path) -> None:
        fresh.write_text("half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OperatorError, match="No space left on device") as told:
        OpenMetrics(tmp_path, {}).replace(tmp_path / "jun.om", fill)
    assert told.value.retry
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("number", "remedy", "again"),
    [
        (errno.ENOSPC, "make room", True),
        (errno.EDQUOT, "make room", True),
        (errno.EACCES, "let this user write there", False),
        (errno.EROFS, "let this user write there", False),
        (errno.ENOENT, "name a folder that can be made", False),
        (errno.ENOTDIR, "name a folder that can be made", False),
    ],
)
def test_what_can_t_be_written_is_told_with_what_helps(number: int, remedy: str, again: bool) -> None:
    told = refused("to write here", OSError(number, os.strerror(number)))
    assert (told.came, told.retry) == (os.strerror(number), again)
    assert told.remedy.startswith(remedy)


def test_what_a_killed_replay_left_in_prometheus_s_folder_is_removed_and_that_of_a_running_one_stays(
    tmp_path: Path,
) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=subprocess.PIPE, check=True)
    killed, running = f".replay-{int(ended.stdout)}-x", f".replay-{os.getpid()}-x"
    for name in (killed, running, "chunks_head"):
        (tmp_path / name).mkdir()
    remove_left_behind(tmp_path)
    assert {one.name for one in tmp_path.iterdir()} == {running, "chunks_head"}


def test_a_minute_is_shown_its_delay_after_its_end_and_belongs_to_that_window() -> None:
    plan = Plan(begin=0, end=1, lead=0, horizon=0, delay=120, stretches={})
    first = plan.first_minute(NUMBER)
    assert plan.shown_at(first) == BEGIN
    assert plan.window_of(first) == NUMBER
    assert plan.window_of(first - 1) == NUMBER - 1
    odd = Plan(begin=0, end=1, lead=0, horizon=0, delay=90, stretches={})
    assert odd.window_of(odd.first_minute(NUMBER)) == NUMBER
    assert odd.window_of(odd.first_minute(NUMBER) - 1) == NUMBER - 1


def test_promtool_finds_as_many_samples_in_the_block_as_were_written(tmp_path: Path) -> None:
    need("promtool")
    writer = Blocks(tmp_path, LABELS)
    writer.write(window())
    (block,) = tmp_path.iterdir()
    assert (block / "meta.json").exists()
    assert writer.written.samples == 480


def test_the_same_block_made_again_is_no_second_one_and_one_with_other_labels_is(tmp_path: Path) -> None:
    need("promtool")
    Blocks(tmp_path, LABELS).write(window())
    (block,) = tmp_path.iterdir()
    Blocks(tmp_path, LABELS).write(window())
    assert [one.name for one in tmp_path.iterdir()] == [block.name]
    Blocks(tmp_path, {**LABELS, "instance": "there:9464"}).write(window())
    assert len(list(tmp_path.iterdir())) == 2
    listed = subprocess.run(["promtool", "tsdb", "list", str(tmp_path)], capture_output=True, text=True, check=True)
    assert sorted(line.split()[0] for line in listed.stdout.splitlines()[1:]) == sorted(
        one.name for one in tmp_path.iterdir()
    )


def test_a_block_with_fewer_samples_than_were_written_is_refused_and_not_put_into_the_folder(tmp_path: Path) -> None:
    need("promtool")
    twice = window()
    twice.add(BEGIN + 119 * 60, [(f.DUPLICATES, ("b",), 1.0)])  # promtool drops a second one at the same time
    with pytest.raises(OperatorError, match=r"481 samples .* but promtool counts 480"):
        Blocks(tmp_path, LABELS).write(twice)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("begin", "end", "told"),
    [
        (0, HEAD - 1, "--out remote-write"),
        (15 * DAY + 1, HEAD, "--retention"),
    ],
)
def test_blocks_that_prometheus_would_lose_or_hold_in_its_head_are_refused(begin: int, end: int, told: str) -> None:
    now = 1_800_000_000
    with pytest.raises(OperatorError, match=told):
        check_bounds(now - (begin or 5 * HOUR), now - end, now, 15 * DAY)


def test_blocks_at_the_very_bounds_are_taken() -> None:
    check_bounds(1_800_000_000 - 15 * DAY, 1_800_000_000 - HEAD, 1_800_000_000, 15 * DAY)


def test_parquet_has_a_row_for_each_sample_with_its_labels_as_columns(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    Parquet(tmp_path, LABELS).write(window())
    table = parquet.read_table(tmp_path / "jun-20260601T0800Z.parquet")
    assert table.num_rows == 480
    rows = [row for row in table.to_pylist() if row["metric"] == f.DUPLICATES.name]
    assert [row["value"] for row in rows] == list(range(120))
    assert rows[1]["time"] == dt.datetime(2026, 6, 1, 8, 1, tzinfo=dt.UTC)
    assert (rows[0]["region"], rows[0]["instance"], rows[0]["tag"]) == ("b", "here:9464", None)


def test_the_body_of_a_remote_write_reads_back() -> None:
    pytest.importorskip("google.protobuf")
    line = wire.Line((("__name__", "x"), ("region", "español")), [BEGIN, BEGIN + 60], [0.5, 2.0])
    (read,) = wire.read_body(wire.body_of([line]))
    assert (read.labels, list(read.times), list(read.values)) == (line.labels, line.times, line.values)


def test_times_are_rfc_3339_in_utc_unless_they_say_otherwise_or_so_long_ago() -> None:
    assert when("2026-06-01T08:00:00Z", "--from", 0) == BEGIN
    assert when("2026-06-01T08:00:00", "--from", 0) == BEGIN
    assert when("2026-06-01T10:00+02:00", "--from", 0) == BEGIN
    assert when("36h", "--from", BEGIN) == BEGIN - 36 * HOUR
    with pytest.raises(OperatorError, match="'yesterday' came"):
        when("yesterday", "--from", 0)
