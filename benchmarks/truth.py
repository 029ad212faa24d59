"""What every contestant's result is compared with, computed from the load's columns by sorting alone.

A row is (region, tag, minute): distinct events of the region with that tag (the tag WHOLE: all of them) in the minute,
and distinct people among those whose kind counts as taking part; a bot is among the events, never among the people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.load import BEGIN, NO_TAG, REGION_NAMES, REGIONS, SPAN, TAG_NAMES, TAGS
from schemas.activity import WHOLE
from schemas.events import COUNTING_KINDS, KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.load import Columns

Row = tuple[str, str, int]
"""Region, tag, minute since the epoch."""
Counts = tuple[int, int]
"""Events, people."""

MINUTE: Final = 60_000
MINUTES: Final = SPAN // MINUTE
SERIES: Final = (*TAG_NAMES, WHOLE)


def truth(columns: Columns, count: int) -> dict[Row, Counts]:
    """Give every row of the first `count` events of the log."""
    _, first = np.unique(columns.original[:count], return_index=True)
    series = np.column_stack([columns.tags[first], np.full(len(first), TAGS)])
    event, place = np.nonzero(series != NO_TAG)
    minute = (columns.at[first] - BEGIN) // MINUTE
    row = (columns.region[first][event] * len(SERIES) + series[event, place]) * MINUTES + minute[event]
    counting = np.isin(columns.kind[first], [KINDS.index(kind) for kind in COUNTING_KINDS]) & ~columns.bot[first]
    actors = int(columns.actor.max()) + 1
    events = np.bincount(row, minlength=REGIONS * len(SERIES) * MINUTES)
    pairs = np.unique((row * actors + columns.actor[first][event])[counting[event]])
    people = np.bincount(pairs // actors, minlength=len(events))
    return _named(np.flatnonzero(events), events, people)


def _named(rows: NDArray[np.int64], events: NDArray[np.int64], people: NDArray[np.int64]) -> dict[Row, Counts]:
    start = BEGIN // MINUTE
    region, rest = np.divmod(rows, len(SERIES) * MINUTES)
    series, minute = np.divmod(rest, MINUTES)
    names = zip(region.tolist(), series.tolist(), minute.tolist(), strict=True)
    counts = zip(events[rows].tolist(), people[rows].tolist(), strict=True)
    return {
        (REGION_NAMES[region], SERIES[series], start + minute): count
        for (region, series, minute), count in zip(names, counts, strict=True)
    }


def read_rows(file: Path) -> dict[Row, Counts]:
    """Read a contestant's rows: region, tag, minute, events and people, with tabs between them, one row a line."""
    rows: dict[Row, Counts] = {}
    for line in file.read_text("utf-8").splitlines():
        region, tag, minute, events, people = line.split("\t")
        row = (region, tag, int(minute))
        if row in rows:
            raise ValueError(f"{file.name} has two lines for {row}")
        rows[row] = (int(events), int(people))
    return rows


def differences(wanted: Mapping[Row, Counts], got: Mapping[Row, Counts]) -> int:
    """Count the rows that are wrong, missing or too many."""
    wrong = sum(got.get(row) != counts for row, counts in wanted.items())
    return wrong + len(got.keys() - wanted.keys())
