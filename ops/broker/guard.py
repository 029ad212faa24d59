"""Runs a program that must not outlive its parent; started as a script, with the standard library only.

On Linux the kernel ends the program with its parent (PR_SET_PDEATHSIG outlasts `exec`), so this process becomes the
program: there is no process in between that could be killed by itself. Elsewhere this process stays, looks who its
parent is, and ends the program's process group when that changes.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

PR_SET_PDEATHSIG: Final = 1
LOOK_EVERY_SECONDS: Final = 0.2
ORPHANED: Final = 75
"""Exit code where the parent was gone already: EX_TEMPFAIL of sysexits.h."""


def guarded(command: Sequence[str], *, stay: bool | None = None) -> list[str]:
    """Give the command line that runs `command` as a guarded child of this process.

    `stay` keeps the guard beside the program; None does so where the kernel can't do it. Start it from a thread that
    lives as long as the program may run: on Linux the signal comes when the thread that forked ends.
    """
    staying = not sys.platform.startswith("linux") if stay is None else stay
    mode = "stay" if staying else "become"
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), mode, *command]


def become(parent: int, command: Sequence[str]) -> None:
    """Turn into `command`, to be killed by the kernel when the parent dies; Linux only."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel refused PR_SET_PDEATHSIG")
    if os.getppid() != parent:  # it died before the kernel knew of our wish
        sys.exit(ORPHANED)
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and that would outlast `exec`
        signal.signal(ignored, signal.SIG_DFL)
    os.execvp(command[0], list(command))  # noqa: S606 - the command is the caller's own; a shell has no business here


def stay_beside(parent: int, command: Sequence[str]) -> int:
    """Run `command` and give its exit code; kill it when the parent changes, hand SIGTERM and SIGINT on."""
    if os.getppid() != parent:
        return ORPHANED
    program = subprocess.Popen(command, close_fds=False)  # noqa: S603 - the command is the caller's own

    def hand_on(number: int, _frame: FrameType | None) -> None:
        program.send_signal(number)

    signal.signal(signal.SIGTERM, hand_on)
    signal.signal(signal.SIGINT, hand_on)
    while program.poll() is None:
        if os.getppid() != parent:
            program.kill()
            program.wait()
            return ORPHANED
        time.sleep(LOOK_EVERY_SECONDS)
    code = program.returncode
    return 128 - code if code < 0 else code


def main(arguments: Sequence[str]) -> None:
    """Run `guard.py PARENT become|stay COMMAND...`."""
    parent, mode, *command = arguments
    if mode == "become":
        become(int(parent), command)
    sys.exit(stay_beside(int(parent), command))


if __name__ == "__main__":
    main(sys.argv[1:])
