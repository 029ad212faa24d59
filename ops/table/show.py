"""Shows the board: as a live table on a terminal, as lines of what changed elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final, Protocol

from rich import live

from ops.table.board import Board
from ops.table.render import SIMULATED, Frame, Picture, line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from schemas.directory import Region
    from schemas.events import Status
    from schemas.regions import RegionStatus, Verdict

PAUSE: Final = 0.5
"""Seconds between two pictures: values come for each region and minute, many at once."""


class Show(Protocol):
    """What `jun up` tells the operator with."""

    def say(self, text: str) -> None:
        """Tell one thing in one line."""

    def take(self, status: RegionStatus) -> None:
        """Take the newest status of a region."""

    def caught_up(self) -> None:
        """Take note that what comes from now on is new."""

    def running(self) -> contextlib.AbstractContextManager[None]:
        """Show for as long as the block lasts."""

    async def refresh(self) -> None:
        """Draw again and again until cancelled."""


def show_on(console: Console, regions: Sequence[Region], frame: Frame) -> Show:
    """Give the live table where `console` is a terminal, else the lines."""
    board = Board(regions)
    return Live(console, board, frame) if console.is_terminal else Lines(console, board, frame)


class Live:
    """The live table, drawn anew at most every PAUSE seconds; what is said stands above it."""

    def __init__(self, console: Console, board: Board, frame: Frame) -> None:
        self._board = board
        self._console = console
        self._live = live.Live(Picture(board, frame), console=console, auto_refresh=False)

    def say(self, text: str) -> None:
        """Print a line above the table."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def take(self, status: RegionStatus) -> None:
        """Put the status on the board."""
        self._board.take(status)

    def caught_up(self) -> None:
        """Nothing to do: the table shows what is the case."""

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Keep the table on the terminal."""
        with self._live:
            yield

    async def refresh(self) -> None:
        """Draw the board whenever it has changed."""
        while True:
            if self._board.changed:
                self._board.changed = False
                self._live.refresh()
            await asyncio.sleep(PAUSE)


class Lines:
    """A line for every change of a verdict or of a source from one look to the next, every PAUSE seconds.

    What came and went between two looks is left out: days of history read at once would flood the screen.
    """

    def __init__(self, console: Console, board: Board, frame: Frame) -> None:
        self._console = console
        self._board = board
        self._frame = frame
        self._caught_up = False
        self._verdicts: dict[str, Verdict] = {}
        self._sources: dict[str, Status] = {}

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)
        self._console.file.flush()

    def take(self, status: RegionStatus) -> None:
        """Put the status on the board."""
        self._board.take(status)

    def caught_up(self) -> None:
        """From now on there is something to tell."""
        self._caught_up = True

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Say at first whether what follows is real."""
        if self._frame.simulated:
            self.say(SIMULATED)
        yield

    async def refresh(self) -> None:
        """Tell what has changed since the last look, again and again."""
        while True:
            if self._caught_up and self._board.changed:
                self._board.changed = False
                self._tell()
            await asyncio.sleep(PAUSE)

    def _tell(self) -> None:
        for name, region, status in self._board.rows():
            if status is not None and self._verdicts.get(name) != status.verdict:
                self.say(line(status, region, self._verdicts.get(name)))
                self._verdicts[name] = status.verdict
        for name, state in self._board.sources().items():
            if self._sources.get(name, "ok") != state.status:
                self.say(f"source {name} is {state.status}{f': {state.reason}' if state.reason else ''}")
            self._sources[name] = state.status
