"""`jun up` as a person starts it: on a terminal or without one, with all the processes below it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from typing import TYPE_CHECKING, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ROWS, COLUMNS = 50, 140
ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[@-Z\\-_])")
TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
CTRL_C = b"\x03"


class Up:
    """A running command; whatever it leaves behind is killed at the end of the block."""

    name = "jun up"

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str], *, terminal: bool) -> None:
        self._parts: list[bytes] = []
        self._seen: dict[int, psutil.Process] = {}
        environ = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment}
        self._master, slave = pty.openpty() if terminal else os.pipe()
        if terminal:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
            command = [sys.executable, "-c", TAKE_TERMINAL, *command]
        self._terminal = terminal
        self.process = subprocess.Popen(
            command,
            stdin=slave if terminal else subprocess.DEVNULL,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env=environ,
            start_new_session=True,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in [*self.below(), *self._seen.values()]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self.running:
            self.process.kill()
        self.process.wait(30)
        self._reader.join(30)
        os.close(self._master)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # how a terminal ends
            while data := os.read(self._master, 65_536):
                self._parts.append(data)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def check(self) -> None:
        """Fail where it has ended."""
        assert self.running, f"it ended with {self.process.returncode}: {self.output()[-3000:]}"

    def output(self) -> str:
        """Give everything that it has shown, without colours and movements."""
        return ESCAPES.sub("", b"".join(self._parts).decode("utf-8", "replace"))

    def below(self) -> list[psutil.Process]:
        """Give the processes below it; all that were ever given are remembered."""
        found: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            found = psutil.Process(self.process.pid).children(recursive=True)
        self._seen |= {process.pid: process for process in found}
        return found

    def below_with(self, *words: str) -> list[psutil.Process]:
        """Give those whose command line has all `words`."""
        found = []
        for process in self.below():
            with contextlib.suppress(psutil.NoSuchProcess):
                if set(words) <= set(process.cmdline()):
                    found.append(process)
        return found

    def left(self) -> list[str]:
        """Give the command lines of the processes that still run, of all that were ever seen below it."""
        self.below()
        found = []
        for process in self._seen.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join(process.cmdline()))
        return found

    def interrupt(self) -> None:
        """Press Ctrl-C; without a terminal, send what it would."""
        self.below()
        if self._terminal:
            os.write(self._master, CTRL_C)
        else:
            self.process.send_signal(signal.SIGINT)
