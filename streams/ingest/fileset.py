"""The files of one file source: those that match its path, each known by its identity through renames and restarts."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct, field

from streams.ingest.tail import FilePosition, Tail, is_same, rotated

if TYPE_CHECKING:
    from collections.abc import Iterator

log = structlog.get_logger(__name__)


class Position(Struct, frozen=True):
    """How far a file source has got.

    `latest` is the greatest event time (ms) so far, `opened` the number of files that were ever opened.
    """

    files: list[FilePosition] = field(default_factory=list)
    latest: int = 0
    opened: int = 0


class FileSet:
    """Opens the files in the order of their names; a renamed file is read to its end before what took its place."""

    def __init__(self, pattern: Path, position: Position, delimiter: str) -> None:
        self._pattern = pattern
        self._delimiter = delimiter
        self._known = list(position.files)
        self._open: list[Tail] = []
        self._opened = position.opened

    def __iter__(self) -> Iterator[Tail]:
        """Give the open files, in order."""
        return iter(list(self._open))

    def position(self, latest: int) -> Position:
        """Give how far all files have been read."""
        return Position([*self._known, *(tail.position for tail in self._open)], latest, self._opened)

    def look(self) -> bool:
        """Open what is there and not open; tell whether a file was seen for the first time.

        Its identity must be saved before anything of it is sent: the ids of its records may depend on it.
        """
        paths = [Path(name) for name in sorted(glob.glob(str(self._pattern)))]  # noqa: PTH207 (absolute, with folders)
        opened = {tail.path for tail in self._open if not tail.moved}
        # A renamed file that is still open is read to its end under its old name; its new name is not a new file.
        waiting = [
            path
            for path in paths
            if path not in opened and not any(is_same(path, tail.position) for tail in self._open)
        ]
        new = [path for path in waiting if not self._reopen(path)]
        for known in list(self._known):
            self._find(known)
        for path in new:
            self._opened += 1
            self._open.append(Tail(path, None, self._opened, self._delimiter))
        return bool(new)

    def close(self, tail: Tail, *, forget: bool) -> None:
        """Close a file; its position is kept, so that it is not read again, unless it should be forgotten."""
        if not forget:
            self._known.append(tail.position)
        tail.close()
        self._open.remove(tail)

    def close_all(self) -> None:
        """Close every file."""
        for tail in self._open:
            tail.close()

    def _reopen(self, path: Path) -> bool:
        for known in self._known:
            if is_same(path, known):
                self._known.remove(known)
                self._open.append(Tail(path, known, 0, self._delimiter))
                return True
        return False

    def _find(self, known: FilePosition) -> None:
        """Look for a file whose name is none of ours any more: what is left of it is still to be read."""
        named = Path(known.path)
        path = named if is_same(named, known) else rotated(known, named)
        if path is not None:
            self._known.remove(known)
            if path.stat().st_size > known.offset:
                tail = Tail(path, known, 0, self._delimiter)
                tail.moved = True
                self._open.append(tail)
        elif named.exists():
            self._known.remove(known)
            log.warning("file.rotated_away", file=known.path, read_to=known.offset)
