"""Writes output windows as OpenMetrics 1.0.0 text, a file for each two hours UTC, which is what promtool is quick with.

Every series stands once, with its samples in order of time, in seconds: promtool drops a sample that is out of order,
or a second one at the same time, without a word.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
from operator import add
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from ops.exporter.text import escape, head
from streams.errors import OperatorError
from streams.replay.plan import WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ops.exporter.family import Family
    from ops.replay.columns import Window

END: Final = "# EOF\n"
ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
RIGHTS: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class Written(Struct, frozen=True):
    """How much was written so far."""

    files: int = 0
    samples: int = 0


_read = msgspec.msgpack.Decoder(Written).decode


class OpenMetrics:
    """A writer of files into a folder; `labels` are added to every series, as a scrape adds its target's."""

    def __init__(self, folder: Path, labels: Mapping[str, str]) -> None:
        self.folder = folder
        self.written = Written()
        self.labels = labels

    def write(self, window: Window) -> None:
        """Write a file; one that is there is replaced, whole."""

        def fill(fresh: Path) -> None:
            with fresh.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(lines(window, self.labels))

        self.replace(self.folder / name_of(window.number), fill)
        self.count(window)

    def replace(self, target: Path, fill: Callable[[Path], object]) -> None:
        """Let `fill` write a file beside `target`, which then takes its place whole; raises OperatorError."""
        fresh = target.with_suffix(".new")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            fill(fresh)
            fresh.replace(target)
        except OSError as error:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)  # a full disk needs its room
            raise refused(f"to write {target}", error) from error

    def count(self, window: Window) -> None:
        """Count a window as written."""
        self.written = Written(self.written.files + 1, self.written.samples + window.samples)

    def finish(self) -> None:
        """Do nothing: every file is whole."""

    def save(self) -> bytes:
        """Give the counts."""
        return msgspec.msgpack.encode(self.written)

    def restore(self, raw: bytes) -> None:
        """Take the counts back."""
        self.written = _read(raw)


def refused(wanted: str, error: OSError) -> OperatorError:
    """Say what to do where the system did not let us write."""
    if error.errno in ROOM:
        remedy = "make room there; the same command goes on"
    elif error.errno in RIGHTS:
        remedy = "let this user write there, or name another folder"
    else:
        remedy = "name a folder that can be made and written"
    return OperatorError(wanted, error.strerror or "the system refused", remedy, retry=error.errno in ROOM)


def name_of(number: int) -> str:
    """Give the file name of an output window: when it begins."""
    begin = dt.datetime.fromtimestamp(number * WINDOW * 60, dt.UTC)
    return f"jun-{begin:%Y%m%dT%H%MZ}.om"


def lines(window: Window, labels: Mapping[str, str]) -> Iterator[str]:
    """Give the text of a window in pieces, each of whole lines."""
    texts = _Texts()
    ends: dict[bytes, list[str]] = {}
    for family, series in window.series():
        yield head(family, openmetrics=True)
        for values, column in series:
            begin = selector(family, values, labels) + " "
            times = column.times.tobytes()
            if times not in ends:  # most series have a sample at every minute of the window
                ends[times] = [f" {at}\n" for at in column.times]
            yield begin + begin.join(map(add, map(texts.__getitem__, column.values), ends[times]))
    yield END


class _Texts(dict[float, str]):
    """Numbers as they are written: most of them stand in a window many times."""

    def __missing__(self, value: float) -> str:
        text = self[value] = repr(value)
        return text


def selector(family: Family, values: tuple[str, ...], more: Mapping[str, str]) -> str:
    """Write a series: the metric's name and its labels, in order of their names."""
    labels = {**dict(zip(family.labels, values, strict=True)), **more}
    inside = ",".join(f'{name}="{escape(labels[name])}"' for name in sorted(labels))
    return f"{family.name}{{{inside}}}" if inside else family.name
