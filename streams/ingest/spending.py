"""Keeps what is paid for within a cap for each calendar month (UTC), for every process of this machine together.

The count is in a file of its own, not in a position: a dry run and the filling in of history cost as well.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import fcntl
import os
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from streams.errors import OperatorError
from streams.ingest.web import LONGEST_WAIT, TroubleError

if TYPE_CHECKING:
    from pathlib import Path

    from streams.ingest.source import Clock

FOLDER: Final = "spending"
NEARLY: Final = 0.9
"""Share of the cap from which on the heartbeat says so."""


class Spent(Struct, frozen=True):
    """What was spent in a month, such as `2026-11`; what is set aside counts as spent."""

    month: str = ""
    posts: int = 0


class Spending:
    """Grants what may still be asked for: it is set aside durably before, and what was not used is given back after.

    A crash between the two leaves it set aside: that costs some of the month, and never exceeds the cap.
    """

    def __init__(self, cap: int, clock: Clock, file: Path) -> None:
        self._cap = cap
        self._clock = clock
        self._file = file
        self.spent = Spent()
        """As it was last seen."""

    @property
    def nearly(self) -> str:
        """Say in words that most of the month's cap is spent; else nothing."""
        if self.spent.month != self._month() or self.spent.posts < NEARLY * self._cap:
            return ""
        return f"{self.spent.posts} of the month's {self._cap} posts are read or set aside; it stops at the cap"

    async def reserve(self, wanted: int, least: int) -> int:
        """Set aside up to `wanted`; raises TroubleError where less than `least` is left, until the next month."""
        granted = await asyncio.to_thread(self._changed, wanted, least)
        if not granted:
            now = dt.datetime.fromtimestamp(self._clock() / 1000, dt.UTC)
            first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + dt.timedelta(days=32)
            first = first.replace(day=1)
            words = f"the cap of {self._cap} posts a month is reached; goes on in {first:%B}"
            raise TroubleError(words, min((first - now).total_seconds() + 1, LONGEST_WAIT))
        return granted

    async def settle(self, granted: int, used: int) -> None:
        """Give back what was set aside and not used; what came beyond it is spent."""
        if granted != used:
            await asyncio.to_thread(self._changed, used - granted, None)

    def _changed(self, by: int, least: int | None) -> int:
        """Change the count in the file; give what was granted. Without `least` whatever it is."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            spent = self._read(descriptor)
            granted = by
            if least is not None:
                granted = min(by, self._cap - spent.posts)
                if granted < max(least, 1):
                    self.spent = spent
                    return 0
            self.spent = Spent(spent.month, max(0, spent.posts + granted))
            # One short write in place: there is no moment at which the file would say less than was spent.
            os.pwrite(descriptor, msgspec.json.encode(self.spent).ljust(64) + b"\n", 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return granted

    def _read(self, descriptor: int) -> Spent:
        raw = os.pread(descriptor, 4096, 0).strip()
        try:
            spent = msgspec.json.decode(raw, type=Spent) if raw else Spent()
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise OperatorError(
                f"the count of what was spent in {self._file}",
                "the file can't be read",
                "write into it how many posts the provider has counted, or remove it",
                retry=True,
            ) from error
        return spent if spent.month == self._month() else Spent(self._month())

    def _month(self) -> str:
        return dt.datetime.fromtimestamp(self._clock() / 1000, dt.UTC).strftime("%Y-%m")
