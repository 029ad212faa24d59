"""The work folder of a replay: what a killed one goes on from.

At a cut everybody stands at one moment of event time. Each process writes what has changed in its folds since its last
cut (a delta); when all have, the parent writes its own state, and then the manifest, whole, which alone makes a cut
valid. Deltas are applied in their order; those that no manifest knows yet are thrown away.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct, field

from streams.errors import OperatorError
from streams.replay.partition import Out
from streams.replay.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streams.measures.engagement.entries import Entry, Flush

DONE: Final = 1 << 40
"""The cut of a partition that has been read to its end."""
MANIFEST: Final = "cut.msgpack"
REGIONS: Final = "regions"
LOCK: Final = "lock"

_encode: Final = msgspec.msgpack.Encoder().encode
_entries: Final = msgspec.msgpack.Decoder(list[tuple[bytes, bytes | None]]).decode


class Cut(Struct, frozen=True):
    """A moment to go on from: of what replay (`fingerprint`), the cut of each partition, what was given and not judged,
    how many records of activity were judged, the events read so far, and the sink's own state.
    """

    fingerprint: str
    plan: Plan
    number: int = -1
    partitions: dict[int, int] = field(default_factory=dict)
    waiting: dict[int, list[Out]] = field(default_factory=dict)
    judged: int = 0
    events: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    sink: bytes = b""


_cut: Final = msgspec.msgpack.Decoder(Cut).decode


class Work:
    """The folder. What stands in it is ours alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder inside the block; raises OperatorError where it can't be used, or another replay has it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise OperatorError(
                f"a work folder at {self.folder}", error.strerror or "it can't be used", "name another with --work",
                retry=False,
            ) from error  # fmt: skip
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise OperatorError(
                    f"the work folder {self.folder} for this replay", "the same replay is running",
                    "wait for it, or name another with --work", retry=True,
                ) from error  # fmt: skip
            yield
        finally:
            os.close(lock)

    def begin(self, fingerprint: str) -> Cut | None:
        """Give the last cut of the same replay; None where there is none."""
        try:
            cut = _cut((self.folder / MANIFEST).read_bytes())
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return cut if cut.fingerprint == fingerprint else None

    def empty(self) -> None:
        """Remove what a replay before has left. Raises OperatorError where something else stands in the folder."""
        strange = [path.name for path in self.folder.iterdir() if not _is_ours(path)]
        if strange:
            raise OperatorError(
                f"a folder for the replay's own files at {self.folder}", f"{strange[0]} stands in it",
                "name another with --work", retry=False,
            )  # fmt: skip
        (self.folder / MANIFEST).unlink(missing_ok=True)  # first: without it the rest means nothing
        for path in self.folder.iterdir():
            if path.name != LOCK:
                path.unlink()

    def write_delta(self, name: str, cut: int, flush: Flush) -> None:
        """Keep what has changed in a fold since its last cut."""
        changed: list[Entry] = [entry for step in flush.steps() for entry in step]
        self._write(f"{name}.{cut:012d}.delta", _encode(changed))

    def read_entries(self, name: str, upto: int) -> dict[bytes, bytes]:
        """Give the entries of a fold as of a cut."""
        entries: dict[bytes, bytes] = {}
        for path in sorted(self.folder.glob(f"{name}.*.delta")):
            if int(path.name.split(".")[-2]) <= upto:
                for key, value in _entries(path.read_bytes()):
                    if value is None:
                        entries.pop(key, None)
                    else:
                        entries[key] = value
        return entries

    def drop_after(self, name: str, cut: int) -> None:
        """Throw the deltas away that were written after a cut."""
        for path in self.folder.glob(f"{name}.*.delta"):
            if int(path.name.split(".")[-2]) > cut:
                path.unlink()

    def commit(self, cut: Cut) -> None:
        """Make a cut the one to go on from."""
        self._write(MANIFEST, _encode(cut))

    def end(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, name: str, content: bytes) -> None:
        fresh = self.folder / f"{name}.new"
        fresh.write_bytes(content)
        fresh.replace(self.folder / name)


def _is_ours(path: Path) -> bool:
    return path.suffix in {".delta", ".new"} or path.name in {MANIFEST, LOCK}
