"""Follows one file by its identity, not by its name: through growth, rotation and truncation."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from streams.ingest.records import Splitter

if TYPE_CHECKING:
    from pathlib import Path

    from streams.ingest.records import RawRecord

CHUNK: Final = 64 * 1024
HEAD: Final = 1024
"""Bytes at the beginning of a file by which it is known again."""


class FilePosition(Struct, frozen=True):
    """How far a file has been read: up to `offset` bytes, `line` lines.

    It is the same file as long as device and inode are, it has not shrunk, and the SHA-256 of its first `head_size`
    bytes is `head`. `identity` is kept for ever in the ids of records without an id of their own.
    """

    identity: str
    path: str
    device: int
    inode: int
    offset: int = 0
    line: int = 1
    head: str = hashlib.sha256().hexdigest()
    head_size: int = 0
    header: list[str] = field(default_factory=list)


class Tail:
    """One open file, read from a position on."""

    def __init__(self, path: Path, position: FilePosition | None, number: int, delimiter: str) -> None:
        """Open `path`; `number` tells apart the files that have had this path and inode."""
        self._file = path.open("rb")
        status = os.fstat(self._file.fileno())
        if position is None:
            identity = f"{path}:{status.st_dev}:{status.st_ino}:{number}"
            position = FilePosition(identity, str(path), status.st_dev, status.st_ino)
        self.path = path
        self.moved = False
        """Whether its path is another file's by now: who wrote it may go on for a moment, but not for long."""
        self.quiet_since = 0
        self.header = position.header
        self._started = position
        self._splitter = Splitter(delimiter, offset=position.offset, line=position.line)
        self._head = os.pread(self._file.fileno(), position.head_size, 0)

    @property
    def identity(self) -> str:
        """Name the file for the ids of its records."""
        return self._started.identity

    @property
    def read_to(self) -> int:
        """How many bytes have been read."""
        return self._splitter.read_to

    @property
    def waiting(self) -> int:
        """Bytes of a last record whose end has not come."""
        return self._splitter.waiting

    @property
    def position(self) -> FilePosition:
        """How far everything has been given out."""
        return FilePosition(
            identity=self._started.identity,
            path=str(self.path),
            device=self._started.device,
            inode=self._started.inode,
            offset=self._splitter.offset,
            line=self._splitter.line,
            head=hashlib.sha256(self._head).hexdigest(),
            head_size=len(self._head),
            header=self.header,
        )

    def size(self) -> int:
        """Give the present size in bytes."""
        return os.fstat(self._file.fileno()).st_size

    def read(self) -> list[RawRecord]:
        """Give the records of the next chunk."""
        read_to = self._splitter.read_to
        data = os.pread(self._file.fileno(), CHUNK, read_to)
        self._remember(data, read_to)
        return self._splitter.feed(data)

    def finish(self) -> list[RawRecord]:
        """Give what waits for an end that will not come."""
        return self._splitter.finish()

    def truncated(self) -> bool:
        """Tell whether the file has been emptied or written anew, so that what was read of it is gone."""
        head = os.pread(self._file.fileno(), len(self._head), 0)
        return self.size() < self._splitter.read_to or head != self._head

    def look(self) -> None:
        """Find out whether the path is still this file's."""
        try:
            there = self.path.stat()
        except FileNotFoundError:
            self.moved = True
        else:
            self.moved = self.moved or (there.st_dev, there.st_ino) != (self._started.device, self._started.inode)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _remember(self, data: bytes, offset: int) -> None:
        if offset == len(self._head) < HEAD:
            self._head += data[: HEAD - offset]


def is_same(path: Path, position: FilePosition) -> bool:
    """Tell whether the file at `path` is the one of `position`, longer perhaps."""
    try:
        with path.open("rb") as opened:
            status = os.fstat(opened.fileno())
            head = hashlib.sha256(os.pread(opened.fileno(), position.head_size, 0)).hexdigest()
    except OSError:
        return False
    return (
        (status.st_dev, status.st_ino) == (position.device, position.inode)
        and status.st_size >= position.offset
        and head == position.head
    )


def rotated(position: FilePosition, near: Path) -> Path | None:
    """Find the file of `position` under another name beside `near`, as rotation of logs leaves it."""
    try:
        found = sorted(near.parent.iterdir())
    except OSError:
        return None
    return next((path for path in found if path != near and path.is_file() and is_same(path, position)), None)
