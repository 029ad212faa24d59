"""What is told of the line itself: sources, campaigns' goals, counters of the log, lag, the exporter."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Final, get_args

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample as WrittenSample

from ops.exporter import campaigns
from ops.exporter import families as f
from schemas.deadletter import Reason
from schemas.events import Status
from schemas.regions import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ops.exporter.family import Family
    from ops.exporter.known import Known
    from ops.exporter.regions import Sample

DISTRIBUTION: Final = "jun-monitor"
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
STATUSES: Final[tuple[Status, ...]] = get_args(Status)


class LineCollector(Collector):
    """Gives prometheus_client the samples of the line; `own` adds those of the exporter itself."""

    def __init__(self, known: Known, own: Callable[[], Iterable[Sample]]) -> None:
        self._known = known
        self._own = own

    def collect(self) -> Iterable[Metric]:
        """Give every family that has samples."""
        return metrics([*samples(self._known), *self._own()], f.OF_THE_LINE)

    def describe(self) -> Iterable[Metric]:
        """Name the families without looking at the data."""
        return [Metric(family.stem, family.about, family.kind, family.unit) for family in f.OF_THE_LINE]


def metrics(found: Iterable[Sample], order: Iterable[Family]) -> list[Metric]:
    """Turn samples into prometheus_client's families, those without a sample left out."""
    by_name: dict[str, list[WrittenSample]] = {}
    for family, values, value in found:
        labels = dict(zip(family.labels, values, strict=True))
        by_name.setdefault(family.name, []).append(WrittenSample(family.name, labels, value))
    made = []
    for family in order:
        if family.name in by_name:
            metric = Metric(family.stem, family.about, family.kind, family.unit)
            metric.samples = by_name[family.name]
            made.append(metric)
    return made


def samples(known: Known) -> Iterator[Sample]:
    """Give every sample of the line; what comes from the log only once it has been read."""
    yield f.BUILD_INFO, (platform.python_version(), version()), 1
    yield f.SIMULATED, (), int(known.simulated)
    yield f.BROKER_UP, (), int(known.broker_up)
    yield f.CAUGHT_UP, (), int(known.caught_up)
    for (topic, partition), records in sorted(known.lag.items()):
        yield f.LAG, (str(partition), topic), records
    for topic, count in sorted(known.unreadable.items()):
        yield f.UNREADABLE, (topic,), count
    yield from campaigns.samples(known)
    if known.caught_up:
        yield from _log(known)


def replayable(known: Known) -> Iterator[Sample]:
    """Give the samples that are a function of the configuration and the log alone, so that a replay has them too."""
    yield f.SIMULATED, (), int(known.simulated)
    yield from campaigns.samples(known)
    yield from _of_the_log(known)


def _of_the_log(known: Known) -> Iterator[Sample]:
    yield f.EVERYTHING_SILENT, (), int(known.everything_silent())
    if known.statuses:
        yield f.CLOCK, (), max(status.clock for status in known.statuses.values()) / 1000
        yield f.EVENT_TIME, (), max(status.watermark for status in known.statuses.values()) / 1000
    for source, state in known.sources().items():
        yield f.SOURCE_UP, (source,), int(state.status != "down")
        for status in STATUSES:
            yield f.SOURCE_STATUS, (source, status), int(status == state.status)
        yield f.SOURCE_SINCE, (source,), state.since / 1000
        yield f.SOURCE_WATERMARK, (source,), state.complete_to / 1000
    # zeros as well: a query sees an increase only of a series that was there before
    for region in sorted(known.regions):
        for verdict in VERDICTS:
            yield f.TRANSITIONS, (region, verdict), known.transitions.counts[region, verdict]


def _log(known: Known) -> Iterator[Sample]:
    yield from _of_the_log(known)
    dead = {(reason, source) for reason in REASONS for source in known.source_names}
    for key in sorted(dead | known.dead_letters.counts.keys()):
        yield f.DEAD_LETTERS, key, known.dead_letters.counts[key]
    yield f.LEFT_OUT, ("region",), len(known.strangers)
    yield f.LEFT_OUT, ("source",), len(known.sources_left_out)


@cache
def version() -> str:
    """Give Jun's version, or `unknown` where it runs from a folder that was never installed."""
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "unknown"
