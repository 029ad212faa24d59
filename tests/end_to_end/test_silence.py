"""Four weeks made of the real posts: a region is held back, and a source stops; the line tells them apart."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from schemas.codec import encode
from schemas.events import Event, Heartbeat
from streams.measures.partitioning import partition_of_region
from tests.support import tweets
from tests.support.follow import Follow
from tests.support.line import PARTITIONS, Line
from tests.support.stream import Wire, produce

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schemas.regions import Transition

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(240)]

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
BEGIN = 1_503_792_000_000
STRETCH = 24 * 24
"""70 minutes of posts become 28 days."""
HELD = "region-3"
HELD_FROM, HELD_TO = 15 * DAY, 18 * DAY
STOPPED = "east"
STOPPED_FROM, STOPPED_TO = 22 * DAY, 24 * DAY
END = 27 * DAY
SOURCES = {"west": tweets.REGIONS[:6], STOPPED: tweets.REGIONS[6:]}
TIMEOUT = 3 * HOUR


def stretched(posts: list[dict[str, str]]) -> Iterator[tuple[int, Event]]:
    """Give the posts that are sent, with the ms since the beginning."""
    first = dt.datetime.fromisoformat(posts[0]["created_at"])
    for post in posts:
        seconds = (dt.datetime.fromisoformat(post["created_at"]) - first).total_seconds()
        since = int(seconds * 1000 * STRETCH)
        region = post["region"]
        source = next(name for name, regions in SOURCES.items() if region in regions)
        held = region == HELD and HELD_FROM <= since < HELD_TO
        stopped = source == STOPPED and STOPPED_FROM <= since < STOPPED_TO
        if since < END and not held and not stopped:
            at = BEGIN + since
            yield (
                since,
                Event(
                    post["id"], at, region, post["screen_name"], "post", source, tuple(tweets.tags(post["text"]))[:32]
                ),
            )


def log(posts: list[dict[str, str]]) -> list[list[Wire]]:
    """Give the log by days: posts, and between them an hourly heartbeat of each source that lives."""
    timed: list[tuple[int, Wire]] = []
    for since, event in stretched(posts):
        partition = partition_of_region(event.region, PARTITIONS)
        timed.append((since, Wire(partition, event.region.encode(), encode(event))))
    for since in range(HOUR, END + 1, HOUR):
        for source, regions in SOURCES.items():
            if source == STOPPED and STOPPED_FROM < since < STOPPED_TO:
                continue
            clock = BEGIN + since
            beat = Heartbeat(source, "ok", clock, clock, timeout=TIMEOUT, regions=tuple(regions))
            timed += [(since, Wire(partition, None, encode(beat))) for partition in range(PARTITIONS)]
    timed.sort(key=lambda one: one[0])
    return [[wire for since, wire in timed if day * DAY < since <= (day + 1) * DAY] for day in range(END // DAY)]


def history(transitions: list[Transition], region: str) -> list[tuple[int, str]]:
    """Give the verdicts of a region, each with the ms since the beginning."""
    return [(one.at - BEGIN, one.new) for one in transitions if one.region == region]


async def test_a_region_held_back_turns_silent_and_back_and_a_stopped_source_makes_its_regions_unknown(
    kafka: str, topic_prefix: str, tmp_path: Path, shared_data: Path
) -> None:
    # one false alarm in twenty years a region: twelve regions at the usual rate would have one here by right
    rare = "[silence]\nfalse_alarms_per_week = 0.001"
    posts = tweets.read(shared_data)
    resumed_at = min(since for since, event in stretched(posts) if event.region == HELD and since >= HELD_TO)
    async with (
        Line(tmp_path, kafka, topic_prefix, tweets.REGIONS, more=rare) as line,
        Follow(line, "activity", "regions", "alerts") as follow,
    ):
        worker = line.worker()
        for day, wires in enumerate(log(posts), 1):
            await produce(line, wires)  # the regions go on together, as they do in life
            last = (BEGIN + day * DAY) // MINUTE - 3
            await follow.until_closed(last, len(tweets.REGIONS), worker)
        await follow.until(
            lambda: (
                len(follow.statuses) == len(tweets.REGIONS)
                and min(status.minute for status in follow.statuses.values()) >= last
            ),
            "the statuses of all regions",
            worker,
        )
        await follow.to_end()
        told = {region: history(follow.transitions, region) for region in tweets.REGIONS}

        silences = [
            (region, at) for region, verdicts in told.items() for at, verdict in verdicts if verdict == "silent"
        ]
        assert [region for region, _ in silences] == [HELD], told
        ((_, silent_at),) = silences
        assert HELD_FROM < silent_at < HELD_TO
        ended_at, after = next((at, verdict) for at, verdict in told[HELD] if at > silent_at)
        assert after == "active"
        assert ended_at == (resumed_at // MINUTE + 1) * MINUTE, "the first post ends it"

        for region in tweets.REGIONS:
            unknown = [at for at, verdict in told[region] if verdict == "unknown" and at >= HELD_TO]
            if region in SOURCES[STOPPED]:
                assert len(unknown) == 1, told[region]
                assert STOPPED_FROM <= unknown[0] <= STOPPED_FROM + TIMEOUT + 2 * HOUR
                back = next(at for at, verdict in told[region] if at > unknown[0])
                assert back >= STOPPED_TO - HOUR
            else:
                assert not unknown, told[region]
            assert follow.statuses[region].verdict in {"active", "quiet"}
