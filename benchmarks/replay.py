"""`make bench-replay`: a replay of the load on both cores to OpenMetrics, to be read beside limit-fold and worker.

And a day of a million events backfilled into a running Prometheus, blocks included. CPU seconds are of all processes
of a contestant; the broker shares the cores with a replay. Every figure is printed, none is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from benchmarks import run, worker
from benchmarks.load import BEGIN, EVENTS, PARTITIONS, REGION_NAMES, WORK, produce
from ops.broker import EmbeddedBroker
from ops.topics import ensure_topics
from schemas.codec import encode
from schemas.config import KafkaSettings, TopicSettings
from schemas.events import Event, Heartbeat
from streams.kafka import make_producer
from streams.measures.partitioning import partition_of_region

if TYPE_CHECKING:
    from collections.abc import Callable

DAY_EVENTS: Final = 1_000_000
DAY: Final = 86_400
DAY_PREFIX: Final = "day-"
SHOWN_WITHIN: Final = 300.0


class Took(NamedTuple):
    """Wall and CPU time in s, peak memory of the largest process in MiB."""

    seconds: float
    cpu: float
    peak: float
    said: str


def measured(command: list[str]) -> Took:
    """Run a command to its end; its start is counted in, and so are the processes that it starts."""
    started = time.perf_counter()
    with (WORK / "replay.log").open("w+") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        log.seek(0)
        said = log.read().strip()
    assert status == 0, said
    return Took(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, said)


def replay(settings: Path, *arguments: str) -> Took:
    """Run `jun replay`."""
    return measured([str(Path(sys.executable).with_name("jun")), "replay", "--config", str(settings), *arguments])


def at(seconds: float) -> str:
    """Write a time as --from wants it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def two_million(bootstrap: str, events: int) -> None:
    """Time the replay of the load to OpenMetrics; the first run fills the page cache."""
    _apart(fill, bootstrap, events)
    settings = worker.configuration(bootstrap, run.PREFIX, WORK / "replay-conf")
    out = WORK / "replay-om"
    for _ in range(2):
        shutil.rmtree(out, ignore_errors=True)
        took = replay(settings, "--from", at(BEGIN / 1000), "--out", "om", str(out), "--afresh")
    print(line("replay to OpenMetrics, both cores", events, took))
    print(f"  {took.said.splitlines()[-1]}")


def _apart(job: Callable[[str, int], None], bootstrap: str, events: int) -> None:
    """Do a job in a process of its own: this one must stay small, since a child's peak begins with its parent's."""
    process = multiprocessing.get_context("spawn").Process(target=job, args=(bootstrap, events))
    process.start()
    process.join()
    assert process.exitcode == 0


def fill(bootstrap: str, events: int) -> None:
    """Write the load."""
    asyncio.run(_fill(bootstrap, events))


async def _fill(bootstrap: str, events: int) -> None:
    await ensure_topics(KafkaSettings(embedded=False, bootstrap_servers=bootstrap), TopicSettings(prefix=run.PREFIX))
    await produce(bootstrap, run.TOPIC, events)


def line(name: str, events: int, took: Took) -> str:
    """Write a line of the table."""
    return (
        f"{name:36} {events / took.seconds:>10,.0f} events/s {took.cpu / events * 1e6:>8.2f} CPU s per million "
        f"{took.peak:>6,.0f} MiB (the largest process) {took.seconds:>7.1f} s"
    )


async def _a_day(bootstrap: str, events: int, end: int) -> None:
    """Write a day of events that ends at `end` (s), with a heartbeat a minute."""
    kafka = KafkaSettings(embedded=False, bootstrap_servers=bootstrap)
    topic = f"{DAY_PREFIX}events"
    await ensure_topics(kafka, TopicSettings(prefix=DAY_PREFIX))
    begin = end - DAY
    places = {name: partition_of_region(name, PARTITIONS) for name in REGION_NAMES}
    async with make_producer(kafka) as producer:
        sent = []
        beat = begin
        for number in range(events):
            when = begin * 1000 + number * DAY * 1000 // events
            while beat * 1000 <= when:
                value = encode(Heartbeat("chat", "ok", beat * 1000, beat * 1000, timeout=86_400_000))
                sent = [await producer.send(topic, value, partition=place) for place in range(PARTITIONS)]
                beat += 60
            region = REGION_NAMES[number * 7 % len(REGION_NAMES)]
            event = Event(
                str(number), when, region, f"{region}-{number * 13 % 4_999}", "post", "chat", (f"tag{number % 60}",)
            )
            await producer.send(topic, encode(event), key=region.encode(), partition=places[region])
        value = encode(Heartbeat("chat", "ok", end * 1000, (end + 600) * 1000, timeout=86_400_000))
        sent += [await producer.send(topic, value, partition=place) for place in range(PARTITIONS)]
        await producer.flush()


def a_day(bootstrap: str, events: int) -> None:
    """Backfill a day into a running Prometheus, and wait until it answers with it."""
    end = int(time.time()) // 7_200 * 7_200 - 7_200 * 2
    asyncio.run(_a_day(bootstrap, events, end))
    settings = worker.configuration(bootstrap, DAY_PREFIX, WORK / "day-conf")
    home = WORK / "prometheus"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    (home / "prometheus.yml").write_text("scrape_configs: []\n")
    address = "127.0.0.1:19191"
    command = [
        "prometheus", f"--config.file={home / 'prometheus.yml'}", f"--storage.tsdb.path={home / 'data'}",
        f"--web.listen-address={address}",
    ]  # fmt: skip
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        started = time.perf_counter()
        took = replay(
            settings, "--from", at(end - DAY + 600), "--to", at(end), "--out", "blocks", str(home / "data"), "--afresh"
        )
        print(line("a day into TSDB blocks", events, took))
        print(f"  {took.said.splitlines()[-1]}")
        query = urllib.parse.urlencode({"query": "count(jun_region_verdict)", "time": end - 3_600})
        while time.perf_counter() - started < SHOWN_WITHIN:
            try:
                with urllib.request.urlopen(f"http://{address}/api/v1/query?{query}") as answer:
                    if json.load(answer)["data"]["result"]:
                        break
            except OSError:
                pass
            time.sleep(0.5)
        print(f"  the running Prometheus answers with it {time.perf_counter() - started:.1f} s after the start")
    finally:
        server.terminate()
        server.wait()


def main() -> int:
    """Run both."""
    parser = argparse.ArgumentParser(description="Time replays.")
    parser.add_argument("--events", type=int, default=EVENTS, help="take only the first EVENTS events of the load")
    parser.add_argument("--day", type=int, default=DAY_EVENTS, help="events of the day that is backfilled")
    options = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    folder = WORK / "replay-broker"
    shutil.rmtree(folder, ignore_errors=True)
    broker = EmbeddedBroker(folder)
    broker.start()
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load average {os.getloadavg()[0]:.1f}")
    try:
        two_million(broker.bootstrap, options.events)
        a_day(broker.bootstrap, options.day)
    finally:
        broker.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
