"""Ours: a real `jun worker`, measured from its first fold until every closed minute is in `activity`."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct

from benchmarks.load import PARTITIONS, REGION_NAMES, WORK
from benchmarks.measure import Contestant, ContestantError
from benchmarks.truth import MINUTE
from schemas.activity import WHOLE, Activity, ActivityRecord
from schemas.topics import ACTIVITY

if TYPE_CHECKING:
    from benchmarks.load import Columns
    from benchmarks.measure import Measured
    from benchmarks.truth import Counts, Row

FIRST_FOLD: Final = "worker.first_run"
"""The event in the worker's log at its first run of records."""


class Progress(Struct, tag_field="type", tag="activity"):
    """As much of an Activity as tells how far its region is."""

    region: str
    minute: int


class Other(Struct, tag_field="type", tag="sources"):
    """What else stands in `activity`."""


def configuration(bootstrap: str, prefix: str, folder: Path) -> Path:
    """Write a jun.toml and its directory of regions; give the former."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    regions = "\n".join(f'[[region]]\nname = "{name}"\nheadcount = 100000\n' for name in REGION_NAMES)
    (folder / "regions.toml").write_text(regions, "utf-8")
    file = folder / "jun.toml"
    file.write_text(
        f'directory = "{folder / "regions.toml"}"\n'
        f'[kafka]\nembedded = false\nbootstrap_servers = "{bootstrap}"\n'
        f'[topics]\nprefix = "{prefix}"\npartitions = {PARTITIONS}\n'
        f'[state]\nfolder = "{folder / "state"}"\n',
        "utf-8",
    )
    return file


def command(settings: Path) -> list[str]:
    """Give the command that runs the worker with these settings."""
    return [str(Path(sys.executable).with_name("jun")), "worker", "--config", str(settings)]


class Follower:
    """Reads `activity` as the worker writes it, knowing only regions and minutes while the clock runs."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
        self._partition = TopicPartition(topic, 0)
        self._progress = msgspec.json.Decoder(Progress | Other)
        self.values: list[bytes] = []
        self.reached: dict[str, int] = {}

    async def start(self) -> None:
        """Begin at the beginning of the topic."""
        await self._consumer.start()
        self._consumer.assign([self._partition])
        await self._consumer.seek_to_beginning()

    async def follow(self, wait: float) -> list[Progress]:
        """Take what has come after at most `wait` seconds."""
        got = []
        for records in (await self._consumer.getmany(timeout_ms=round(wait * 1_000))).values():
            for record in records:
                self.values.append(record.value)
                progress = self._progress.decode(record.value)
                if isinstance(progress, Progress):
                    self.reached[progress.region] = max(progress.minute, self.reached.get(progress.region, 0))
                    got.append(progress)
        return got

    async def stop(self) -> None:
        """Close the consumer."""
        await self._consumer.stop()


async def measure(bootstrap: str, prefix: str, last_minute: int, patience: float) -> tuple[Measured, list[bytes]]:
    """Run the worker until every region's `last_minute` (since the epoch) is published; give what it published too."""
    folder = WORK / "worker"
    settings = configuration(bootstrap, prefix, folder)
    follower = Follower(bootstrap, prefix + ACTIVITY)
    await follower.start()
    contestant = Contestant(command(settings), WORK / "worker.log", all_output=True)
    started = False
    try:
        contestant.begin()
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            # until its first fold the worker is only starting, and the log alone tells when that is
            if not started:
                started = any(FIRST_FOLD in line for line in contestant.lines(0.002))
                if started:
                    contestant.begin()
            else:
                contestant.lines(0)
            await follower.follow(0.002 if not started else 0.05)
            if len(follower.reached) == len(REGION_NAMES) and min(follower.reached.values()) >= last_minute:
                return contestant.end(), follower.values
            contestant.check()
        raise ContestantError(
            f"after {patience:.0f} s {len(follower.reached)} regions had reached "
            f"{min(follower.reached.values(), default=0)} of {last_minute}: {contestant.tail()}"
        )
    finally:
        contestant.close()
        await follower.stop()


def rows(values: list[bytes]) -> dict[Row, Counts]:
    """Give what the highest revision of each region and minute says; a minute without events has no row."""
    decoder = msgspec.json.Decoder(ActivityRecord)
    latest: dict[tuple[str, int], Activity] = {}
    for value in values:
        activity = decoder.decode(value)
        if isinstance(activity, Activity):
            key = activity.region, activity.minute
            known = latest.get(key)
            if known is None or activity.revision >= known.revision:
                latest[key] = activity
    found: dict[Row, Counts] = {}
    for (region, minute), activity in latest.items():
        if activity.events:
            found[region, WHOLE, minute] = activity.events, activity.actors
        for tag, counts in activity.series.items():
            found[region, tag, minute] = counts.events, counts.actors
    return found


def last_minute(columns: Columns, count: int) -> int:
    """Give the last minute (since the epoch) in which one of the first `count` events lies."""
    return int(columns.at[:count].max()) // MINUTE


def run(bootstrap: str, prefix: str, minute: int, patience: float) -> tuple[Measured, dict[Row, Counts]]:
    """Measure the worker and read what it published."""
    measured, values = asyncio.run(measure(bootstrap, prefix, minute, patience))
    return measured, rows(values)
