"""The page of /metrics: made once for all who ask while nothing has changed, lines of unchanged regions kept."""

from __future__ import annotations

import asyncio
import gzip
import time
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.process_collector import ProcessCollector

from ops.exporter import families as f
from ops.exporter.line import LineCollector
from ops.exporter.regions import Shown, show
from ops.exporter.text import head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ops.exporter.known import Known
    from ops.exporter.regions import Sample
    from schemas.regions import RegionStatus

OLDEST: Final = 1.0
"""Seconds for which a page is given again: figures of the process itself change without a change of the data."""


class Made(Struct, frozen=True):
    """A page as it was made: of which data, when (s of the page's clock), its bytes."""

    version: int
    at: float
    text: bytes


class Page:
    """Makes the page in either format; `passes` counts how often that was done."""

    def __init__(self, known: Known, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._known = known
        self._clock = clock
        self._regions: dict[str, Shown] = {}
        self._statuses: dict[str, RegionStatus] = {}
        self._made: dict[tuple[bool, bool], Made] = {}
        self._lock = asyncio.Lock()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(LineCollector(known, self._own))
        self._registry.register(ProcessCollector(registry=None))
        self.passes = 0
        self.scrapes = 0
        self.seconds = 0.0

    async def get(self, *, openmetrics: bool, compressed: bool = False) -> bytes:
        """Give the page; whoever asks while it is being made gets that one."""
        self.scrapes += 1
        async with self._lock:
            plain = self._fresh(openmetrics, compressed=False)
            if plain is None:
                plain = self._make(openmetrics=openmetrics)
                self._made[openmetrics, False] = plain
            if not compressed:
                return plain.text
            small = self._made.get((openmetrics, True))
            if small is None or (small.version, small.at) != (plain.version, plain.at):
                text = await asyncio.to_thread(gzip.compress, plain.text, compresslevel=1)
                small = self._made[openmetrics, True] = Made(plain.version, plain.at, text)
            return small.text

    def _fresh(self, openmetrics: bool, *, compressed: bool) -> Made | None:
        made = self._made.get((openmetrics, compressed))
        if made is None or made.version != self._known.version or self._clock() - made.at >= OLDEST:
            return None
        return made

    def _make(self, *, openmetrics: bool) -> Made:
        started = self._clock()
        self.passes += 1
        version = self._known.version
        regions = self._of_regions(openmetrics=openmetrics) if self._known.caught_up else ""
        generate = generate_openmetrics if openmetrics else generate_latest
        text = regions.encode() + generate(self._registry)
        self.seconds = self._clock() - started
        return Made(version, started, text)

    def _of_regions(self, *, openmetrics: bool) -> str:
        known = self._known
        for name, region in known.regions.items():
            status = known.statuses.get(name)
            before = self._regions.get(name)
            if before is None or self._statuses.get(name) is not status:
                self._regions[name] = show(region, status, known.campaigns, known.source_names, before)
        self._statuses = dict(known.statuses)
        regions = self._regions.values()
        parts = []
        for family in f.OF_A_REGION:
            lines = [text for shown in regions if (text := shown.lines.get(family.name))]
            if lines:
                parts += [head(family, openmetrics=openmetrics), *lines]
        return "".join(parts)

    def _own(self) -> Iterator[Sample]:
        yield f.SCRAPES, (), self.scrapes
        yield f.SCRAPE_SECONDS, (), self.seconds
        yield f.SERIES, (), sum(shown.series for shown in self._regions.values())
        yield f.LEFT_OUT, ("tag",), sum(shown.tags_left_out for shown in self._regions.values())
