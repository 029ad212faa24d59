"""A child process that ends with its parent, started from a thread that stays until it has ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from typing import IO, TYPE_CHECKING

from ops.broker.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Sequence


class Child:
    """A guarded process in a process group of its own, so that a terminal's Ctrl-C reaches only us.

    The kernel ties a child to the thread that forked it, and the caller's thread may be a short-lived one.
    """

    def __init__(
        self, command: Sequence[str], output: IO[bytes], keep_open: Sequence[int], *, stay: bool | None = None
    ) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: OSError | None = None
        started = threading.Event()

        def run() -> None:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own command line
                    guarded(command, stay=stay),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=tuple(keep_open),
                    process_group=0,
                )
            except OSError as error:
                self._failure = error
            finally:
                started.set()
            if self._process is not None:
                self._process.wait()

        threading.Thread(target=run, name="broker", daemon=True).start()
        started.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process, as the standard library has it."""
        if self._process is None:
            raise RuntimeError("a child has a process once it is made")
        return self._process

    def ended_within(self, timeout: float) -> int | None:
        """Wait `timeout` seconds at most, and give its exit code, None while it runs."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def end(self, timeout: float) -> bool:
        """Ask it to end, and kill it after `timeout` seconds; tells whether it ended by itself."""
        self.process.terminate()
        if self.ended_within(timeout) is None:
            self.kill()
            return False
        return True

    def kill(self) -> None:
        """End it at once, with everything in its process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
