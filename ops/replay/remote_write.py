"""Sends output windows by remote write, for hours rather than days, and looks afterwards at what has become of them.

What is refused is cut in halves until the samples that are at fault stand alone. Prometheus answers 204 to a second
value of a sample that it has, and keeps the first: so counts and sums of every series are asked for and compared.
They are asked for before as well: what a killed replay has sent already is not sent again. Prometheus 2.42 was seen to
lose samples of a series while it made blocks of its head: those are told, and a second run sends just those series.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from ops.replay import wire
from ops.replay.openmetrics import Written, selector
from ops.replay.times import told as told_time
from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ops.exporter.family import Family
    from ops.replay.columns import Column, Window

AT_ONCE: Final = 10_000
"""Samples of a request."""
WRITE: Final = "/api/v1/write"
REFUSED_AT_MOST: Final = 50
"""So many refusals without one success mean that nothing will ever be taken."""
LOOKS: Final = (0.0, 1.0, 4.0)
"""Seconds before each look at what was written: some servers show it only after a moment."""
CLOSE: Final = 1e-9
_Name = tuple[str, tuple[str, ...]]
"""The name of a series: that of its family, and the values of its labels."""


class Found(Struct, frozen=True):
    """What has become of the samples: those that were `there` before, those refused, and the series found with fewer,
    with more, with other values.
    """

    written: Written = Written()
    there: int = 0
    refused: int = 0
    why: str = ""
    fewer: int = 0
    more: int = 0
    other: int = 0
    unchecked: str = ""
    example: str = ""


class _Total(Struct):
    count: float
    total: float


class _Series(Struct):
    metric: dict[str, str]
    value: tuple[float, str]


class _Data(Struct):
    result: list[_Series]


class _Answer(Struct):
    data: _Data


_read = msgspec.msgpack.Decoder(Found).decode
_answer = msgspec.json.Decoder(_Answer).decode


class RemoteWrite:
    """A writer to `url`; `labels` are added to every series."""

    def __init__(self, url: str, labels: Mapping[str, str], pause: Callable[[float], None] = time.sleep) -> None:
        self.found = Found()
        self._url = url
        self._labels = labels
        self._pause = pause
        wire.body_of([])  # tells now, not after an hour, that the extra is missing

    def write(self, window: Window) -> None:
        """Send a window; written twice it is the same."""
        refused, why = 0, ""
        accepted = 0
        there = self._there(window)
        for batch in _batches(window, self._labels, there):
            for lines, error in _send(self._url, batch):
                count = sum(len(line.times) for line in lines)
                if not error:
                    accepted += count
                    continue
                refused, why = refused + count, error
                if refused > REFUSED_AT_MOST and not (accepted or there or self.found.written.samples):
                    raise OperatorError(
                        f"{self._url} to take samples of the past", f"it refuses them: {why}",
                        "set storage.tsdb.out_of_order_time_window in prometheus.yml to more than their age, or use"
                        " --out blocks", retry=False,
                    )  # fmt: skip
        before = self.found
        self.found = msgspec.structs.replace(
            before,
            written=Written(before.written.files + 1, before.written.samples + accepted),
            there=before.there + sum(there.values()),
            refused=before.refused + refused,
            why=why or before.why,
        )
        self._look(window)

    @property
    def _base(self) -> str | None:
        """Where to ask; None where it is not known."""
        base = self._url.split("?", maxsplit=1)[0]
        return base.removesuffix(WRITE) if base.endswith(WRITE) else None

    def _there(self, window: Window) -> dict[_Name, int]:
        """Give the series that the server has already, as they are to be, with how many samples each has."""
        there: dict[_Name, int] = {}
        if self._base is None:
            return there
        for family, series in window.series():
            try:
                known = self._totals(self._base, family, series)
            except (OSError, msgspec.DecodeError):
                return there  # the look afterwards tells
            for values, column in series:
                has = known.get(frozenset(_labels_of(family, values, self._labels).items()))
                if has and has.count == len(column.times) and _close(has.total, sum(column.values)):
                    there[family.name, values] = len(column.times)
        return there

    def _look(self, window: Window) -> None:
        """Compare what the server has with what was sent."""
        base = self._base
        if base is None:
            self.found = msgspec.structs.replace(
                self.found, unchecked=f"the URL does not end with {WRITE}, so that it is not known where to ask"
            )
            return
        for family, series in window.series():
            try:
                fewer, more, other, example = self._compare(base, family, series)
            except (OSError, msgspec.DecodeError) as error:
                self.found = msgspec.structs.replace(self.found, unchecked=f"{base} could not be asked: {error}")
                return
            self.found = msgspec.structs.replace(
                self.found,
                fewer=self.found.fewer + fewer,
                more=self.found.more + more,
                other=self.found.other + other,
                example=self.found.example or example,
            )

    def _compare(
        self, base: str, family: Family, series: Sequence[tuple[tuple[str, ...], Column]]
    ) -> tuple[int, int, int, str]:
        fewer = more = other = 0
        example = ""
        for seconds in LOOKS:
            self._pause(seconds)
            known = self._totals(base, family, series)
            fewer = more = other = 0
            example = ""
            for values, column in series:
                key = frozenset(_labels_of(family, values, self._labels).items())
                has = known.get(key) or _Total(0, 0)
                wanted = sum(column.values)
                name = selector(family, values, {})
                fewer += has.count < len(column.times)
                more += has.count > len(column.times)
                close = _close(has.total, wanted)
                other += has.count == len(column.times) and not close
                if has.count < len(column.times) or not close:
                    example = (
                        f"{name} from {told_time(column.times[0])} to {told_time(column.times[-1])}:"
                        f" sent {len(column.times)} with a sum of {wanted:g}, found {has.count:g} with {has.total:g}"
                    )
            if not fewer and not other:
                break
        return fewer, more, other, example

    def _totals(
        self, base: str, family: Family, series: Sequence[tuple[tuple[str, ...], Column]]
    ) -> dict[frozenset[tuple[str, str]], _Total]:
        first = min(column.times[0] for _, column in series)
        last = max(column.times[-1] for _, column in series)
        inside = f"{selector(_bare(family), (), self._labels)}[{last - first + 1}s]"
        totals: dict[frozenset[tuple[str, str]], _Total] = {}
        for function in ("count", "sum"):
            query = urlencode({"query": f"{function}_over_time({inside})", "time": last})
            for one in _answer(wire.get(f"{base}/api/v1/query?{query}")).data.result:
                labels = frozenset((name, value) for name, value in one.metric.items() if name != "__name__")
                total = totals.setdefault(labels, _Total(0, 0))
                if function == "count":
                    total.count = float(one.value[1])
                else:
                    total.total = float(one.value[1])
        return totals

    def finish(self) -> None:
        """Do nothing: every window has been sent and looked at."""

    def save(self) -> bytes:
        """Give what was found."""
        return msgspec.msgpack.encode(self.found)

    def restore(self, raw: bytes) -> None:
        """Take back what was found."""
        self.found = _read(raw)


def told(found: Found) -> list[str]:
    """Say what has become of the samples that were not simply taken."""
    words = []
    if found.there:
        words.append(f"{found.there:,} samples were there already, with the same sums, and were not sent again")
    if found.refused:
        words.append(f"{found.refused:,} samples were refused; last: {found.why}")
    if found.fewer:
        words.append(f"{found.fewer:,} times a series has fewer samples than were sent: they were dropped in silence")
    if found.other:
        words.append(
            f"{found.other:,} times a series has other values: it had samples at these times, and the first stay."
            " Delete them first, or use other labels"
        )
    if found.example:
        words.append(f"For example {found.example}")
    if found.more:
        words.append(f"{found.more:,} times a series had samples between ours: name an earlier --to")
    if found.unchecked:
        words.append(f"What was written could not be looked at: {found.unchecked}")
    return words


def _labels_of(family: Family, values: tuple[str, ...], more: Mapping[str, str]) -> dict[str, str]:
    """Give a series's labels; an empty one is none for Prometheus."""
    labels = {**dict(zip(family.labels, values, strict=True)), **more}
    return {name: value for name, value in labels.items() if value}


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= CLOSE * max(abs(other), 1)


def _bare(family: Family) -> Family:
    return msgspec.structs.replace(family, labels=())


def _batches(window: Window, more: Mapping[str, str], there: Mapping[_Name, int]) -> Iterator[list[wire.Line]]:
    batch: list[wire.Line] = []
    samples = 0
    for family, series in window.series():
        for values, column in series:
            if (family.name, values) in there:
                continue
            labels = {"__name__": family.name, **_labels_of(family, values, more)}
            batch.append(wire.Line(tuple(sorted(labels.items())), column.times, column.values))
            samples += len(column.times)
            if samples >= AT_ONCE:
                yield batch
                batch, samples = [], 0
    if batch:
        yield batch


def _send(url: str, lines: Sequence[wire.Line]) -> Iterator[tuple[Sequence[wire.Line], str]]:
    """Send lines; give them, or parts of them, each with why it was refused, empty where it was taken."""
    try:
        wire.post(url, wire.body_of(lines))
    except wire.RefusedError as error:
        if len(lines) > 1:
            half = len(lines) // 2
            yield from _send(url, lines[:half])
            yield from _send(url, lines[half:])
        elif len(lines[0].times) > 1:
            line, half = lines[0], len(lines[0].times) // 2
            yield from _send(url, [wire.Line(line.labels, line.times[:half], line.values[:half])])
            yield from _send(url, [wire.Line(line.labels, line.times[half:], line.values[half:])])
        else:
            yield lines, str(error)
    else:
        yield lines, ""
