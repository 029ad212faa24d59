"""A replay on both cores, its limit, and a day backfilled into a running Prometheus: contestants of benchmarks.run.

Start and end of all processes are counted in, and CPU is that of all of them; the broker shares the cores.
`python -m benchmarks.replay BOOTSTRAP TOPIC RESULT` is the limit: read, decode and fold in memory, in two processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import re
import resource
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks import limits, worker
from benchmarks.load import BEGIN, PARTITIONS, REGION_NAMES, REGIONS, WORK
from benchmarks.measure import BROKER_CORE, CONTESTANT_CORE, ContestantError, Measured, peak_mib
from ops.topics import ensure_topics
from schemas.codec import encode
from schemas.config import KafkaSettings, PrivacySettings, TopicSettings
from schemas.events import KINDS, Event, Heartbeat
from streams.kafka import make_producer
from streams.measures.partitioning import partition_of_region
from streams.measures.privacy import rules_of
from streams.measures.privacy.steps import step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from benchmarks.load import Columns

PROCESSES: Final = 2
LOOK_EVERY: Final = 0.2
DAY_EVENTS: Final = 1_000_000
DAY: Final = 86_400
DAY_PREFIX: Final = "day-"
SHOWN_WITHIN: Final = 300.0
PROMETHEUS: Final = "127.0.0.1:19191"
TOTAL: Final = re.compile(r'jun_region_events_by_kind_total\{.*kind="([^"]*)".*region="([^"]*)"[^}]*\} (\S+) (\d+)')


def measured(command: list[str], log: Path, *, until: Callable[[], None] = lambda: None) -> Measured:
    """Run a command on both cores to its end, and on until `until` returns."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    peak = 0.0
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "-c", f"{CONTESTANT_CORE},{BROKER_CORE}", *command], stdout=output, stderr=output
        )
        while process.returncode is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                peak = max(peak, peak_mib(psutil.Process(process.pid)))
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_EVERY)
    if process.returncode:
        raise ContestantError(f"it ended with {process.returncode}: {log.read_text('utf-8', 'replace')[-3_000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    until()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(time.perf_counter() - started, cpu, peak)


def command(settings: Path, *arguments: str) -> list[str]:
    """Give the command of a `jun replay`."""
    jun = str(Path(sys.executable).with_name("jun"))
    return [jun, "replay", "--config", str(settings), *arguments, "--afresh"]


def at(seconds: float) -> str:
    """Write a time as --from wants it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def replay(bootstrap: str, prefix: str, columns: Columns, count: int) -> tuple[Measured, int]:
    """Replay the load to OpenMetrics; give the totals by region and kind that are wrong at its end, too."""
    settings = worker.configuration(bootstrap, prefix, WORK / "replay-conf")
    out = WORK / "replay-om"
    shutil.rmtree(out, ignore_errors=True)
    took = measured(command(settings, "--from", at(BEGIN / 1000), "--out", "om", str(out)), WORK / "replay.log")
    return took, wrong_totals(out, columns, count)


def wrong_totals(folder: Path, columns: Columns, count: int) -> int:
    """Compare the last total of each region and kind with what may be shown of the load's."""
    _, first = np.unique(columns.original[:count], return_index=True)
    of_row = columns.region[first] * len(KINDS) + columns.kind[first]
    counts = np.bincount(of_row, minlength=REGIONS * len(KINDS)).reshape(REGIONS, len(KINDS)).tolist()
    group = rules_of(PrivacySettings()).group
    wanted = {
        (region, kind): shown
        for region, of_kinds in zip(REGION_NAMES, counts, strict=True)
        for kind, events in zip(KINDS, of_kinds, strict=True)
        if isinstance(shown := step(events, group), int) and shown
    }
    got: dict[tuple[str, str], tuple[int, float]] = {}
    for file in sorted(folder.iterdir()):
        for line in file.read_text("utf-8").splitlines():
            if found := TOTAL.match(line):
                kind, region, value, when = found.groups()
                got[region, kind] = max(got.get((region, kind), (0, 0.0)), (int(when), float(value)))
    shown_last = {row: value for row, (_, value) in got.items() if value}
    return sum(shown_last.get(row) != value for row, value in wanted.items()) + len(shown_last.keys() - wanted.keys())


def limit(bootstrap: str, topic: str, result: Path) -> Measured:
    """Run the limit; its rows go into `result`."""
    result.unlink(missing_ok=True)
    return measured(
        [sys.executable, "-m", "benchmarks.replay", bootstrap, topic, str(result)], WORK / "limit-replay.log"
    )


def _halves(sizes: dict[int, int]) -> list[list[int]]:
    """Share the partitions, the largest first, each to whom has least."""
    shares: list[list[int]] = [[] for _ in range(PROCESSES)]
    for partition in sorted(sizes, key=lambda one: -sizes[one]):
        min(shares, key=lambda share: sum(sizes[one] for one in share)).append(partition)
    return shares


async def _sizes(bootstrap: str, topic: str) -> dict[int, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        ends = await consumer.end_offsets([TopicPartition(topic, number) for number in range(PARTITIONS)])
    finally:
        await consumer.stop()
    return {place.partition: end for place, end in ends.items()}


def _fold(bootstrap: str, topic: str, partitions: Sequence[int], result: Path) -> None:
    folds = {number: limits.PlainFold() for number in partitions}
    asyncio.run(limits.read(bootstrap, topic, folds))
    limits.write_rows(folds.values(), result)


def main() -> None:
    """Run the limit in as many processes as there are cores."""
    bootstrap, topic, name = sys.argv[1:]
    result = Path(name)
    shares = _halves(asyncio.run(_sizes(bootstrap, topic)))
    parts = [result.with_suffix(f".{number}") for number in range(PROCESSES)]
    context = multiprocessing.get_context("spawn")
    started = [
        context.Process(target=_fold, args=(bootstrap, topic, share, part))
        for share, part in zip(shares, parts, strict=True)
    ]
    for one in started:
        one.start()
    for one in started:
        one.join()
    assert not any(one.exitcode for one in started)
    result.write_text("\n".join(part.read_text("utf-8") for part in parts), "utf-8")


def _region_of(number: int) -> str:
    return REGION_NAMES[number * 7 % len(REGION_NAMES)]


async def _write_day(bootstrap: str, events: int, end: int) -> None:
    """Write a day of events that ends at `end` (s), with a heartbeat a minute."""
    kafka = KafkaSettings(embedded=False, bootstrap_servers=bootstrap)
    topic = f"{DAY_PREFIX}events"
    await ensure_topics(kafka, TopicSettings(prefix=DAY_PREFIX))
    begin = end - DAY
    places = {name: partition_of_region(name, PARTITIONS) for name in REGION_NAMES}
    async with make_producer(kafka) as producer:
        beat = begin
        for number in range(events):
            when = begin * 1000 + number * DAY * 1000 // events
            while beat * 1000 <= when:
                value = encode(Heartbeat("chat", "ok", beat * 1000, beat * 1000, timeout=86_400_000))
                for place in range(PARTITIONS):
                    await producer.send(topic, value, partition=place)
                beat += 60
            region = _region_of(number)
            event = Event(
                str(number), when, region, f"{region}-{number * 13 % 4_999}", "post", "chat", (f"tag{number % 60}",)
            )
            await producer.send(topic, encode(event), key=region.encode(), partition=places[region])
        value = encode(Heartbeat("chat", "ok", end * 1000, (end + 600) * 1000, timeout=86_400_000))
        for place in range(PARTITIONS):
            await producer.send(topic, value, partition=place)
        await producer.flush()


def backfill(bootstrap: str, events: int) -> tuple[Measured, int]:
    """Backfill a day into a running Prometheus until it answers with it; give how many regions' totals are wrong."""
    if shutil.which("prometheus") is None:
        raise ContestantError("there is no prometheus on the path")
    end = int(time.time()) // 7_200 * 7_200 - 7_200 * 2
    asyncio.run(_write_day(bootstrap, events, end))
    settings = worker.configuration(bootstrap, DAY_PREFIX, WORK / "day-conf")
    home = WORK / "prometheus"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    (home / "prometheus.yml").write_text("scrape_configs: []\n")
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                "prometheus", f"--config.file={home / 'prometheus.yml'}", f"--storage.tsdb.path={home / 'data'}",
                f"--web.listen-address={PROMETHEUS}",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        took = measured(
            command(settings, "--from", at(end - DAY + 600), "--to", at(end), "--out", "blocks", str(home / "data")),
            WORK / "backfill.log",
            until=lambda: _until_shown(end),
        )
        return took, _wrong_of_the_day(events, end)
    finally:
        server.terminate()
        server.wait()


def _ask(query: str, when: int) -> list[dict[str, Any]]:
    words = urllib.parse.urlencode({"query": query, "time": when})
    with urllib.request.urlopen(f"http://{PROMETHEUS}/api/v1/query?{words}") as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return found


def _until_shown(end: int) -> None:
    deadline = time.monotonic() + SHOWN_WITHIN
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if _ask("count(jun_region_verdict)", end - 60) and _ask("count(jun_region_verdict)", end - DAY + 1_200):
                return
        time.sleep(0.5)
    raise ContestantError(f"Prometheus does not answer with the day after {SHOWN_WITHIN:.0f} s")


def _wrong_of_the_day(events: int, end: int) -> int:
    """Compare the posts of each region, as they were shown a minute before the end, with those that were written."""
    shown_to = ((end - 60) // 60 - 2) * 60  # the last whole minute that had closed then, lateness included
    written = sum(1 for number in range(events) if number * DAY // events < shown_to - (end - DAY))
    numbers: NDArray[np.int64] = np.arange(written) * 7 % len(REGION_NAMES)
    group = rules_of(PrivacySettings()).group
    wanted = {
        REGION_NAMES[place]: step(posts, group)
        for place, posts in enumerate(np.bincount(numbers, minlength=len(REGION_NAMES)).tolist())
    }
    got = {
        one["metric"]["region"]: int(float(one["value"][1]))
        for one in _ask('jun_region_events_by_kind_total{kind="post"}', end - 60)
    }
    return sum(got.get(region) != posts for region, posts in wanted.items())


if __name__ == "__main__":
    main()
