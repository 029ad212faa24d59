"""Says in one sentence why a broker died, from what it and its Java Virtual Machine wrote."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Final

from ops.broker.ports import PortInUseError
from streams.errors import OperatorError

if TYPE_CHECKING:
    from pathlib import Path

TAIL_BYTES: Final = 256 << 10
LONGEST_QUOTE: Final = 300
FULL_BYTES: Final = 1 << 20
_NO_MEMORY: Final = ("Could not reserve enough space", "insufficient memory", "OutOfMemoryError")
_BOUND: Final = re.compile(r"failed to bind to \S+?:(\d+): Address already in use")
_HEAD: Final = re.compile(r"^\d{4}-\d\d-\d\dT[\d:,.]+ (?P<level>[A-Z]+) (?P<message>.*?)(?: \([\w.$]+\))?$")
_RANKS: Final = {"FATAL": 4, "ERROR": 3, "WARN": 1}
_UNHEADED: Final = 2
"""Rank of what Java writes without a level: worse than a warning."""
_CAUSE: Final = re.compile(r"Exception|Error|error")
_NOISE: Final = re.compile(r"^\s*(at |\.\.\. \d+ (more|common))|^\s*$")


class Logs:
    """The files that one run of a broker writes to, from where they ended before it."""

    def __init__(self, *files: Path) -> None:
        self.files = files
        self.starts = [file.stat().st_size if file.exists() else 0 for file in files]

    def text(self) -> str:
        """Give the end of what was written in this run."""
        return "\n".join(self._tail(file, start) for file, start in zip(self.files, self.starts, strict=True))

    @staticmethod
    def _tail(file: Path, start: int) -> str:
        try:
            with file.open("rb") as opened:
                size = opened.seek(0, 2)
                opened.seek(max(start if start <= size else 0, size - TAIL_BYTES))  # it is shorter once rolled over
                return opened.read().decode("utf-8", "replace")
        except OSError:
            return ""


def useful_line(text: str) -> str:
    """Give the last of the gravest messages, with the deepest cause that its stack trace names."""
    best, quote = -1, ""
    headed = ""
    for line in text.splitlines():
        if _NOISE.match(line):
            continue
        head = _HEAD.match(line)
        headed = head["message"] if head else headed
        if head and _RANKS.get(head["level"], 0) >= best:
            best, quote = _RANKS.get(head["level"], 0), headed
        elif not head and _CAUSE.search(line):
            cause = line.strip().removeprefix("Caused by: ")
            if headed and quote.startswith(headed):
                quote = f"{headed}: {cause}"
            elif best <= _UNHEADED:
                best, quote = _UNHEADED, cause
        elif not head and best <= 0:
            best, quote = 0, line.strip()
    return quote[:LONGEST_QUOTE]


def diagnose(text: str, code: int | None, *, port: int, folder: Path, log: Path) -> OperatorError:
    """Give the error of a broker that ended with `code`, or None that did not answer in time."""
    wanted = f"the embedded broker in {folder} to run"
    quote = useful_line(text)
    if _disk_is_full(text, folder):
        return OperatorError(wanted, f"the disk of {folder} is full", "make room there and start it again", retry=False)
    if "Address already in use" in text:
        bound = _BOUND.search(text)
        return PortInUseError(int(bound[1]) if bound else port, "Address already in use")
    if "UnsupportedClassVersionError" in text:
        return OperatorError(wanted, f"its Java is too old ({quote})", "name a Java 17 or later", retry=False)
    if any(sign in text for sign in _NO_MEMORY):
        return OperatorError(
            wanted, f"its memory did not suffice ({quote})", "free memory, or give it another -Xmx", retry=True
        )
    came = "it did not answer in time" if code is None else f"it ended with {_how(code)}"
    return OperatorError(wanted, f"{came}; it last said: {quote or 'nothing'}", f"read {log}", retry=True)


def _disk_is_full(text: str, folder: Path) -> bool:
    """Tell it by what was written, or by the disk: on a full one the reason can't be written."""
    if "No space left on device" in text or "Disk quota exceeded" in text:
        return True
    try:
        return shutil.disk_usage(folder).free < FULL_BYTES
    except OSError:
        return False


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"signal {code - 128}" if code > 128 else f"code {code}"
