"""How far a source has got, durably: one file for each source, replaced whole.

A position is saved only after Kafka has acknowledged everything before it. A process that dies between the two sends
those records again after its start; their ids are the same, so that the agents count them once.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, TypeVar

import msgspec

from streams.errors import OperatorError

if TYPE_CHECKING:
    from pathlib import Path

P = TypeVar("P")


class SavedPosition:
    """The position of a source as it was saved last, for who reads beside the keeper; nothing is kept."""

    def __init__(self, folder: Path, source: str) -> None:
        self._file = folder / f"{source}.json"

    def restore(self, wanted: type[P]) -> P | None:
        """Give the saved position; None where there is none. A damaged one raises OperatorError."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=wanted)
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise OperatorError(
                f"the position of a source in {self._file}",
                "the file can't be read",
                "remove it to begin again: what is sent twice is counted once",
                retry=False,
            ) from error

    def save(self, position: object) -> None:
        """Keep nothing."""


class Checkpoint(SavedPosition):
    """The position of one source, of which one process at a time may be the keeper."""

    def __init__(self, folder: Path, source: str) -> None:
        """Take the checkpoint of `source`; raises OperatorError where another process has it."""
        super().__init__(folder, source)
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = os.open(folder / f"{source}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise OperatorError(
                f"to read the source {source}",
                "another process of this machine reads it",
                "stop that one first",
                retry=True,
            ) from error

    def save(self, position: object) -> None:
        """Replace the position; when this returns, it survives a loss of power."""
        waiting = self._file.with_suffix(".new")
        with waiting.open("wb") as opened:
            opened.write(msgspec.json.encode(position))
            opened.flush()
            os.fsync(opened.fileno())
        waiting.replace(self._file)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Let another process have the source."""
        os.close(self._lock)
