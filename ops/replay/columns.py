"""The samples of one output window by series, compact: what every kind of output writes from."""

from __future__ import annotations

from array import array
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from ops.exporter import families as f
from ops.exporter.families import Series
from ops.exporter.regions import RETURNING, RETURNING_WINDOWS
from schemas.activity import WINDOWS
from schemas.regions import ReleasedWindow
from streams.measures.privacy.steps import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ops.exporter.family import Family
    from ops.exporter.regions import Sample
    from schemas.regions import Released

TOGETHER: Final = 16
"""Minutes of a series over the rolling windows that are put into columns at once."""


class Column(Struct, gc=False):
    """One series: `times` in seconds since the epoch, rising, 32 bits each, and a double for each."""

    times: array[int]
    values: array[float]


class _Pending(Struct, gc=False):
    """One series over the rolling windows that is not yet in columns: what was released of it at `times`."""

    series: Series
    key: tuple[str, ...]
    times: array[int]
    released: list[ReleasedWindow]


class Window:
    """All samples that were shown in one window of two hours; a series has at most one at a time."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.samples = 0
        self._columns: dict[tuple[str, tuple[str, ...]], Column] = {}
        self._pending: dict[tuple[str, tuple[str, ...]], _Pending] = {}

    def add(self, at: int, found: Iterable[Sample]) -> None:
        """Add what was shown at `at` (s), which is later than what was added before."""
        count = 0
        for family, labels, value in found:
            column = self._column(family, labels)
            column.times.append(at)
            column.values.append(value)
            count += 1
        self.samples += count

    def add_windows(self, at: int, series: Series, key: tuple[str, ...], released: ReleasedWindow) -> None:
        """Add the samples of ops.exporter.regions.of_windows(), in the same way; they count once settled."""
        name = (series.hidden.name, key)
        pending = self._pending.get(name)
        if pending is None:
            pending = self._pending[name] = _Pending(series, key, array("I"), [])
        pending.times.append(at)
        pending.released.append(released)
        if len(pending.released) >= TOGETHER:
            self._settle(pending)

    def _settle(self, pending: _Pending) -> None:
        """Put what waits into columns: what of_windows() says of each minute, for many minutes at once."""
        series, times = pending.series, pending.times
        hidden: dict[str, list[bool]] = {window: [False] * len(times) for window in WINDOWS}
        for field, family in series.counts.items():
            counts: list[tuple[Released, ...]] = [getattr(one, field) for one in pending.released]
            for window, found in zip(WINDOWS, zip_longest(*counts), strict=False):
                self._extend(self._column(family, (*pending.key, window)), times, found)
                if HIDDEN in found and (field != RETURNING or window in RETURNING_WINDOWS):
                    flags = hidden[window]
                    hidden[window] = [flag or one == HIDDEN for flag, one in zip(flags, found, strict=True)]
        for window, flags in hidden.items():
            self._extend(self._column(series.hidden, (*pending.key, window)), times, flags)
        pending.times = array("I")
        pending.released.clear()

    def _extend(self, column: Column, times: array[int], found: Sequence[Released | None]) -> None:
        """Add the counts that may be shown; None stands for one that there is not."""
        if HIDDEN in found or None in found:
            for at, one in zip(times, found, strict=True):
                if isinstance(one, int):
                    column.times.append(at)
                    column.values.append(one)
                    self.samples += 1
        else:
            column.times.extend(times)
            column.values.extend(found)  # type: ignore[arg-type]
            self.samples += len(times)

    def _column(self, family: Family, labels: tuple[str, ...]) -> Column:
        key = (family.name, labels)
        column = self._columns.get(key)
        if column is None:
            column = self._columns[key] = Column(array("I"), array("d"))
        return column

    def settle(self) -> None:
        """Put everything into columns."""
        for pending in self._pending.values():
            self._settle(pending)

    def series(self) -> Iterator[tuple[Family, list[tuple[tuple[str, ...], Column]]]]:
        """Give the families in the order of the exporter's page, each with its series by the values of its labels."""
        self.settle()
        by_name: dict[str, list[tuple[tuple[str, ...], Column]]] = {}
        for (name, labels), column in self._columns.items():
            if column.times:
                by_name.setdefault(name, []).append((labels, column))
        for family in f.FAMILIES:
            if family.name in by_name:
                yield family, sorted(by_name[family.name], key=lambda one: one[0])
