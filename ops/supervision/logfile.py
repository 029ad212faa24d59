"""The log of a child: a file that is turned over before it gets too large."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

LARGEST: Final = 5_000_000
"""Bytes of a log before it becomes NAME.log.1, and that one NAME.log.2."""

KEPT: Final = 2


class LogFile:
    """Appends what comes to `path`, and remembers the last whole line."""

    def __init__(self, path: Path, *, largest: int = LARGEST, kept: int = KEPT) -> None:
        self.path = path
        self._largest = largest
        self._kept = kept
        self._tail = b""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        """Append `data`; the file is turned over at the end of a line once it is too large.

        What can't be written, on a full disk, is left out: a log must not stop what it tells of.
        """
        self._tail = (self._tail + data)[-4096:]
        with contextlib.suppress(OSError):
            if self._file.closed:
                self._file = self.path.open("ab", buffering=0)
            self._file.write(data)
            if self._file.tell() >= self._largest and data.endswith(b"\n"):
                self._turn_over()

    def last_line(self) -> str:
        """Give the last line that says something, at most 300 characters of it."""
        lines = [line.strip() for line in self._tail.decode("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1][:300] if lines else ""

    def close(self) -> None:
        """Close the file; closing again does nothing."""
        self._file.close()

    def _turn_over(self) -> None:
        self._file.close()
        for number in range(self._kept, 0, -1):
            before = self.path if number == 1 else self.path.with_name(f"{self.path.name}.{number - 1}")
            if before.exists():
                before.replace(self.path.with_name(f"{self.path.name}.{number}"))
        self._file = self.path.open("ab", buffering=0)
