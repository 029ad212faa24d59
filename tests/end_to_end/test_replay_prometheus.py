"""Blocks, remote write and scrapes of one line meet in a real Prometheus: one series, no gap, no sample twice."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from schemas.codec import encode
from schemas.events import Event, Heartbeat
from streams.measures.partitioning import partition_of_region
from tests.support.follow import Follow
from tests.support.line import PARTITIONS, Line
from tests.support.programs import LOCAL, Prometheus, jun, prometheus, wait_for
from tests.support.stream import Wire, produce

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.end_to_end

REGIONS = ["granada", "jun"]
HOUR, MINUTE = 3_600, 60
SERIES = 'jun_region_events{region="jun",window="28d"}'


async def run(line: Line, *arguments: str) -> str:
    command = jun("replay", "--config", str(line.folder / "jun.toml"), *arguments)
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, env={**os.environ, "JUN_DEBUG": "1"}, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def history(begin: int, now: int) -> list[Wire]:
    """Two posts a minute in each region, and a source that beats each minute; times in s."""
    wires = []
    for at in range(begin, now, MINUTE):
        for region in REGIONS:
            for number in range(2):
                event = Event(f"{region}-{at}-{number}", at * 1000, region, f"{region}-{at % 97}", "post", "chat")
                wires.append(Wire(partition_of_region(region, PARTITIONS), region.encode(), encode(event)))
        beat = encode(Heartbeat("chat", "ok", at * 1000, at * 1000, timeout=86_400_000, lateness=120_000))
        wires += [Wire(partition, None, beat) for partition in range(PARTITIONS)]
    return wires


def samples(server: Prometheus, length: int, at: float) -> list[list[float]]:
    """Give the samples of the one series there must be, as time and value."""
    (found,) = server.get("query", query=f"{SERIES}[{length}s]", time=str(at))["result"]
    return [[float(when), float(value)] for when, value in found["values"]]


@pytest.mark.timeout(600)
async def test_a_range_over_the_borders_of_blocks_remote_write_and_scrapes_is_one_series_without_gap_or_repeat(
    kafka: str, topic_prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = int(time.time()) // MINUTE * MINUTE
    begin, border = now - 6 * HOUR, now - 3 * HOUR - 5 * MINUTE
    async with Line(tmp_path, kafka, topic_prefix, REGIONS) as line, Follow(line, "activity", "regions") as follow:
        await produce(line, history(begin, now + 1))
        worker = line.worker()
        last = (now - 2 * MINUTE) // MINUTE - 1
        await follow.until(
            lambda: len(follow.statuses) == 2 and all(one.minute >= last for one in follow.statuses.values()),
            "the last minute of both regions", worker,
        )  # fmt: skip
        address = await line.exporter()
        target = address.removeprefix("http://").removesuffix("/metrics")
        own = ["--label", f"instance={target}"]
        folder = tmp_path / "prometheus"
        told = await run(
            line, "--from", str_of(begin), "--to", str_of(border), "--out", "blocks", str(folder / "data"), *own
        )
        assert "samples in" in told
        config = f"""
            global: {{ scrape_interval: 1s }}
            storage: {{ tsdb: {{ out_of_order_time_window: 1d }} }}
            scrape_configs:
              - job_name: jun
                static_configs: [ {{ targets: ["{target}"] }} ]
        """
        with prometheus(folder, config, "--web.enable-remote-write-receiver") as server:
            await asyncio.to_thread(wait_for, lambda: server.query(SERIES), "the first scrape")
            first = samples(server, 5 * MINUTE, time.time())[0][0]
            sent = await run(
                line, "--from", str_of(border), "--to", str_of(int(first)),
                "--out", "remote-write", f"{server.address}/api/v1/write", *own,
            )  # fmt: skip
            assert "refused" not in sent
            assert "fewer" not in sent
            until = time.time()
            found = samples(server, int(until) - begin, until)

            # shown once ten people, one a minute, have taken part: at that minute's end and the lateness later;
            # then once a minute, up to the first scrape
            shown = begin + (10 + 2) * MINUTE
            replayed = [one for one in found if one[0] < int(first)]
            times = [when for when, _ in replayed]
            assert times == list(range(shown, int(times[-1]) + 1, MINUTE))
            assert int(first) - times[-1] <= 2 * MINUTE
            assert min(times) < border < max(times)
            # two posts a minute since the begin, and the scrapes go on where the replay ends
            values = [value for _, value in replayed]
            assert values == sorted(values)
            assert values[0] == 20
            assert values[-1] > 500
            scraped = [value for when, value in found if when >= int(first)]
            assert set(scraped) == {replayed[-1][1]}
            every_minute = server.get("query_range", query=SERIES, start=str(shown), end=str(int(until)), step="60")[
                "result"
            ]
            assert len(every_minute) == 1
            assert len(every_minute[0]["values"]) == (int(until) - shown) // MINUTE + 1

            # what was there keeps its value, and the replay tells
            changed = tmp_path / "regions.toml"
            changed.write_text(changed.read_text().replace("headcount = 500", "headcount = 700"))
            again = await asyncio.to_thread(
                subprocess.run,
                jun(
                    "replay", "--config", str(line.folder / "jun.toml"), "--from", str_of(border), "--to",
                    str_of(int(first)), "--out", "remote-write", f"{server.address}/api/v1/write", *own,
                ),
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert again.returncode == 1, again.stdout + again.stderr
            assert "other values" in again.stdout or "refused" in again.stdout
            with capsys.disabled():
                sys.stdout.write(f"\n{LOCAL}: {len(found)} samples over both borders\n{sent}{again.stdout}")


def str_of(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
