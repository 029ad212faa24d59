"""One broker for one data folder: a lock that lives exactly as long as a process that holds it."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from streams.errors import OperatorError

if TYPE_CHECKING:
    from pathlib import Path


def take_lock(folder: Path) -> int:
    """Lock `folder` and give the open file descriptor; raises OperatorError where another broker has it.

    The descriptor is handed to the broker's process as well, so the folder is free only when that has ended, even
    where the process that started it is gone.
    """
    file = folder / "lock"
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise OperatorError(
            f"the data folder {folder} for this broker",
            f"another broker uses it, started by process {holder or 'unknown'}",
            "stop that one, or name another folder in state.folder",
            retry=True,
        ) from error
    try:
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
