"""Writes output windows as Parquet for analysts: one row a sample, names and units as Prometheus has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ops.exporter import families as f
from ops.replay.openmetrics import OpenMetrics, name_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ops.replay.columns import Window

OF_THE_EXPORTER: Final = (f.LAG, f.BUILD_INFO, f.DEAD_LETTERS, f.UNREADABLE, f.LEFT_OUT)
LABELS: Final = tuple(sorted({name for one in f.FAMILIES if one not in OF_THE_EXPORTER for name in one.labels}))
"""A column for each, null where a metric does not have it."""


class Parquet(OpenMetrics):
    """A writer of files `jun-*.parquet`: columns time, metric, unit, one for each label, value.

    Raises ModuleNotFoundError without the extra `parquet`.
    """

    def __init__(self, folder: Path, labels: Mapping[str, str]) -> None:
        import pyarrow  # noqa: ICN001, PLC0415 (an optional part: `import pyarrow as pa` hides what is missing)
        import pyarrow.parquet  # noqa: PLC0415

        super().__init__(folder, labels)
        self._arrow: Any = pyarrow

    def write(self, window: Window) -> None:
        """Write a file; one that is there is replaced, whole."""
        target = self.folder / f"{name_of(window.number).removesuffix('.om')}.parquet"
        self.replace(
            target, lambda fresh: self._arrow.parquet.write_table(self._table(window), fresh, compression="zstd")
        )
        self.count(window)

    def _table(self, window: Window) -> Any:
        arrow = self._arrow
        codes: dict[str, list[int | None]] = {name: [] for name in ("metric", "unit", *LABELS, *self.labels)}
        known: dict[str, dict[str, int]] = {name: {} for name in codes}
        lengths: list[int] = []
        times: list[Any] = []
        values: list[Any] = []
        for family, series in window.series():
            for given, column in series:
                row = {
                    "metric": family.name,
                    "unit": family.unit,
                    **dict(zip(family.labels, given, strict=True)),
                    **self.labels,
                }
                for name, numbers in codes.items():
                    text = row.get(name)
                    numbers.append(None if text is None else known[name].setdefault(text, len(known[name])))
                lengths.append(len(column.times))
                times.append(arrow.array(column.times, arrow.uint32()))
                values.append(arrow.array(column.values, arrow.float64()))
        place = arrow.array([row for row, length in enumerate(lengths) for _ in range(length)], arrow.int32())
        columns = {"time": arrow.chunked_array(times).cast(arrow.int64()).cast(arrow.timestamp("s", "UTC"))}
        for name, numbers in codes.items():
            indices = arrow.array(numbers, arrow.int32()).take(place)
            columns[name] = arrow.DictionaryArray.from_arrays(indices, arrow.array(list(known[name]), arrow.string()))
        columns["value"] = arrow.chunked_array(values)
        return arrow.table({name: columns[name] for name in ("time", "metric", "unit", *LABELS, *self.labels, "value")})
