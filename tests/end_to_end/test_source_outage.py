"""Sources are killed: their regions are unknown after the third missed heartbeat, and none is called silent."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING

import pytest

from schemas.codec import event_reader
from schemas.events import Heartbeat
from tests.support.follow import Follow
from tests.support.line import Line

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.end_to_end

FEEDS = {"east": ["tokyo", "osaka"], "west": ["granada", "jun"]}
HEARTBEAT = 0.5
SETTINGS = f"heartbeat_seconds = {HEARTBEAT}\ntimeout_seconds = {3 * HEARTBEAT}\nlateness_seconds = 0"
SOURCES = "".join(
    f'[[source]]\nkind = "file"\nname = "{name}"\npath = "{name}.jsonl"\nregions = {regions}\n'
    for name, regions in FEEDS.items()
)


def last_clock(follow: Follow, source: str) -> int:
    """Give the clock of the last heartbeat of a source (ms)."""
    beats = (event_reader.read(raw) for raw in follow.raw)
    return max(beat.clock for beat in beats if isinstance(beat, Heartbeat) and beat.source == source)


async def test_the_regions_of_killed_sources_are_unknown_and_none_is_silent_whatever_is_left_running(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    now = dt.datetime.now(dt.UTC).isoformat()
    for name, regions in FEEDS.items():
        lines = (
            f'{{"id":"{region}","at":"{now}","account":"a","region":"{region}","kind":"post","text":"hello"}}\n'
            for region in regions
        )
        (tmp_path / f"{name}.jsonl").write_text("".join(lines))
    async with (
        Line(
            tmp_path, kafka, topic_prefix, [*FEEDS["east"], *FEEDS["west"]], sources=SOURCES, time_settings=SETTINGS
        ) as line,
        Follow(line, "events", "regions", "alerts") as follow,
    ):
        worker, clock = line.worker(), line.start("ingest", "clock")
        feeds = {name: line.start("ingest", name) for name in FEEDS}

        def verdicts(source: str) -> set[str]:
            return {follow.statuses[name].verdict if name in follow.statuses else "" for name in FEEDS[source]}

        await follow.until(
            lambda: verdicts("east") | verdicts("west") == {"learning"}, "all regions", worker, clock, *feeds.values()
        )
        for killed, others in (("east", ["west"]), ("west", [])):
            feeds[killed].kill()
            await follow.until(lambda killed=killed: verdicts(killed) == {"unknown"}, "unknown", worker, clock)
            seen = time.time()
            await follow.to_end()
            last = last_clock(follow, killed)
            after = seen - last / 1000 - 3 * HEARTBEAT
            changes = [one.at for one in follow.transitions if one.region in FEEDS[killed] and one.new == "unknown"]
            print(f"{killed} killed: its regions are seen unknown {after:.2f} s after its third missed heartbeat")
            assert len(changes) == len(FEEDS[killed])
            for region in FEEDS[killed]:
                status = follow.statuses[region]
                assert status.reason == f"source {killed} is down: its heartbeats have stopped"
                # down by the first clock of another source that the third missed heartbeat lies before
                assert last + 3 * HEARTBEAT * 1000 < status.sources[killed].since
            for other in others:
                assert verdicts(other) == {"learning"}
        assert "silent" not in {one.new for one in follow.transitions}
