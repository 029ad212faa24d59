"""The table itself, from the board: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct
from rich import box
from rich.table import Table
from rich.text import Text

from ops.table.campaigns import lines
from ops.table.words import STATUSES, VERDICTS, WAITING, Look, ago, local, people, span, utc
from schemas.config import Campaign
from streams.measures.privacy import FLOOR_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderResult

    from ops.table.board import Board
    from schemas.directory import Region
    from schemas.regions import RegionStatus, Verdict

WIDE: Final = 100
"""Columns from which on reasons have a column of their own."""

TROUBLED: Final[tuple[Verdict, ...]] = ("silent", "unknown")

SIMULATED: Final = "SIMULATED: a made-up organisation on a clock that runs fast; nothing here is real"


class Frame(Struct, frozen=True):
    """What stands around the table: whose it is, whether it is made up, where the figures are for machines, which
    campaigns there are. `group` is the step of release.
    """

    organisation: str
    simulated: bool
    metrics: str
    unicode: bool = True
    campaigns: tuple[Campaign, ...] = ()
    group: int = FLOOR_GROUP


class Picture:
    """Header, table and footer of a board; a terminal too narrow for reasons has those of troubled regions below."""

    def __init__(self, board: Board, frame: Frame) -> None:
        self._board = board
        self._frame = frame

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        wide = options.max_width >= WIDE
        yield from _header(self._board, self._frame)
        yield self._table(wide=wide)
        if not wide:
            yield from self._reasons()
        for told in lines(self._frame.campaigns, self._board.statuses(), self._frame.group):
            yield Text(told)
        yield Text(f"metrics at {self._frame.metrics}    Ctrl-C stops", style="dim")

    def _table(self, *, wide: bool) -> Table:
        unicode = self._frame.unicode
        table = Table(box=box.SIMPLE_HEAD if unicode else box.ASCII2, expand=wide, pad_edge=False, padding=(0, 1, 0, 0))
        for name in ("region", "local time", "verdict"):
            table.add_column(name, no_wrap=True)
        for name in ("since", "last event", "people 24 h"):
            table.add_column(name, no_wrap=True, justify="right")
        if wide:
            table.add_column("reason", no_wrap=True, overflow="ellipsis" if unicode else "crop", ratio=1)
        for name, region, status in self._board.rows():
            cells = [Text(region.title or name if region else name)]
            if status is None:
                cells += [Text(), _look(WAITING, "waiting", unicode=unicode)]
            else:
                cells += [
                    Text(local(status.clock, region)),
                    _look(VERDICTS[status.verdict], status.verdict, unicode=unicode),
                    Text(span(status.clock - status.since) if status.since else ""),
                    Text(ago(status.last_event_at, status.clock)),
                    Text(people(status)),
                    *([Text(status.reason)] if wide else []),
                ]
            table.add_row(*cells)
        return table

    def _reasons(self) -> Iterator[Text]:
        for name, region, status in self._board.rows():
            if status is not None and status.verdict in TROUBLED:
                look = _look(VERDICTS[status.verdict], status.verdict, unicode=self._frame.unicode)
                yield Text(" ").join([look, Text(f"{region.title or name if region else name}: {status.reason}")])


def line(status: RegionStatus, region: Region | None, old: Verdict | None) -> str:
    """Tell a change of verdict in one line, for where there is no terminal."""
    name = (region.title if region else "") or status.region
    before = f" (was {old})" if old else ""
    return f"{utc(status.clock)} {VERDICTS[status.verdict].plain} {name}: {status.verdict}{before}: {status.reason}"


def _header(board: Board, frame: Frame) -> list[Text]:
    lines = []
    if frame.simulated:
        lines.append(Text(f" {SIMULATED} ", style="bold black on yellow"))
    latest = board.latest()
    about = Text(frame.organisation or "Jun", style="bold")
    about.append("  ")
    about.append(_times(latest) if latest else "waiting for the first figures")
    lines.append(about)
    sources = board.sources()
    if sources:
        told = Text("sources  ")
        for name, state in sources.items():
            told.append_text(_look(STATUSES[state.status], name, unicode=frame.unicode))
            if state.status != "ok" and state.reason:
                told.append(f" ({state.reason})", style="dim")
            told.append("  ")
        lines.append(told)
    return lines


def _times(latest: RegionStatus) -> str:
    behind = span(latest.clock - latest.watermark)
    complete = "now" if behind == "now" else f"{behind} ago"
    return f"event time {utc(latest.clock)}, complete up to {complete}"


def _look(look: Look, word: str, *, unicode: bool) -> Text:
    return Text(f"{look.symbol if unicode else look.plain} {word}", style=look.style)
