"""Runs one contestant on one core and takes its time, its CPU and its memory from outside, by process accounting."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONTESTANT_CORE: Final = 0
BROKER_CORE: Final = 1
LOOK_EVERY: Final = 0.005
END_WITHIN: Final = 60.0


class Measured(Struct, frozen=True):
    """From the first record to the last result: wall time and CPU of all threads and children, in seconds.

    `peak_mib` is the largest resident memory since the start.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float


class ContestantError(Exception):
    """A contestant ended early or took too long; the text has the end of what it wrote."""


class Contestant:
    """A running contestant, bound to one core; what it writes goes to `log`.

    `lines` gives its standard output, and with `all_output` its standard error too.
    """

    def __init__(self, command: list[str], log: Path, *, all_output: bool = False) -> None:
        self._log = log
        self._output = log.open("wb")
        self.process = subprocess.Popen(
            ["taskset", "-c", str(CONTESTANT_CORE), *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if all_output else self._output,
        )
        self._watched = psutil.Process(self.process.pid)
        self._begin = (0.0, 0.0)
        self._peak = 0.0
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.process.stdout, selectors.EVENT_READ)
        self._unread = b""

    def cpu_seconds(self) -> float:
        """Give the CPU time so far, of all threads and of children, ended ones too."""
        times = [self._watched.cpu_times()]
        with contextlib.suppress(psutil.NoSuchProcess):
            times += [child.cpu_times() for child in self._watched.children(recursive=True)]
        return sum(one.user + one.system for one in times) + times[0].children_user + times[0].children_system

    def peak_mib(self) -> float:
        """Give the largest resident memory so far, children added; one that has ended says no more than it had."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._peak = max(self._peak, peak_mib(self._watched))
        return self._peak

    def lines(self, wait: float) -> list[str]:
        """Give the whole lines that it has written to its standard output, after at most `wait` seconds."""
        assert self.process.stdout is not None
        if not self._selector.select(wait):
            return []
        self._unread += self.process.stdout.read() or b""
        *lines, self._unread = self._unread.split(b"\n")
        for line in lines:
            self._output.write(line + b"\n")
        return [line.decode("utf-8", "replace") for line in lines]

    def begin(self) -> None:
        """Start the clocks."""
        self._begin = (time.perf_counter(), self.cpu_seconds())

    def end(self) -> Measured:
        """Read the clocks."""
        seconds, cpu = time.perf_counter(), self.cpu_seconds()
        return Measured(seconds - self._begin[0], cpu - self._begin[1], self.peak_mib())

    def check(self) -> None:
        """Raise ContestantError where it has ended."""
        if self.process.poll() is not None:
            self._output.flush()
            raise ContestantError(f"it ended with {self.process.returncode}: {self.tail()}")

    def tail(self) -> str:
        """Give the end of what it wrote."""
        return self._log.read_text("utf-8", "replace")[-3_000:]

    def close(self) -> None:
        """End it, and its children."""
        try:
            children = self._watched.children(recursive=True)
        except psutil.NoSuchProcess:
            children = []
        self.process.terminate()
        try:
            self.process.wait(END_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        self._output.close()


def peak_mib(process: psutil.Process) -> float:
    """Give the largest resident memory that a process and its children of now have had. Raises NoSuchProcess."""
    return sum(_peak_kib(one.pid) for one in [process, *process.children(recursive=True)]) / 1024


def _peak_kib(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


def run_to_done(command: list[str], log: Path, timeout: float) -> Measured:
    """Run a contestant that says `first` at its first record and `done` at its last result, and then ends by itself."""
    contestant = Contestant(command, log)
    try:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            contestant.peak_mib()
            for line in contestant.lines(0.2):
                if line == "first":
                    contestant.begin()
                elif line == "done":
                    measured = contestant.end()
                    contestant.process.wait(END_WITHIN)
                    return measured
            contestant.check()
        raise ContestantError(f"it was not done after {timeout:.0f} s: {contestant.tail()}")
    finally:
        contestant.close()


@contextlib.contextmanager
def on_core(core: int) -> Iterator[Callable[[], None]]:
    """Bind this process, and what it starts, to `core`; what is given ends that early."""
    before = os.sched_getaffinity(0)

    def release() -> None:
        os.sched_setaffinity(0, before)

    os.sched_setaffinity(0, {core})
    try:
        yield release
    finally:
        release()
