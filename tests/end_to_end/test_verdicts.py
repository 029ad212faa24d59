"""A region whose posts are held back is silent, it alone; all at once are a verdict of the whole; a source that stops
makes its regions unknown, and none silent.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

import pytest

from schemas.codec import encode, event_reader
from schemas.events import Event, Heartbeat
from streams.kafka import make_producer
from streams.measures.partitioning import partition_of_region
from tests.support.follow import Follow
from tests.support.line import PARTITIONS, Line
from tests.support.stream import Wire, produce
from tests.support.tweets import REGIONS, region_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.end_to_end

MINUTE = 60_000
DAY = 1_440
BEGIN = 29_000_160
STEP = 2
"""Minutes between two tweets: the 70 minutes of the evening become 17 days, all alike."""
HELD = "region-3"
FEEDS = {"east": REGIONS[:6], "west": REGIONS[6:]}
QUIET_FROM, QUIET_TO, END, STOPPED = 14 * DAY, 15 * DAY + DAY // 2, 16 * DAY, 17 * DAY + DAY // 2


def beats(minute: int, *sources: str) -> list[Wire]:
    """Give the heartbeats of some sources into every partition."""
    at = (BEGIN + minute) * MINUTE
    return [
        Wire(
            partition,
            None,
            encode(Heartbeat(name, "ok", at, at, timeout=90 * MINUTE, lateness=0, regions=tuple(FEEDS.get(name, ())))),
        )
        for name in sources
        for partition in range(PARTITIONS)
    ]


def stretched(folder: Path) -> list[Wire]:
    """Give the tweets at even distances, one region's held back in the middle, with a heartbeat each half hour."""
    wires = beats(0, "east", "west", "clock")
    with (folder / "load/mayweather-mcgregor/tweets.csv").open(newline="", encoding="utf-8") as opened:
        for number, row in enumerate(csv.DictReader(opened)):
            minute = number * STEP
            if minute >= END:
                break
            if minute % 30 == 0:
                wires += beats(minute, "east", "west", "clock")
            region = region_of(row["screen_name"])
            if region == HELD and QUIET_FROM <= minute < QUIET_TO:
                continue
            event = Event(
                id=row["id"],
                at=(BEGIN + minute) * MINUTE + 1,
                region=region,
                actor=row["screen_name"].lower(),
                kind="post",
                source="east" if region in FEEDS["east"] else "west",
                tags=tuple(dict.fromkeys(re.findall(r"#(may\w+)", row["text"].lower())))[:8],
            )
            wires.append(Wire(partition_of_region(region, PARTITIONS), region.encode(), encode(event)))
    return wires + beats(END, "east", "west", "clock")


@pytest.mark.timeout(300)
async def test_a_region_held_back_is_silent_until_it_resumes_and_a_stopped_source_makes_its_regions_unknown(
    kafka: str, topic_prefix: str, tmp_path: Path, shared_data: Path
) -> None:
    async with Line(tmp_path, kafka, topic_prefix, REGIONS) as line, Follow(line, "alerts", "regions") as follow:
        # one false alarm in twenty years a region: twelve regions at the usual rate would have one here by right
        worker = line.start("worker", environment={"JUN_SILENCE__FALSE_ALARMS_PER_WEEK": "0.001"})
        async with make_producer(line.kafka) as producer:
            sent = stretched(shared_data)
            posted = [event_reader.read(wire.value).at // MINUTE - BEGIN for wire in sent if wire.key == HELD.encode()]
            resumed = min(minute for minute in posted if minute >= QUIET_TO)
            await produce(line, sent, producer)
            await follow.until(
                lambda: (
                    len(follow.statuses) == 12
                    and min(one.minute for one in follow.statuses.values()) >= BEGIN + END - 1
                ),
                "every region at the end of the tweets",
                worker,
            )
            silent = {(one.region, one.new) for one in follow.transitions if "silent" in {one.old, one.new}}
            assert silent == {(HELD, "silent"), (HELD, "active")}
            went, came = (one.at // MINUTE - BEGIN for one in follow.transitions if "silent" in {one.old, one.new})
            assert QUIET_FROM < went < QUIET_TO
            assert came == resumed + 1, "the minute of the first post ends it"
            assert "unknown" not in {one.new for one in follow.transitions if one.old}

            for minute in range(END + 30, STOPPED, 30):  # nobody posts, but all sources live
                await produce(line, beats(minute, "east", "west", "clock"), producer)
                await follow.until(  # one partition far ahead of the other would be a backlog, and judged as one
                    lambda: min(one.minute for one in follow.statuses.values()) >= BEGIN + minute - 1,  # noqa: B023
                    "each half hour of a silent day",
                    worker,
                )
            await follow.to_end()
            whole = [one for one in follow.transitions if one.scope == "whole"]
            assert [one.new for one in whole] == ["everything is silent"]
            fell = {one.region: one for one in follow.transitions if one.new == "silent" and one.at >= came * MINUTE}
            assert {one.part_of_whole for one in fell.values() if one.at > whole[0].at} == {True}
            assert {one.everything_silent_since for one in follow.statuses.values()} == {whole[0].at}

            told = len(follow.transitions)
            for minute in range(STOPPED, STOPPED + 181, 30):  # the west's heartbeats stop
                await produce(line, beats(minute, "east", "clock"), producer)
            await follow.until(
                lambda: all(follow.statuses[region].verdict == "unknown" for region in FEEDS["west"]),
                "the regions of the source that has stopped",
                worker,
            )
            await follow.to_end()
            assert "unknown" not in {follow.statuses[region].verdict for region in FEEDS["east"]}
            for minute in range(STOPPED + 210, STOPPED + 2 * DAY, 30):  # only the clock is left
                await produce(line, beats(minute, "clock"), producer)
        await follow.until(
            lambda: all(one.minute >= BEGIN + STOPPED + DAY for one in follow.statuses.values()),
            "two more days",
            worker,
        )
        await worker.stop()
        await follow.more()
        assert {one.verdict for one in follow.statuses.values()} == {"unknown"}
        assert "silent" not in {one.new for one in follow.transitions[told:]}
        assert [one.new for one in follow.transitions if one.scope == "whole"][1:] == ["not everything is silent"]
        assert follow.transitions[told:]
