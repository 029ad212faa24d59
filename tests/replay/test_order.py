"""What of a replay depends neither on crashes, nor on the size of its runs, nor on which shard was quicker."""

from __future__ import annotations

import pytest

from schemas.activity import Activity, SourceState, Windows
from schemas.codec import encode
from schemas.events import Event, Heartbeat
from streams.measures.engagement.entries import flush, restore
from streams.measures.engagement.layout import engagement_settings
from streams.measures.regions.fold import RegionsFold, RegionsSettings
from streams.replay.partition import PartitionReplay
from tests.support.replaying import plan_of, world

MINUTE = 60_000
BEGIN = 29_000_000
WORLD = world({"jun": 1, "tokyo": 2}, 1)


def beat(minute: int, status: str = "ok") -> bytes:
    at = (BEGIN + minute) * MINUTE
    return encode(Heartbeat("chat", status, clock=at, complete_to=at, timeout=15_000, lateness=MINUTE))


def event(minute: int, region: str = "elsewhere") -> bytes:
    at = (BEGIN + minute) * MINUTE
    return encode(Event(id=str(minute), at=at, region=region, actor=f"{region}-1", kind="post", source="chat"))


@pytest.mark.parametrize("steps", [1, 2])
def test_a_region_beyond_the_directory_begins_with_its_first_event_though_a_crash_left_entries_of_it(
    steps: int,
) -> None:
    log = [*map(beat, range(6)), event(6), beat(7), beat(8), event(8), beat(9), beat(10)]
    settings = engagement_settings(0, *WORLD)
    table: dict[bytes, bytes] = {}
    fold = restore(settings, {})
    fold.fold(range(3), log[:3])
    for step in flush(fold).steps():
        table.update(step)
    fold.fold(range(3, len(log)), log[3:])
    for step in list(flush(fold).steps())[:steps]:
        table.update(step)
    assert any(key.startswith(b"elsewhere") for key in table)
    told = restore(settings, table).fold(range(3, len(log)), log[3:]).published
    # The event of minute 6 is read when the minutes before 4 are closed; the source lags by one.
    assert next(one for one in told if one.region == "elsewhere").minute == BEGIN + 5


def test_a_region_that_has_begun_goes_on_after_a_crash_though_no_event_comes() -> None:
    log = [*map(beat, range(3)), event(3), beat(4), beat(5)]
    settings = engagement_settings(0, *WORLD)
    table: dict[bytes, bytes] = {}
    fold = restore(settings, {})
    fold.fold(range(len(log)), log)
    for step in flush(fold).steps():
        table.update(step)
    again = restore(settings, table)
    published = again.fold([len(log)], [beat(6)]).published
    assert ("elsewhere", BEGIN + 4) in [(one.region, one.minute) for one in published if isinstance(one, Activity)]


@pytest.mark.parametrize("region", ["jun", "elsewhere"])
def test_a_late_revision_belongs_to_the_minute_that_was_open_whatever_the_size_of_the_runs(region: str) -> None:
    log = [beat(0), beat(1), beat(2), event(-9, region), beat(2, "down"), beat(3), beat(4)]
    given = []
    for run in (1, len(log)):
        lane = PartitionReplay(engagement_settings(0, *WORLD), {}, plan_of({0: log}), 0)
        outs = [
            out
            for begin in range(0, len(log), run)
            for out in lane.take(range(begin, min(begin + run, len(log))), log[begin : begin + run], begin + run)
        ]
        given.append(outs)
    assert given[0] == given[1]
    revised = [out.key for out in given[0] if b'"revision":1' in out.value]
    assert revised == [BEGIN + 1]


def closed(minute: int, shard: int, span: int = 1) -> bytes:
    windows = Windows([], [], [], [], [], [], [])
    sources = {"chat": SourceState("ok", 0, minute * MINUTE)}
    return encode(
        Activity("tokyo", minute, 0, 0, 0, {}, {}, shard=shard, shards=2, span=span, windows=windows, sources=sources)
    )


def statuses(values: list[bytes], *, every: bool) -> list[bytes]:
    fold = RegionsFold(RegionsSettings(*WORLD))
    return [encode(one) for at, raw in enumerate(values) for one in fold.fold([at], [raw], every=every).statuses]


def test_every_status_that_shards_pass_through_is_given_whichever_shard_was_quicker() -> None:
    one_by_one = [closed(9, 0, span=9), closed(7, 1), closed(8, 1), closed(9, 1)]
    at_once = [closed(7, 1), closed(8, 1), closed(9, 1), closed(9, 0, span=9)]
    assert statuses(one_by_one, every=True) == statuses(at_once, every=True)
    assert len(statuses(at_once, every=True)) == 3
    assert statuses(at_once, every=False) == statuses(at_once, every=True)[-1:]
