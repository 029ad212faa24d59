"""Reads a CSV of past events: columns `region`, `at` (RFC 3339) and, if wanted, `count`."""

from __future__ import annotations

import csv
import datetime as dt
from collections import defaultdict
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final, TextIO

from msgspec import Struct

from streams.errors import OperatorError

if TYPE_CHECKING:
    from pathlib import Path


COMPLETE: Final = 0.9
ENOUGH: Final = 20
"""Rows from which their distance is looked at."""
DAY: Final = 1_440


class Table(Struct, frozen=True):
    """What a file of events says.

    `series`: by region, (minute since the epoch, events) in order of time, events above 0; `watched`: by region, the
    stretches in which it was watched, as (first minute, minute after); `every`: minutes that an entry counts, its
    minute being the last of them. `seconds` is what was taken off each time so that entries begin with full minutes.
    """

    series: dict[str, list[tuple[int, int]]]
    watched: dict[str, list[tuple[int, int]]]
    every: int
    seconds: int


def moment(text: str, where: str) -> dt.datetime:
    """Read an RFC 3339 time; one without an offset is taken for UTC."""
    try:
        found = dt.datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise OperatorError(
            f"a time such as 2015-03-27T00:00:00Z in {where}", f"{text!r} came", "correct it", retry=False
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def read_table(path: Path, every_seconds: int | None) -> Table:
    """Read a file. Each row is one event or, with the column `count`, what `every_seconds` from `at` on brought.

    Where a region has rows with a count of 0, or over a day a row for nine in ten of its entries, its rows say when it
    was watched, and a missing one is no evidence. Else every region was watched from the first to the last row of the
    file, and what has no row is empty. Raises OperatorError.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read(file, str(path), every_seconds)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OperatorError(
            f"a CSV file in UTF-8 at {path}", f"it can't be read: {error}", "name another, or correct it", retry=False
        ) from error


def _read(file: TextIO, name: str, every_seconds: int | None) -> Table:
    rows = csv.DictReader(file)
    columns = rows.fieldnames or []
    if not {"region", "at"} <= set(columns):
        raise OperatorError(
            f"the columns region and at in {name}", f"{', '.join(columns) or 'no header'} came", "add them", retry=False
        )
    counted = "count" in columns
    if counted != (every_seconds is not None):
        raise OperatorError(
            "--every SECONDS with a column count, and only then",
            f"{name} has {'one' if counted else 'none'}",
            "add --every" if counted else "leave --every out",
            retry=False,
        )
    length = every_seconds or 60
    if not 0 < length <= 3_600 or (length > 60 and length % 60):
        raise OperatorError(
            "--every of whole minutes, an hour at most, or of a minute or less", f"{length} s came",
            "add the counts up, or split them", retry=False,
        )  # fmt: skip
    entries: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in rows:
        where = f"{name}, line {rows.line_num}"
        if not row["region"] or row["at"] is None:
            raise OperatorError(f"a region and a time in {where}", "one is empty", "correct the row", retry=False)
        at = int(moment(row["at"], where).timestamp())
        entries[row["region"]].append((at, _count(row["count"], where) if counted else 1))
    if counted:
        _check_spacing(entries, length, name)
    if not entries:
        raise OperatorError(f"at least one row in {name}", "there is none", "name a file with events", retry=False)
    return _gather(entries, length, counted=counted)


def _count(text: str | None, where: str) -> int:
    try:
        found = float(text or "")
        if found >= 0 and found == int(found):
            return int(found)
    except (ValueError, OverflowError):
        pass
    raise OperatorError(f"a count of events in {where}", f"{text!r} came", "correct it", retry=False)


def _check_spacing(entries: dict[str, list[tuple[int, int]]], length: int, name: str) -> None:
    """Refuse a length that is not how far rows are apart where they are at regular intervals: zeros are written out."""
    for rows in entries.values():
        times = sorted({at for at, _ in rows})
        steps = [after - before for before, after in pairwise(times)]
        usual = median(steps) if len(steps) >= ENOUGH and any(not count for _, count in rows) else length
        if not length / 2 < usual < 2 * length:
            raise OperatorError(
                f"--every of what each count of {name} covers", f"{length} s came, but its rows are {usual:g} s apart",
                f"say --every {usual:g}", retry=False,
            )  # fmt: skip


def _gather(entries: dict[str, list[tuple[int, int]]], length: int, *, counted: bool) -> Table:
    every = max(1, length // 60)
    earliest = min(at for rows in entries.values() for at, _ in rows)
    # Counts that begin at odd seconds or minutes are moved so that each lies in one slot, and the last minute of an
    # entry is the one it is known after.
    shift = earliest % (every * 60) if counted else 0
    series: dict[str, list[tuple[int, int]]] = {}
    watched: dict[str, list[tuple[int, int]]] = {}
    complete: set[str] = set()
    for region, rows in entries.items():
        minutes: dict[int, int] = defaultdict(int)
        for at, events in rows:
            minutes[(at - shift) // 60 + (every - 1 if counted else 0)] += events
        series[region] = sorted((minute, events) for minute, events in minutes.items() if events)
        watched[region] = _stretches(sorted(minutes), every)
        length = watched[region][-1][1] - watched[region][0][0]
        regular = length >= DAY and len(minutes) * every >= COMPLETE * length
        if counted and (regular or not all(minutes.values())):
            complete.add(region)
    whole = (min(first[0][0] for first in watched.values()), max(last[-1][1] for last in watched.values()))
    return Table(series, {name: watched[name] if name in complete else [whole] for name in entries}, every, shift)


def _stretches(minutes: list[int], every: int) -> list[tuple[int, int]]:
    """Join entries that follow each other; a second's jitter of the clock is no hole."""
    found: list[tuple[int, int]] = []
    for minute in minutes:
        first = minute - every + 1
        if found and first - found[-1][1] < every:
            found[-1] = (found[-1][0], minute + 1)
        else:
            found.append((first, minute + 1))
    return found
