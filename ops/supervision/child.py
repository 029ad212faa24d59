"""One child process that is started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from ops.broker.guard import guarded
from ops.supervision.logfile import LogFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FIRST_DELAY: Final = 1.0
LONGEST_DELAY: Final = 30.0
STEADY: Final = 60.0
"""Seconds after which a child counts as running well, so that its next death is its first."""


class Plan(Struct, frozen=True):
    """What is to run: the command with its arguments, and variables on top of our own environment.

    A child that `may_finish` is not started again after it ended with code 0.
    """

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    may_finish: bool = False


class BackOff:
    """How long to wait before the next start: doubled with each death, and from the beginning after a steady run."""

    def __init__(self, *, first: float = FIRST_DELAY, longest: float = LONGEST_DELAY, steady: float = STEADY) -> None:
        self._first = first
        self._longest = longest
        self._steady = steady
        self._next = first

    def after(self, ran: float) -> float:
        """Give the seconds to wait after a run of `ran` seconds."""
        if ran >= self._steady:
            self._next = self._first
        delay = self._next
        self._next = min(self._longest, delay * 2)
        return delay


class Child:
    """Runs a plan until it is stopped; says in one line when the process died and when it starts again."""

    def __init__(
        self,
        plan: Plan,
        log: Path,
        say: Callable[[str], None],
        *,
        back_off: BackOff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plan = plan
        self.restarts = 0
        self._log = LogFile(log)
        self._say = say
        self._back_off = back_off or BackOff()
        self._clock = clock
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process_id(self) -> int | None:
        """The running process, None between two runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process is not None else None

    async def run(self) -> None:
        """Start the process, and start it again whenever it dies, until `stop` is called."""
        try:
            while not self._stopping.is_set():
                started = self._clock()
                end = await self._one_run()
                if self._stopping.is_set():
                    return
                if end == 0 and self.plan.may_finish:
                    self._say(f"{self.plan.name} has finished")
                    return
                await self._pause(self._back_off.after(self._clock() - started), end)
        finally:
            self._log.close()

    async def _pause(self, delay: float, end: int | str) -> None:
        how = end if isinstance(end, str) else ended(end)
        last = self._log.last_line()
        told = f"{self.plan.name} {how}" + (f" ({last})" if last else "")
        self._say(f"{told}; it starts again in {delay:g} s; log: {self._log.path}")
        self.restarts += 1
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), delay)

    async def _one_run(self) -> int | str:
        """Run the process once; gives its code, or why it could not be started."""
        try:
            process = await asyncio.create_subprocess_exec(
                *guarded(self.plan.command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **self.plan.environment},
                start_new_session=True,  # Ctrl-C is for us alone: the children are stopped in order
            )
        except OSError as error:
            return f"can't be started: {error.strerror}"
        self._process = process
        if self._stopping.is_set():
            self._signal(signal.SIGTERM)
        if process.stdout is not None:
            while data := await process.stdout.read(65_536):
                self._log.write(data)
        return await process.wait()

    def stop(self) -> None:
        """Ask the process to end (SIGTERM), and don't start it again."""
        self._stopping.set()
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process at once, and don't start it again."""
        self._stopping.set()
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.process_id is not None and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


def ended(code: int) -> str:
    """Say how a process ended: by its own code, or by a signal."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
