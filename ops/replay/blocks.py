"""Makes TSDB blocks of output windows with Prometheus's own promtool, and counts what is in them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import psutil

from ops.replay.openmetrics import OpenMetrics, name_of, refused
from ops.replay.times import told
from streams.errors import OperatorError
from streams.replay.plan import WINDOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.replay.columns import Window

HEAD: Final = 3 * 3_600
"""The last hours (s) are in the head of a running Prometheus: a block that reaches into them would overlap it."""
PROMTOOL: Final = "promtool"
SCRATCH: Final = ".replay-"
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32, of which a ULID is made."""
_ULID: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_SAMPLES: Final = re.compile(r"^([0-9A-HJKMNP-TV-Z]{26})\s+\d+\s+\d+\s+\S+\s+(\d+)\s", re.MULTILINE)


class Blocks(OpenMetrics):
    """A writer of blocks into a folder: Prometheus's own data folder, or one to be moved there."""

    def __init__(self, folder: Path, labels: Mapping[str, str]) -> None:
        self._data = folder
        self._promtool = shutil.which(PROMTOOL)
        if self._promtool is None:
            raise OperatorError(
                "promtool to make blocks", "it is not installed",
                "install Debian's package prometheus, or use --out om", retry=False,
            )  # fmt: skip
        super().__init__(folder, labels)

    def write(self, window: Window) -> None:
        """Make the block of a window beside its place, count its samples, and move it there."""
        try:
            self._data.mkdir(parents=True, exist_ok=True)
            remove_left_behind(self._data)
            with tempfile.TemporaryDirectory(prefix=f"{SCRATCH}{os.getpid()}-", dir=self._data) as scratch:
                self.folder = Path(scratch)
                self._make(window, self.folder / "blocks")
        except OSError as error:
            raise refused(f"to write blocks into {self._data}", error) from error

    def _make(self, window: Window, made: Path) -> None:
        before = self.written
        super().write(window)
        self._run(
            "tsdb", "create-blocks-from", "openmetrics", "-q", str(self.folder / name_of(window.number)), str(made)
        )
        counted = sum(int(count) for _, count in _SAMPLES.findall(self._run("tsdb", "list", str(made))))
        if counted != window.samples:
            self.written = before
            raise OperatorError(
                f"{window.samples:,} samples in the blocks of {name_of(window.number)}",
                f"promtool counts {counted:,}", "report it: they were not put into the folder", retry=False,
            )  # fmt: skip
        for number, block in enumerate(one for one in sorted(made.iterdir()) if _ULID.fullmatch(one.name)):
            name = self._name(window, number)
            if not (self._data / name).exists():  # else a replay before, killed perhaps, has put it there
                _rename(block, name)
                block.rename(self._data / name)

    def _name(self, window: Window, number: int) -> str:
        """Name a block by its content, so that the same one made again is the same, and not a second one.

        A ULID is 48 bits of time, here that of the window, and 80 bits of chance, here of a hash.
        """
        with (self.folder / name_of(window.number)).open("rb") as file:
            content = hashlib.file_digest(file, "sha256").digest()
        content = hashlib.sha256(content + bytes([number])).digest()[:10]
        value = int.from_bytes((window.number * WINDOW * 60_000).to_bytes(6, "big") + content, "big")
        return "".join(ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 (promtool, with arguments of ours)
            [str(self._promtool), *arguments], capture_output=True, text=True, check=False, errors="replace"
        )
        if done.returncode:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
            raise OperatorError("promtool to make blocks", last[0], "see what it says", retry=False)
        return done.stdout


def _rename(block: Path, name: str) -> None:
    """Let a block's own record of itself have another name."""
    file = block / "meta.json"
    meta = msgspec.json.decode(file.read_bytes())
    meta["ulid"] = name
    meta["compaction"]["sources"] = [name]
    file.write_bytes(msgspec.json.encode(meta))


def remove_left_behind(folder: Path) -> None:
    """Remove the scratch folders of replays that were killed: one is named by its process."""
    for one in folder.glob(f"{SCRATCH}*"):
        process = one.name.removeprefix(SCRATCH).split("-")[0]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            shutil.rmtree(one, ignore_errors=True)


def check_bounds(begin: int, end: int, now: int, retention: int) -> None:
    """Refuse what Prometheus would lose or clash with; times and lengths in s. Raises OperatorError."""
    if end > now - HEAD:
        raise OperatorError(
            "blocks that end 3 h ago or earlier", f"--to is {told(end)}",
            f"name --to {told(now - HEAD - 60)} or earlier, and send the last hours with --out remote-write",
            retry=False,
        )  # fmt: skip
    if begin < now - retention:
        raise OperatorError(
            f"blocks within the retention of {retention / 86_400:g} d", f"--from is {told(begin)}",
            f"start Prometheus with a longer --storage.tsdb.retention.time and name it in --retention,"
            f" or name --from {told(now - retention + 60)} or later", retry=False,
        )  # fmt: skip
