"""The samples of one output window by series, compact: what every kind of output writes from."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from msgspec import Struct

from ops.exporter import families as f

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ops.exporter.family import Family
    from ops.exporter.regions import Sample


class Column(Struct, gc=False):
    """One series: `times` in seconds since the epoch, rising, 32 bits each, and a double for each."""

    times: array[int]
    values: array[float]


class Window:
    """All samples that were shown in one window of two hours; a series has at most one at a time."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.samples = 0
        self._columns: dict[tuple[str, tuple[str, ...]], Column] = {}

    def add(self, at: int, found: Iterable[Sample]) -> None:
        """Add what was shown at `at` (s), which is later than what was added before."""
        columns = self._columns
        count = 0
        for family, labels, value in found:
            key = (family.name, labels)
            column = columns.get(key)
            if column is None:
                column = columns[key] = Column(array("I"), array("d"))
            column.times.append(at)
            column.values.append(value)
            count += 1
        self.samples += count

    def series(self) -> Iterator[tuple[Family, list[tuple[tuple[str, ...], Column]]]]:
        """Give the families in the order of the exporter's page, each with its series by the values of its labels."""
        by_name: dict[str, list[tuple[tuple[str, ...], Column]]] = {}
        for (name, labels), column in self._columns.items():
            by_name.setdefault(name, []).append((labels, column))
        for family in f.FAMILIES:
            if family.name in by_name:
                yield family, sorted(by_name[family.name], key=lambda one: one[0])
