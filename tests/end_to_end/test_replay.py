"""A replay beside a real line: it finds what live published, goes on after a kill, and touches nothing that is live."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
import subprocess
from functools import partial
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from schemas.codec import encode
from schemas.events import Event
from schemas.topics import TOPICS
from streams.kafka import client_arguments, topic_name
from streams.measures.partitioning import partition_of
from tests.support.follow import Follow
from tests.support.line import PARTITIONS, Line, until
from tests.support.programs import fetch, jun, prometheus
from tests.support.stream import BEGIN, REGIONS, SHARD_COUNT, SHARDS, Stream, Wire, produce

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.programs import Prometheus

pytestmark = pytest.mark.end_to_end

PROMETHEUS = "storage: { tsdb: { out_of_order_time_window: 1d } }"
RECEIVER = (
    "--web.enable-remote-write-receiver",
    "--storage.tsdb.retention.time=20y",
    # no blocks of the head meanwhile: Prometheus 2.42 loses samples now and then where both go on at once
    "--storage.tsdb.min-block-duration=1d",
    "--storage.tsdb.max-block-duration=1d",
)
FROM = f"{dt.datetime.fromtimestamp(BEGIN * 60, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


async def run(line: Line, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = jun("replay", "--config", str(line.folder / "jun.toml"), *arguments)
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, env={**os.environ, "JUN_DEBUG": "1"}, check=False
    )


async def everything_live(line: Line) -> dict[str, object]:
    """The ends of all topics, all consumer groups with their offsets."""
    seen: dict[str, object] = {}
    async with AIOKafkaConsumer(**client_arguments(line.kafka), isolation_level="read_committed") as consumer:
        names = {topic_name(line.topics, topic.name): topic for topic in TOPICS}
        assert names.keys() <= await consumer.topics()
        places = [
            TopicPartition(name, number)
            for name, topic in names.items()
            for number in range(PARTITIONS if topic.partitioned else 1)
        ]
        seen["ends"] = await consumer.end_offsets(places)
        seen["topics"] = sorted(await consumer.topics())
    admin = AIOKafkaAdminClient(**client_arguments(line.kafka))
    await admin.start()
    try:
        groups = sorted(name for name, _ in await admin.list_consumer_groups())
        seen["groups"] = {name: await admin.list_consumer_group_offsets(name) for name in groups}
    finally:
        await admin.close()
    return seen


async def live(line: Line, stream: Stream, minutes: int) -> None:
    """Let a worker take some minutes of the stream, and stop it."""
    async with Follow(line, "activity") as follow:
        await produce(line, stream.minutes(minutes))
        await produce(line, stream.end())
        worker = line.worker()
        await follow.until_closed(stream.last, SHARD_COUNT, worker)
        await line.until_committed(worker)
        await worker.stop()


@pytest.mark.timeout(600)
async def test_a_replay_finds_nothing_else_than_live_and_names_what_has_changed_since(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    stream = Stream(9, events_a_minute=40)
    async with Line(tmp_path, kafka, topic_prefix, REGIONS, shards=SHARDS) as line:
        await live(line, stream, 45)
        found = await run(line, "--from", FROM, "--verify")
        assert found.returncode == 0, found.stdout + found.stderr
        assert "No values differ" in found.stdout

        ages = ("--from", "2020-01-01T00:00Z", "--to", "2020-01-02T00:00Z")
        for what in (("--verify",), ("--out", "om", str(tmp_path / "none"))):
            found = await run(line, *ages, *what)
            assert found.returncode == 1, found.stdout
            assert "jun replay topics" in found.stderr

        other = tmp_path / "other.toml"
        text = (tmp_path / "jun.toml").read_text()
        other.write_text(text.replace("[privacy]", "[silence]\nfalse_alarms_per_week = 5\n[privacy]"))
        found = await run(line, "--from", FROM, "--with", str(other))
        assert found.returncode == 0, found.stdout + found.stderr
        assert "0 alerts would have come, 0 gone, 0 moved" in found.stdout

        late = Event("late", (BEGIN + 20) * 60_000, "granada", "nobody", "post", "chat")
        place = partition_of("granada", "nobody", 1, PARTITIONS)
        await produce(line, [Wire(place, b"granada", encode(late)), *stream.end()])
        regions = tmp_path / "regions.toml"
        regions.write_text(regions.read_text().replace('"jun"\nheadcount = 500', '"jun"\nheadcount = 400'))
        found = await run(line, "--from", FROM, "--verify")
        assert found.returncode == 1, found.stdout + found.stderr
        granada = next(text for text in found.stdout.splitlines() if "activity granada" in text)
        assert "revision" in granada
        assert "late event" in granada or "never published" in granada
        assert any("regions jun" in text and "headcount changed" in text for text in found.stdout.splitlines())


@pytest.mark.timeout(600)
async def test_a_killed_replay_goes_on_and_writes_what_one_in_one_go_writes_and_nothing_that_is_live(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    stream = Stream(10, events_a_minute=10)
    async with Line(tmp_path, kafka, topic_prefix, REGIONS, shards=SHARDS) as line:
        await live(line, stream, 400)
        address = await line.exporter()
        await until(lambda: "jun_region_events_by_kind_total" in fetch(address)[1], "the exporter")
        before, page = await everything_live(line), shown(fetch(address)[1])

        whole = tmp_path / "whole"
        done = await run(line, "--from", FROM, "--out", "om", str(whole))
        assert done.returncode == 0, done.stdout + done.stderr

        killed = tmp_path / "killed"
        await killed_and_again(line, "--from", FROM, "--out", "om", str(killed))
        assert {file.name: file.read_bytes() for file in killed.glob("*.om")} == {
            file.name: file.read_bytes() for file in whole.iterdir()
        }
        assert len(list(whole.iterdir())) >= 4
        check_openmetrics(min(whole.iterdir()))

        with prometheus(tmp_path / "prometheus", PROMETHEUS, *RECEIVER) as server:
            url = f"{server.address}/api/v1/write"
            told = await killed_and_again(line, "--from", FROM, "--out", "remote-write", url)
            assert "samples were sent" in told.splitlines()[-1]  # none refused, dropped or of another value
            assert samples_of(server) == {one for file in whole.iterdir() for one in samples_in(file)}

        told = await killed_and_again(line, "--from", FROM, "--verify", how=signal.SIGINT)
        assert "No values differ" in told
        assert await everything_live(line) == before
        assert shown(fetch(address)[1]) == page


async def killed_and_again(line: Line, *arguments: str, how: int = signal.SIGKILL) -> str:
    """Kill a replay once it has something to go on from; give what the same command says then."""
    command = jun("replay", "--config", str(line.folder / "jun.toml"), *arguments)
    cuts = line.folder / "state" / "replay"
    for _ in range(5):  # on a busy machine it may have ended before the signal comes; then it has left nothing
        process = subprocess.Popen(  # noqa: ASYNC220 (quick)
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            # what a shell starts in the background ignores SIGINT, and so does all that it starts
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 (one thread)
        )
        await until(lambda: list(cuts.glob("*/cut.msgpack")) or process.poll() is not None, "the first cut")  # noqa: B023
        process.send_signal(how)
        said, _ = process.communicate()
        if process.returncode:
            break
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "is kept, and the same command goes on there" in said.splitlines()[-1]
    done = await run(line, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Going on at" in done.stdout
    assert not list(cuts.iterdir())
    return done.stdout


Sample = tuple[tuple[tuple[str, str], ...], float, float]
"""Labels with the name, time (s), value."""


def samples_in(file: Path) -> Iterator[Sample]:
    for family in text_string_to_metric_families(file.read_text("utf-8")):
        for one in family.samples:
            yield labels({"__name__": one.name, **one.labels}), float(one.timestamp), float(one.value)


def samples_of(server: Prometheus) -> set[Sample]:
    """Give all samples of the stream's time; a time that comes twice in a series fails."""
    found: set[Sample] = set()
    stop = (BEGIN + 24 * 60) * 60
    for series in server.get("query", query='{job="jun"}[1d]', time=str(stop))["result"]:
        times = [float(when) for when, _ in series["values"]]
        assert times == sorted(set(times))
        found |= {(labels(series["metric"]), float(when), float(value)) for when, value in series["values"]}
    return found


def labels(given: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Sort labels; an empty one is none for Prometheus."""
    return tuple(sorted((name, value) for name, value in given.items() if value))


def shown(page: str) -> list[str]:
    return [text for text in page.splitlines() if text.startswith(("jun_region", "jun_tag", "jun_dead"))]


def check_openmetrics(file: Path) -> None:
    """Valid, sorted, one sample a time, within the two hours that its name says."""
    text = file.read_text("utf-8")
    assert text.endswith("\n# EOF\n")
    begin = dt.datetime.strptime(file.name, "jun-%Y%m%dT%H%MZ.om").replace(tzinfo=dt.UTC).timestamp()
    assert begin % 7200 == 0
    samples = 0
    for family in text_string_to_metric_families(text):
        series: dict[tuple[tuple[str, str], ...], list[float]] = {}
        for sample in family.samples:
            series.setdefault((("", sample.name), *sorted(sample.labels.items())), []).append(float(sample.timestamp))
        for times in series.values():
            assert times == sorted(set(times))
            assert begin <= times[0] <= times[-1] < begin + 7200
            samples += len(times)
    assert samples > 1_000
