"""How far a replay is: a bar with an estimate on a terminal, else a line now and then. Both on standard error."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from ops.replay.times import told

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.replay.plan import Plan
    from streams.replay.run import Progress

EVERY_SECONDS: Final = 10.0
WHOLE: Final = 1_000


class Shown:
    """Shows the progress of one replay inside a `with` block."""

    def __init__(self, plan: Plan, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console or Console(stderr=True)
        self._clock = clock
        self._first = -1
        self._end = plan.end + plan.horizon
        self._records = max(sum(one.stop - one.start for one in plan.stretches.values()), 1)
        self._began = self._told = clock()
        self._done = -1.0
        self._bar: Bar | None = None
        if self._console.is_terminal:
            self._bar = Bar(
                TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
                TextColumn("{task.fields[rate]}"), console=self._console, transient=True,
            )  # fmt: skip
            self._task = self._bar.add_task("replaying", total=WHOLE, rate="")

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, progress: Progress) -> None:
        """Show it."""
        done = self.share(progress)
        if self._done < 0:
            self._done, self._before = done, progress.records
        now = self._clock()
        spent = max(now - self._began, 1e-3)
        rate = f"{(progress.records - self._before) / spent:,.0f} records/s"
        place = f"replayed to {told(progress.minute * 60)}" if progress.minute > 0 else "reading"
        if self._bar:
            self._bar.update(self._task, completed=done * WHOLE, description=place, rate=rate)
        elif now - self._told >= EVERY_SECONDS:
            self._told = now
            gained = done - self._done
            left = f", about {_duration(spent * (1 - done) / gained)} left" if gained > 0 else ""
            self._console.print(f"{place}, {done:.0%}, {rate}{left}", highlight=False, soft_wrap=True)

    def share(self, progress: Progress) -> float:
        """Give how much is done, from 0 to 1: of the records, or of the time where that is reached before their end."""
        if progress.minute > 0 and self._first < 0:
            self._first = progress.minute
        of_time = (progress.minute - self._first) / max(self._end - self._first, 1) if self._first > 0 else 0
        return min(1.0, max(progress.records / self._records, of_time))


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3_600:.1f} h"
