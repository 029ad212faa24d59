"""`make bench`: limits, ours and peers in turn, on one load and one machine, each on one core; prints a table.

Every result is compared with the truth. Writes benchmarks/latest.json; a run of a single contestant
(`python -m benchmarks.run NAME`) puts its figures among those of the others there. With `--events N` everybody gets
only the first N events, to try things out; latest.json is left alone then.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from benchmarks import java, replay, worker
from benchmarks.load import EVENTS, WORK, columns_and_values, make_topic, produce, records_of
from benchmarks.measure import BROKER_CORE, ContestantError, on_core, run_to_done
from benchmarks.truth import differences, read_rows, truth
from ops.broker import EmbeddedBroker
from ops.topics import ensure_topics
from schemas.config import KafkaSettings, TopicSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.load import Columns
    from benchmarks.measure import Measured
    from benchmarks.truth import Counts, Row

LATEST: Final = Path(__file__).with_name("latest.json")
PREFIX: Final = "bench-"
TOPIC: Final = f"{PREFIX}events"
PART_TOPIC: Final = "part-events"
PART: Final = 100_000
"""Events for the slow ones."""
TIMEOUT: Final = 400.0
QUIX: Final = Path(__file__).parent / "peers" / "quixstreams"


class Figures(Struct, frozen=True):
    """One contestant's line; `exact` tells whether every row was right, `events` of how many events they are."""

    name: str
    events_per_second: float
    cpu_seconds_per_million: float
    peak_mib: float
    exact: bool
    cores: int = 1
    events: int = EVENTS


class Bench:
    """A running broker with the load in it: `events` events for everybody, `part` of them for the slow ones."""

    def __init__(self, bootstrap: str, columns: Columns, events: int) -> None:
        self.bootstrap = bootstrap
        self.columns = columns
        self.events = events
        self.part = min(PART, events)
        self._truths: dict[int, dict[Row, Counts]] = {}

    def wanted(self, count: int) -> dict[Row, Counts]:
        """Give the truth about the first `count` events."""
        if count not in self._truths:
            self._truths[count] = truth(self.columns, count)
        return self._truths[count]

    def figures(self, name: str, count: int, measured: Measured, wrong: int, cores: int = 1) -> Figures:
        """Make the line."""
        if wrong:
            print(f"{name}: {wrong:,} rows are wrong", flush=True)
        return Figures(
            name=name,
            events_per_second=round(count / measured.seconds),
            cpu_seconds_per_million=round(measured.cpu_seconds / count * 1e6, 2),
            peak_mib=round(measured.peak_mib),
            exact=not wrong,
            cores=cores,
            events=count,
        )

    def of_file(self, name: str, command: list[str], count: int, result: Path, *, partial: bool = False) -> Figures:
        """Run a contestant that writes its rows into `result`; `partial`: only of the minutes that it has closed."""
        result.unlink(missing_ok=True)
        measured = run_to_done(command, WORK / f"{name}.log", TIMEOUT)
        got, wanted = read_rows(result), self.wanted(count)
        if partial:
            closed = {(region, minute) for region, _, minute in got}
            wanted = {row: counts for row, counts in wanted.items() if (row[0], row[2]) in closed}
        return self.figures(name, count, measured, differences(wanted, got))


def limit(bench: Bench, name: str) -> Figures:
    """Run one of benchmarks.limits."""
    which = name.removeprefix("limit-")
    result = WORK / f"{name}.rows"
    command = [sys.executable, "-m", "benchmarks.limits", which, bench.bootstrap, TOPIC, str(result)]
    if which != "getmany":
        return bench.of_file(name, command, bench.events, result)
    measured = run_to_done(command, WORK / f"{name}.log", TIMEOUT)
    missing = records_of(bench.columns, bench.events) - int(result.read_text("ascii"))
    return bench.figures(name, bench.events, measured, abs(missing))


def ours(bench: Bench, name: str) -> Figures:
    """Run the worker."""
    measured, got = worker.run(bench.bootstrap, PREFIX, worker.last_minute(bench.columns, bench.events), TIMEOUT)
    return bench.figures(name, bench.events, measured, differences(bench.wanted(bench.events), got))


def replayed(bench: Bench, name: str) -> Figures:
    """Run a replay on both cores, or its limit, or the backfill of a day."""
    events, result = bench.events, WORK / f"{name}.rows"
    if name == "limit-replay":
        measured = replay.limit(bench.bootstrap, TOPIC, result)
        wrong = differences(bench.wanted(events), read_rows(result))
    elif name == "replay":
        measured, wrong = replay.replay(bench.bootstrap, PREFIX, bench.columns, events)
    else:
        events = min(replay.DAY_EVENTS, events)
        measured, wrong = replay.backfill(bench.bootstrap, events)
    return bench.figures(name, events, measured, wrong, replay.PROCESSES)


def streams(bench: Bench, name: str) -> Figures:
    """Run one of the two with Kafka Streams."""
    slow = name.endswith("dsl")
    topic, count = (PART_TOPIC, bench.part) if slow else (TOPIC, bench.events)
    result, folder = WORK / f"{name}.rows", _empty(name)
    arguments = [bench.bootstrap, topic, str(records_of(bench.columns, count)), str(result), str(folder)]
    return bench.of_file(
        name, java.command("kafka-streams", "StreamsDsl" if slow else "StreamsHeap", *arguments), count, result
    )


def flink(bench: Bench, name: str) -> Figures:
    """Run Flink."""
    result = WORK / f"{name}.rows"
    arguments = [bench.bootstrap, TOPIC, "", str(result)]
    return bench.of_file(name, java.command("flink", "FlinkWindows", *arguments), bench.events, result)


def quixstreams(bench: Bench, name: str) -> Figures:
    """Run quixstreams, which has an environment of its own since it is no dependency of ours."""
    home, result = WORK / "quixstreams", WORK / f"{name}.rows"
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "-r", str(QUIX / "requirements.txt")], check=True
        )
        (home / "ready").touch()
    arguments = [
        bench.bootstrap,
        PART_TOPIC,
        str(records_of(bench.columns, bench.part)),
        str(result),
        str(_empty(name)),
    ]
    return bench.of_file(name, [str(python), str(QUIX / "windows.py"), *arguments], bench.part, result, partial=True)


CONTESTANTS: Final[dict[str, Callable[[Bench, str], Figures]]] = {
    "limit-getmany": limit,
    "limit-fold": limit,
    "limit-columnar": limit,
    "worker": ours,
    "limit-replay": replayed,
    "replay": replayed,
    "backfill-day": replayed,
    "kafka-streams-heap": streams,
    "kafka-streams-dsl": streams,
    "flink": flink,
    "quixstreams": quixstreams,
}
ON_A_PART: Final = frozenset({"kafka-streams-dsl", "quixstreams"})


def _empty(name: str) -> Path:
    folder = WORK / f"{name}-state"
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def run(names: list[str], events: int) -> tuple[list[Figures], list[str]]:
    """Run the contestants; give their figures, and what went wrong."""
    columns, _ = columns_and_values()
    figures: list[Figures] = []
    faults: list[str] = []
    with on_core(BROKER_CORE) as release:
        broker = EmbeddedBroker(_empty("broker"))
        broker.start()
        try:
            release()
            bench = Bench(broker.bootstrap, columns, events)
            asyncio.run(_fill(bench, names))
            os.sched_setaffinity(0, {BROKER_CORE})
            for name in names:
                try:
                    figures.append(CONTESTANTS[name](bench, name))
                except ContestantError as error:
                    faults.append(f"{name}: {error}")
                    print(faults[-1], flush=True)
                else:
                    print(line(figures[-1]), flush=True)
        finally:
            broker.stop()
    return figures, faults


async def _fill(bench: Bench, names: list[str]) -> None:
    started = time.perf_counter()
    settings = KafkaSettings(embedded=False, bootstrap_servers=bench.bootstrap)
    await ensure_topics(settings, TopicSettings(prefix=PREFIX))
    if not ON_A_PART.issuperset(names):
        await produce(bench.bootstrap, TOPIC, bench.events)
    if not ON_A_PART.isdisjoint(names):
        await make_topic(bench.bootstrap, PART_TOPIC)
        await produce(bench.bootstrap, PART_TOPIC, bench.part)
    print(f"the load is in Kafka after {time.perf_counter() - started:.1f} s", flush=True)


def line(one: Figures) -> str:
    """Write a line of the table."""
    return (
        f"{one.name:20} {one.events_per_second:>12,.0f} {one.cpu_seconds_per_million:>14.2f} {one.peak_mib:>10,.0f} "
        f"{'yes' if one.exact else 'NO':>6} {one.cores:>6} {one.events:>11,}"
    )


def ratios(figures: dict[str, Figures]) -> list[str]:
    """Say how a replay stands to the live worker and to its limit, and how long the backfill took."""
    words = []
    for other in ("worker", "limit-replay"):
        if "replay" in figures and other in figures:
            ratio = figures["replay"].events_per_second / figures[other].events_per_second
            words.append(f"replay: {ratio:.2f} times the events/s of {other}")
    if "backfill-day" in figures:
        one = figures["backfill-day"]
        words.append(f"backfill-day: {one.events / one.events_per_second:.1f} s until the running Prometheus answers")
    return words


HEADING: Final = (
    f"{'':20} {'events/s':>12} {'CPU s/million':>14} {'peak MiB':>10} {'exact':>6} {'cores':>6} {'events':>11}"
)


def write_latest(figures: list[Figures]) -> None:
    """Put the figures into latest.json, among those of contestants that did not run now."""
    known = {}
    if LATEST.exists():
        known = {one.name: one for one in msgspec.json.decode(LATEST.read_bytes(), type=list[Figures])}
    known |= {one.name: one for one in figures}
    ordered = [known[name] for name in CONTESTANTS if name in known]
    LATEST.write_bytes(msgspec.json.format(msgspec.json.encode(ordered), indent=2) + b"\n")


def main() -> int:
    """Run all contestants, or those that are named; exit code 1 where one failed or was not exact."""
    parser = argparse.ArgumentParser(description="Compare the worker with its limits and its peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(CONTESTANTS)}; all where none")
    parser.add_argument("--events", type=int, default=EVENTS, help="take only the first EVENTS events of the load")
    options = parser.parse_args()
    if unknown := set(options.names) - CONTESTANTS.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it complains while a new topic has no leader yet
    started = time.perf_counter()
    figures, faults = run(options.names or list(CONTESTANTS), options.events)
    if options.events == EVENTS:
        write_latest(figures)
    print(f"\n{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {_machine()}, {time.perf_counter() - started:.0f} s in all\n")
    print(HEADING)
    for one in figures:
        print(line(one))
    for words in ratios({one.name: one for one in figures}):
        print(words)
    return 1 if faults or not all(one.exact for one in figures) else 0


def _machine() -> str:
    models = [
        text.partition(":")[2].strip()
        for text in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        if text.startswith("model name")
    ]
    return f"{len(models)} cores of {models[0]}, Linux {platform.release()}, CPython {platform.python_version()}"


if __name__ == "__main__":
    raise SystemExit(main())
