"""The live table: what it shows of a region, and that a verdict can be told without colours."""

from __future__ import annotations

import asyncio
import contextlib
import io
import uuid
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from msgspec import structs
from rich.console import Console
from rich.live import Live

from ops.table.board import Board
from ops.table.feed import follow
from ops.table.render import SIMULATED, Frame, Picture, line
from ops.table.show import show_on
from ops.table.words import STATUSES, VERDICTS, ago, local, people, span
from schemas.activity import SourceState
from schemas.codec import encode
from schemas.config import Campaign, Goal
from schemas.directory import Region
from schemas.regions import VERDICTS as ALL_VERDICTS
from schemas.regions import RegionStatus, ReleasedWindow
from tests.support.statuses import campaign

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.table.show import Show
    from schemas.regions import Released, Verdict

NOON = 1_767_268_800_000  # 2026-01-01 12:00 UTC
MINUTE = 60_000
HOUR = 60 * MINUTE
REGIONS = (
    Region(name="lima", title="Lima", time_zone="America/Lima"),
    Region(name="madrid", title="Madrid", time_zone="Europe/Madrid"),
)
FRAME = Frame(organisation="Example", simulated=False, metrics="http://127.0.0.1:9464/metrics")


def status(
    region: str = "madrid", verdict: Verdict = "active", *, day: Released = 45, clock: int = NOON, **more: Any
) -> RegionStatus:
    actors = ReleasedWindow(actors=(5, day, 50, 60), events=(9, 90, 900, 9000))
    values: dict[str, Any] = {
        "since": clock - 26 * MINUTE,
        "reason": "as usual",
        "watermark": clock - 2 * MINUTE,
        "last_event_at": clock - 3 * HOUR,
        "windows": {"": actors},
        **more,
    }
    return RegionStatus(region=region, minute=clock // MINUTE, verdict=verdict, clock=clock, **values)


def drawn(board: Board, frame: Frame = FRAME, width: int = 160, **how: Any) -> str:
    console = Console(file=io.StringIO(), width=width, **how)
    console.print(Picture(board, frame))
    return console.file.getvalue()  # type: ignore[attr-defined]


def row(text: str, region: str) -> list[str]:
    (found,) = [one for one in text.splitlines() if one.strip().startswith(region)]
    return [cell.strip() for cell in found.split("  ") if cell.strip()]


@pytest.fixture
def board() -> Board:
    return Board(REGIONS)


def test_a_row_tells_local_time_verdict_since_last_event_people_and_reason(board: Board) -> None:
    board.take(status())
    assert row(drawn(board), "Madrid") == [
        "Madrid", "Thu 13:00", "● active", "26 min", "3 h ago", "45", "as usual",
    ]  # fmt: skip


def test_a_region_without_a_status_waits(board: Board) -> None:
    assert row(drawn(board), "Lima") == ["Lima", "· waiting"]


def test_regions_stand_in_the_order_of_the_directory_and_others_after_them(board: Board) -> None:
    for name in ("zurich", "unassigned", "madrid", "lima"):
        board.take(status(name))
    text = drawn(board)
    assert [name for name, _, _ in board.rows()] == ["lima", "madrid", "unassigned", "zurich"]
    assert text.index("Lima") < text.index("Madrid") < text.index("unassigned") < text.index("zurich")


def test_what_is_hidden_is_never_shown_as_a_number(board: Board) -> None:
    board.take(status(day="hidden", verdict="hidden", last_event_at=0))
    cells = row(drawn(board), "Madrid")
    assert "hidden" in cells
    assert not {"0", "45"} & set(cells)


@pytest.mark.parametrize(("window", "shown"), [
    (ReleasedWindow(actors=(1, 0, 2, 3), events=()), "0"),
    (ReleasedWindow(actors=(1, "hidden", 2, 3), events=()), "hidden"),
    (ReleasedWindow(actors=(), events=()), "-"),
    (None, "-"),
])  # fmt: skip
def test_people_of_the_last_day_are_the_second_window(window: ReleasedWindow | None, shown: str) -> None:
    assert people(status(windows={} if window is None else {"": window})) == shown


def test_every_verdict_has_a_symbol_and_a_plain_sign_of_its_own() -> None:
    assert set(VERDICTS) == set(ALL_VERDICTS)
    assert len({look.symbol for look in VERDICTS.values()}) == len(VERDICTS)
    assert len({look.plain for look in VERDICTS.values()}) == len(VERDICTS)
    assert len({look.symbol for look in STATUSES.values()}) == len(STATUSES)


@pytest.mark.parametrize("verdict", ALL_VERDICTS)
def test_a_verdict_is_told_by_symbol_and_word_and_not_by_colour_alone(board: Board, verdict: Verdict) -> None:
    board.take(status(verdict=verdict))
    without = drawn(board, no_color=True)
    assert f"{VERDICTS[verdict].symbol} {verdict}" in without
    assert "\x1b[" in drawn(board, force_terminal=True, color_system="standard")


def test_a_terminal_without_unicode_gets_plain_signs_only(board: Board) -> None:
    board.take(status(verdict="silent", sources={"posts": SourceState("ok", 0, 0)}))
    text = drawn(board, Frame(organisation="Example", simulated=True, metrics="http://x", unicode=False))
    assert "X silent" in text
    assert text.isascii()


def test_a_simulation_is_labelled_as_one_and_nothing_else_is(board: Board) -> None:
    assert SIMULATED not in drawn(board)
    simulated = drawn(board, Frame(organisation="Example", simulated=True, metrics="http://x"))
    assert SIMULATED in simulated
    assert "SIMULATED" in SIMULATED


@pytest.mark.parametrize(
    ("goal", "wanted"),
    [
        (Goal(people=100), "at least 50 of 100 people (50%); 30% of its days are gone; will be there "),
        (Goal(people=50), "at least 50 of 50 people (100%); 30% of its days are gone"),
        (
            Goal(people=400),
            "at least 50 of 400 people (12%); 30% of its days are gone; will not be there within a year",
        ),
        (Goal(), "at least 50 people"),
    ],
)
def test_a_campaign_has_a_line_of_how_far_it_is(board: Board, goal: Goal, wanted: str) -> None:
    spring = Campaign("spring", ("spring",), title="Spring", goal=goal)
    board.take(status(headcount=300, campaigns={"spring": campaign(0, 10, 10, 20, 20, 30, 30, 40, 40, 50)}))
    frame = structs.replace(FRAME, campaigns=(spring,), group=10)
    assert f"campaign Spring: {wanted}" in drawn(board, frame)
    assert "campaign" not in drawn(board)


def test_a_region_that_has_left_the_directory_is_no_part_of_a_campaign_any_more(board: Board) -> None:
    spring = Campaign("spring", ("spring",), title="Spring")
    for region in ("madrid", "gone"):
        board.take(status(region, headcount=300, campaigns={"spring": campaign(0, 10, 20, 30, 40, 50)}))
    frame = structs.replace(FRAME, campaigns=(spring,), group=10)
    assert "campaign Spring: at least 50 people" in drawn(board, frame)


def test_the_header_tells_event_time_how_far_it_is_complete_and_the_sources(board: Board) -> None:
    down = SourceState("down", NOON - HOUR, NOON - HOUR, "no heartbeat for 20 s")
    board.take(status("lima", clock=NOON - MINUTE, sources={"posts": SourceState("ok", 0, 0)}))
    board.take(status("madrid", sources={"posts": down, "mail": SourceState("ok", 0, 0)}))
    text = drawn(board)
    assert "event time 2026-01-01 12:00 UTC, complete up to 2 min ago" in text
    assert "sources  ● mail  ✖ posts (no heartbeat for 20 s)" in text


def test_the_footer_tells_where_the_figures_are_and_how_to_stop(board: Board) -> None:
    assert "metrics at http://127.0.0.1:9464/metrics    Ctrl-C stops" in drawn(board)


@pytest.mark.parametrize("width", [100, 120])
def test_a_wide_terminal_has_reasons_cut_to_one_line(board: Board, width: int) -> None:
    board.take(status(reason="nothing for 42 min, and that is rare here " * 9))
    text = drawn(board, width=width)
    assert len([one for one in text.splitlines() if "nothing" in one or "rare" in one]) == 1
    assert all(len(one) <= width for one in text.splitlines())


@pytest.mark.parametrize("width", [80, 99])
def test_a_narrow_terminal_tells_the_reasons_of_troubled_regions_below(board: Board, width: int) -> None:
    board.take(status("lima", reason="as usual"))
    board.take(
        status("madrid", "silent", reason="nothing for 42 min where 9 posts were expected, a chance of 1 in 8,000")
    )
    text = drawn(board, width=width)
    table, _, below = text.partition("silent Madrid: nothing")
    assert "42 min where" in below
    assert "reason" not in table
    assert "as usual" not in text
    assert row(table, "Lima")[2] == "● active"
    assert all(len(one) <= width for one in text.splitlines())


def test_text_from_messages_is_not_taken_for_markup(board: Board) -> None:
    board.take(status(reason="[red]odd[/red] [link=x]"))
    assert "[red]odd[/red] [link=x]" in drawn(board)


@pytest.mark.parametrize(
    ("milliseconds", "wanted"),
    [
        (-1, "now"), (0, "now"), (999, "now"), (1_000, "1 s"), (59_999, "59 s"), (60_000, "1 min"),
        (HOUR - 1, "59 min"),
        (HOUR, "1 h"), (24 * HOUR - 1, "23 h"), (24 * HOUR, "1 d"), (300 * HOUR, "12 d"),
    ],
)  # fmt: skip
def test_a_length_of_time_is_told_in_its_largest_whole_unit(milliseconds: int, wanted: str) -> None:
    assert span(milliseconds) == wanted


@pytest.mark.parametrize(("at", "wanted"), [(0, "none yet"), (NOON, "now"), (NOON - HOUR, "1 h ago")])
def test_the_last_event_is_told_by_its_age(at: int, wanted: str) -> None:
    assert ago(at, NOON) == wanted


def test_a_region_whose_clocks_are_not_known_is_told_in_utc() -> None:
    assert local(NOON, None) == "Thu 12:00 UTC"
    assert local(NOON, Region(name="x", time_zone="No/Where")) == "Thu 12:00 UTC"
    assert local(NOON, REGIONS[0]) == "Thu 07:00"


def test_a_change_of_verdict_is_one_line() -> None:
    silent = status(verdict="silent", reason="nothing for 42 min")
    assert line(silent, REGIONS[1], "active") == (
        "2026-01-01 12:00 UTC X Madrid: silent (was active): nothing for 42 min"
    )
    assert line(silent, None, None) == "2026-01-01 12:00 UTC X madrid: silent: nothing for 42 min"


def said(console: Console) -> list[str]:
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


async def looks(show: Show, monkeypatch: pytest.MonkeyPatch, *before_each: Callable[[], None]) -> None:
    """Let the show look once after each of the calls, without waiting."""
    looked = iter(before_each)

    async def pause(_: float) -> None:
        try:
            next(looked)()
        except StopIteration:
            raise asyncio.CancelledError from None

    monkeypatch.setattr("ops.table.show.asyncio", SimpleNamespace(sleep=pause))
    with contextlib.suppress(asyncio.CancelledError):
        await show.refresh()


async def test_without_a_terminal_there_is_a_line_for_each_change_between_two_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    console = Console(file=io.StringIO(), width=20)
    show = show_on(console, REGIONS, FRAME)
    down = {"posts": SourceState("down", 0, 0, "no heartbeat")}

    def history() -> None:
        show.take(status(verdict="silent", clock=NOON - HOUR))
        show.take(status(sources={"posts": SourceState("ok", 0, 0)}))

    def change() -> None:
        show.take(status(verdict="silent", clock=NOON + MINUTE))
        show.take(status(verdict="quiet", reason="lunch", clock=NOON + 2 * MINUTE, sources=down))

    def nothing() -> None:
        show.take(status(verdict="quiet", reason="lunch", clock=NOON + 3 * MINUTE, sources=down))

    await looks(show, monkeypatch, history, show.caught_up, change, nothing, lambda: show.say("a word"))
    assert said(console) == [
        "2026-01-01 12:00 UTC * Madrid: active: as usual",
        "2026-01-01 12:02 UTC o Madrid: quiet (was active): lunch",
        "source posts is down: no heartbeat",
        "a word",
    ]


def test_without_a_terminal_a_simulation_says_so_first() -> None:
    console = Console(file=io.StringIO())
    with show_on(console, REGIONS, Frame(organisation="", simulated=True, metrics="")).running():
        pass
    assert said(console) == [SIMULATED]


async def test_on_a_terminal_the_table_is_drawn_and_what_is_said_stands_above_it() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=160)
    show = show_on(console, REGIONS, FRAME)
    with show.running():
        task = asyncio.create_task(show.refresh())
        show.take(status())
        show.say("a [word]")
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    text = "".join(said(console))
    assert "a [word]" in text
    assert text.index("a [word]") < text.rindex("Madrid")


async def test_many_statuses_at_once_are_one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = 0

    def count(_: Live) -> None:
        nonlocal pictures
        pictures += 1

    show = show_on(Console(file=io.StringIO(), force_terminal=True), REGIONS, FRAME)
    monkeypatch.setattr(Live, "refresh", count)
    monkeypatch.setattr("ops.table.show.PAUSE", 3600)
    with show.running():
        task = asyncio.create_task(show.refresh())
        for minute in range(100):
            show.take(status(clock=NOON + minute * MINUTE))
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert pictures == 2  # the one before the first status, and one for all that came


@pytest.mark.end_to_end
async def test_the_feed_reads_the_topic_from_its_beginning_follows_it_and_leaves_out_what_it_cannot_read(
    kafka: str,
) -> None:
    topic = f"table-{uuid.uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1)])
    await admin.close()
    got: asyncio.Queue[str] = asyncio.Queue()
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    try:
        for value in (encode(status("lima")), b"rubbish", None, encode(status("madrid"))):
            await producer.send_and_wait(topic, value, key=b"x")
        task = asyncio.create_task(
            follow(
                {"bootstrap_servers": kafka}, topic, lambda one: got.put_nowait(one.region), lambda: got.put_nowait("-")
            )
        )
        assert [await asyncio.wait_for(got.get(), 60) for _ in range(3)] == ["lima", "madrid", "-"]
        await producer.send_and_wait(topic, encode(status("rome")), key=b"x")
        assert await asyncio.wait_for(got.get(), 60) == "rome"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    finally:
        await producer.stop()
