"""The exporter's page with ten thousand and more series: the time of a pass, and what concurrent scrapes share.

`python -m benchmarks.exporter`. Regions have everything that can be shown: four windows of the whole, of a campaign and
of ten tags, all verdicts, all kinds. A pass is timed three ways: the first, one after every region has changed (each
minute does that), and one after a single region has. Then a hundred scrapes come at once over HTTP.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

from aiohttp import ClientSession
from msgspec import structs

from ops.exporter.known import Known
from ops.exporter.page import Page
from ops.exporter.web import application
from ops.listening import listening
from schemas.activity import CAMPAIGN_PREFIX, WHOLE, SourceState
from schemas.config import Campaign, Config
from schemas.directory import Directory, Region
from schemas.events import KINDS
from schemas.regions import Evidence, RegionStatus, ReleasedWindow

LIMIT = 100.0
"""Milliseconds that a pass over ten thousand series may take."""
REPEATS = 15
SCRAPES = 100
NOW = 1_780_000_000_000


def status(region: str, number: int) -> RegionStatus:
    """A region with everything that can be shown; `number` makes its figures others than before."""
    counts = (10 + number % 90,) * 4
    window = ReleasedWindow(*(counts,) * 6)
    tags = {f"tag-{tag}": window for tag in range(10)}
    return RegionStatus(
        region=region,
        minute=NOW // 60_000 + number,
        verdict="active",
        since=NOW,
        reason="as usual",
        watermark=NOW + number,
        clock=NOW + number,
        headcount=350,
        last_event_at=NOW,
        events_total=dict.fromkeys(KINDS, 100 + number),
        windows={WHOLE: window, f"{CAMPAIGN_PREFIX}spring": window, **tags},
        sources={"chat": SourceState("ok", NOW, NOW)},
        evidence=Evidence(30, 1.5, 2, 9, 60),
        duplicates=number,
    )


async def measure(regions: int) -> tuple[int, list[float]]:
    """Give the series of the page and the milliseconds of a first pass, a pass with all changed, and with one."""
    names = [f"region-{number:04}" for number in range(regions)]
    directory = Directory(region=tuple(Region(name=name, title=name, headcount=350) for name in names))
    config = Config(source=({"kind": "http", "name": "chat"},), campaign=(Campaign("spring", ("spring",)),))
    known = Known(config, directory)
    known.note(broker_up=True, caught_up=True)
    for name in names:
        known.take_status(name, status(name, 0))
    page = Page(known)

    async def one() -> float:
        started = time.perf_counter()
        await page.get(openmetrics=True)
        return (time.perf_counter() - started) * 1000

    first = await one()
    series = sum(not line.startswith("#") for line in (await page.get(openmetrics=True)).decode().splitlines())
    all_changed, one_changed = [], []
    for number in range(1, REPEATS + 1):
        for name in names:
            known.take_status(name, structs.replace(status(name, number)))
        all_changed.append(await one())
        known.take_status(names[0], status(names[0], number + 1))
        one_changed.append(await one())
    return series, [first, statistics.median(all_changed), statistics.median(one_changed)]


async def concurrent(regions: int) -> tuple[int, float]:
    """Give how many passes a hundred scrapes at once took, and the milliseconds until the last was answered."""
    names = [f"region-{number:04}" for number in range(regions)]
    known = Known(Config(), Directory(region=tuple(Region(name=name) for name in names)))
    known.note(broker_up=True, caught_up=True)
    for name in names:
        known.take_status(name, status(name, 0))
    page = Page(known)
    async with (
        listening(application(known, page, time.time), "127.0.0.1", 0, "") as address,
        ClientSession() as session,
    ):

        async def scrape() -> None:
            async with session.get(f"{address}/metrics") as answer:
                assert answer.status == 200
                await answer.read()

        started = time.perf_counter()
        await asyncio.gather(*(scrape() for _ in range(SCRAPES)))
        return page.passes, (time.perf_counter() - started) * 1000


def main() -> int:
    """Print the table; exit code 1 where ten thousand series take longer than they may."""
    print("| regions | series | first pass | all regions changed | one changed |")
    print("|---|---|---|---|---|")
    slow = False
    for regions in (12, 30, 100, 250):
        series, (first, changed, one) = asyncio.run(measure(regions))
        print(f"| {regions} | {series:,} | {first:.1f} ms | {changed:.1f} ms | {one:.1f} ms |", flush=True)
        slow |= series <= 12_000 and changed > LIMIT
    passes, took = asyncio.run(concurrent(30))
    print(f"\n{SCRAPES} scrapes at once of 30 regions: {passes} passes, the last answered after {took:.0f} ms")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
