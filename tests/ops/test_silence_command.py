"""`jun silence`: the file that it reads, the figures that it prints, the picture that it draws."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from typing import TYPE_CHECKING

import msgspec
import pytest
from rich.console import Console

from ops.commands.silence import backtest
from ops.silence.draw import explanation
from ops.silence.history import gather
from ops.silence.table import read_table
from schemas.activity import Activity, SourceState
from schemas.config import SilenceSettings
from schemas.directory import Region
from streams.errors import OperatorError
from streams.measures.calendars import Calendar
from streams.measures.silence.explain import Minute, explain
from tests.measures.posts import DAY, MONDAY, posts, steps

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.events import Status

AFTER = MONDAY + 28 * DAY


def stamp(minute: int) -> str:
    return dt.datetime.fromtimestamp(minute * 60, dt.UTC).isoformat().replace("+00:00", "Z")


def written(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def events_file(folder: Path) -> Path:
    rows: list[list[object]] = [
        [name, stamp(minute)]
        for number, (name, rate) in enumerate((("lively", 30.0), ("busy", 120.0)))
        for minute, events in posts(number, rate, MONDAY, AFTER).items()
        for _ in range(events)
    ]
    return written(folder / "events.csv", ["region", "at"], rows)


def test_the_json_has_the_figures_of_all_regions_and_of_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = stamp(MONDAY + 20 * DAY)
    assert backtest(events_file(tmp_path), train_until=train, inject=4, seed=3, json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"false_alarms_per_region_week", "alerts", "delay_hours", "regions"}
    assert set(found["regions"]) == {"lively", "busy"}
    for one in (found, *found["regions"].values()):
        assert isinstance(one["alerts"], int)
        assert set(one["delay_hours"]) == {"median", "p90", "detected_share"}
        assert 0 < one["delay_hours"]["median"] <= one["delay_hours"]["p90"] < 48
    assert found["false_alarms_per_region_week"] == pytest.approx(found["alerts"] / (2 * 8 / 7), rel=0.01)


@pytest.mark.parametrize(("every", "taken"), [(60, False), (120, False), (300, True), (600, False), (3600, False)])
def test_a_length_that_is_not_how_far_regular_counts_are_apart_is_refused(
    tmp_path: Path, every: int, taken: bool
) -> None:
    rows = [["a", stamp(MONDAY + 5 * number), number % 3] for number in range(21)]
    file = written(tmp_path / "five.csv", ["region", "at", "count"], rows)
    if taken:
        assert read_table(file, every).every == 5
        return
    with pytest.raises(OperatorError, match=r"its rows are 300 s apart.*--every 300"):
        read_table(file, every)


def test_the_table_has_a_line_for_each_region_and_one_for_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backtest(events_file(tmp_path), inject=2, keep=0.2, without=[(stamp(MONDAY + DAY), stamp(MONDAY + 2 * DAY))])
    shown = capsys.readouterr().out
    assert "20% is left" in shown
    for word in ("lively", "busy", "all"):
        assert word in shown


def test_a_directory_gives_zones_and_calendars(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    regions = tmp_path / "regions.toml"
    regions.write_text('[[region]]\nname = "busy"\ntime_zone = "Asia/Tehran"\nweekend = ["friday"]\n')
    backtest(events_file(tmp_path), directory=regions, inject=1, json=True)
    assert json.loads(capsys.readouterr().out)["regions"]["busy"]["delay_hours"]["detected_share"] == 1
    regions.write_text('[[region]]\nname = "busy"\ntime_zone = "Asia/Nowhere"\n')
    with pytest.raises(OperatorError, match="Asia/Nowhere"):
        backtest(events_file(tmp_path), directory=regions)


def test_counts_are_put_into_the_minute_after_which_they_are_known(tmp_path: Path) -> None:
    path = written(
        tmp_path / "counts.csv",
        ["region", "at", "count"],
        [["a", "2024-01-01T00:02:53Z", 3], ["a", "2024-01-01T00:07:53Z", 0], ["a", "2024-01-01T00:12:53Z", 2]],
    )
    table = read_table(path, 300)
    assert (table.every, table.seconds) == (5, 173)
    assert table.series == {"a": [(MONDAY + 4, 3), (MONDAY + 14, 2)]}
    assert table.watched == {"a": [(MONDAY, MONDAY + 15)]}


def test_a_missing_count_is_no_evidence_where_empty_ones_are_written_down(tmp_path: Path) -> None:
    rows: list[list[object]] = [["a", stamp(MONDAY + 5 * step), step % 2] for step in range(10) if step not in {4, 5}]
    table = read_table(written(tmp_path / "a.csv", ["region", "at", "count"], rows), 300)
    assert table.watched == {"a": [(MONDAY, MONDAY + 20), (MONDAY + 30, MONDAY + 50)]}


def test_a_missing_count_is_an_empty_one_where_those_are_left_out(tmp_path: Path) -> None:
    rows: list[list[object]] = [["a", stamp(MONDAY + 5 * step), 1] for step in (0, 7, 9)] + [["b", stamp(MONDAY), 4]]
    table = read_table(written(tmp_path / "a.csv", ["region", "at", "count"], rows), 300)
    assert table.watched == {"a": [(MONDAY, MONDAY + 50)], "b": [(MONDAY, MONDAY + 50)]}


@pytest.mark.parametrize(
    ("header", "row", "every", "message"),
    [
        (["region"], ["a"], None, "columns region and at"),
        (["region", "at"], ["a", "yesterday"], None, "line 2"),
        (["region", "at"], ["", "2024-01-01T00:00:00Z"], None, "line 2"),
        (["region", "at", "count"], ["a", "2024-01-01T00:00:00Z", "many"], 300, "line 2"),
        (["region", "at", "count"], ["a", "2024-01-01T00:00:00Z", "-1"], 300, "line 2"),
        (["region", "at", "count"], ["a", "2024-01-01T00:00:00Z", "1"], None, "--every"),
        (["region", "at", "count"], ["a", "2024-01-01T00:00:00Z", "1"], 86_400, "an hour at most"),
        (["region", "at"], ["a", "2024-01-01T00:00:00Z"], 300, "leave --every out"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_why(
    tmp_path: Path, header: list[str], row: list[object], every: int | None, message: str
) -> None:
    with pytest.raises(OperatorError, match=message):
        read_table(written(tmp_path / "a.csv", header, [row]), every)


def test_a_file_that_is_not_there_and_a_file_without_rows_are_told(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="can't be read"):
        read_table(tmp_path / "none.csv", None)
    with pytest.raises(OperatorError, match="at least one row"):
        read_table(written(tmp_path / "a.csv", ["region", "at"], []), None)


@pytest.mark.parametrize("wrong", [{"alpha": 0.0}, {"keep": 1.0}, {"inject": -1}])
def test_settings_that_make_no_sense_are_told(tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(OperatorError, match="wanted --alpha"):
        backtest(events_file(tmp_path), **wrong)
    with pytest.raises(OperatorError, match="within the file"):
        backtest(events_file(tmp_path), train_until="2030-01-01T00:00:00Z")
    with pytest.raises(OperatorError, match="a FROM before its TO"):
        backtest(events_file(tmp_path), without=[(stamp(MONDAY + DAY), stamp(MONDAY + DAY))])


def test_a_file_too_short_to_try_anything_is_told_and_one_too_short_to_learn_from_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[list[object]] = [["a", stamp(MONDAY)], ["a", stamp(MONDAY + 2 * DAY - 2)]]
    with pytest.raises(OperatorError, match="two days of events"):
        backtest(written(tmp_path / "a.csv", ["region", "at"], rows))
    rows.append(["a", stamp(MONDAY + 2 * DAY - 1)])
    assert backtest(written(tmp_path / "a.csv", ["region", "at"], rows), inject=0) == 0
    assert "only 24 h to learn from" in capsys.readouterr().err


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    for number, rubbish in enumerate((b"region,at\na,\0\0\n", b"\xff\xfe\0", b'region,at\n"' + b"a" * 200_000)):
        path = tmp_path / f"{number}.csv"
        path.write_bytes(rubbish)
        with pytest.raises(OperatorError):
            read_table(path, None)


def activity(region: str, minute: int, events: int, *, shard: int = 0, shards: int = 1, status: Status = "ok") -> bytes:
    source = SourceState(status=status, since=0, complete_to=0)
    one = Activity(region, minute, 0, events, 0, {}, {}, shard=shard, shards=shards, span=2, sources={"x": source})
    return msgspec.json.encode(one)


def test_histories_sum_shards_and_leave_out_repeats_and_what_cannot_be_read() -> None:
    found = gather(
        [
            activity("a", 10, 3, shard=0, shards=2),
            activity("b", 10, 1),
            b"{",
            None,
            activity("a", 10, 4, shard=1, shards=2),
            activity("b", 10, 7),
            activity("b", 12, 2, status="down"),
            activity("a", 11, 5, shard=0, shards=2),
        ],
        "a",
    )
    assert found == {
        "a": [Minute(10, 7, span=2)],
        "b": [Minute(10, 1, span=2), Minute(12, 2, observed=False, span=2)],
    }


def picture(events: dict[int, int], after: int, *, down: int = 0) -> list[str]:
    """Draw a busy region whose source was down in the last `down` minutes; the words of each line."""
    history = [
        Minute(minute, count, observed=minute < after - down, span=span)
        for minute, count, span in steps(events, MONDAY, after, longest=60)
    ]
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(explanation(explain({"busy": history}, [], SilenceSettings(), "busy"), Calendar(Region("busy")), 10))
    return [" ".join(line.split()) for line in console.export_text().splitlines()]


def test_while_a_source_is_down_the_decision_is_unknown_and_says_what_it_would_be() -> None:
    events = {at: count for at, count in posts(1, 120.0, MONDAY, AFTER).items() if at < AFTER - 720}
    up, down = picture(events, AFTER), picture(events, AFTER, down=60)
    assert up[2].startswith("decision silent: no post for 12 h")
    assert down[2].startswith("decision unknown: a source of it is down; but for that silent: no post for 12 h")


def test_of_a_drop_the_evidence_is_what_was_expected_since_it_showed() -> None:
    noon = AFTER - 12 * 60
    usual = posts(1, 900.0, MONDAY, AFTER)
    events = {at: count for at, count in usual.items() if at < noon or at % 5 == 0}
    shown = picture(events, noon + 6 * 60)
    assert shown[2].startswith("decision silent: at least ")
    expected = next(part for part in shown[2].split("; ") if part.endswith(" expected"))
    assert shown[4].startswith(f"evidence {expected.removesuffix(' expected')} posts expected in the ")
    assert " since it dropped; log odds " in shown[4]


def test_a_silence_that_came_back_says_so_and_when_it_is_told_anew() -> None:
    noon = AFTER - 12 * 60
    usual = posts(1, 900.0, MONDAY, AFTER)
    back = dict.fromkeys(range(noon + 90, noon + 105), 3)
    events = {at: count for at, count in usual.items() if at < noon} | back
    shown = picture(events, noon + 4 * 60)
    line = next(line for line in shown if line.startswith("incident"))
    found = re.fullmatch(
        r"incident silent again \d+ min after it had recovered; one incident since (\w{3} 1[23]:\d\d), "
        r"told anew at (\w{3} 19:\d\d) if it lasts",
        line,
    )
    assert found is not None, line
    later = next(line for line in picture(events, noon + 8 * 60) if line.startswith("incident"))
    assert later.endswith(f"one incident since {found[1]}")
    assert not [line for line in picture(events, noon + 80) if line.startswith("incident")]


def test_the_picture_has_a_line_for_each_local_day_and_the_reason() -> None:
    region = Region("busy", time_zone="Europe/Madrid")
    events = {at: count for at, count in posts(1, 120.0, MONDAY, AFTER).items() if at < AFTER - 720}
    history = [Minute(minute, count, span=span) for minute, count, span in steps(events, MONDAY, AFTER, longest=60)]
    seen = explain({"busy": history}, [region], SilenceSettings(), "busy")
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(explanation(seen, Calendar(region), 10))
    shown = console.export_text()
    assert "silent: no post for 12 h" in shown
    assert "01:00 CET" in shown
    assert (
        sum(line.strip()[:3] in {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"} for line in shown.splitlines()) == 15
    )
    assert "!" in shown
