from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import ops
from ops.config import load
from streams.ingest.runner import Runner
from streams.ingest.simulated import FeedPosition, SimulatedSettings
from streams.ingest.simulation import HOUR, Office, Talk, posts
from streams.ingest.source import Surroundings, build, settings_of
from tests.support.ingest import NOW, Bench, events_of, heartbeats_of, until

if TYPE_CHECKING:
    from collections.abc import Callable

OFFICE = Office("granada", ZoneInfo("Europe/Madrid"), frozenset({5, 6}), 300, 320, ("Barrio",))
TALK = Talk(1, ("OneTown", "UnSoloPueblo"))
DAY = 24
TUESDAY = (dt.date(2026, 5, 26) - dt.date(1970, 1, 1)).days * DAY - 2  # local midnight in Madrid, in summer
SETTINGS: dict[str, Any] = {
    "kind": "simulated",
    "name": "simulated",
    "history_days": 2,
    "speed": 3600,
    "tags": ["OneTown"],
    "feed": [{"name": "posts", "regions": ["granada"]}, {"name": "east", "regions": ["tokyo"]}],
}


def test_an_hour_is_the_same_each_time_and_other_for_another_seed() -> None:
    assert posts(TALK, OFFICE, TUESDAY + 11) == posts(TALK, OFFICE, TUESDAY + 11)
    assert posts(TALK, OFFICE, TUESDAY + 11) != posts(Talk(2, TALK.campaign), OFFICE, TUESDAY + 11)


def test_posts_lie_within_their_hour_in_order_with_ids_of_their_own() -> None:
    hours = range(TUESDAY, TUESDAY + 7 * DAY)
    done = [one for hour in hours for one in posts(TALK, OFFICE, hour)]
    assert [one.at for one in done] == sorted(one.at for one in done)
    assert len({one.id for one in done}) == len(done)
    for hour in hours:
        assert all(hour * HOUR <= one.at < (hour + 1) * HOUR for one in posts(TALK, OFFICE, hour))


def test_a_working_day_has_about_as_many_posts_as_set_most_of_them_by_day() -> None:
    days = [[len(posts(TALK, OFFICE, TUESDAY + day * DAY + hour)) for hour in range(DAY)] for day in range(28)]
    working = [day for number, day in enumerate(days) if number % 7 not in {4, 5}]
    assert 310 < sum(map(sum, working)) / len(working) < 330
    assert sum(sum(day[9:18]) for day in working) > 0.6 * sum(map(sum, working))
    weekend = [sum(day) for number, day in enumerate(days) if number % 7 in {4, 5}]
    assert 100 < sum(weekend) / len(weekend) < 156


def test_in_busy_hours_nobody_waits_long_for_the_next_post() -> None:
    busy = [one.at for hour in range(9, 17) for one in posts(TALK, OFFICE, TUESDAY + hour)]
    assert max(later - earlier for earlier, later in pairwise(busy)) < 30 * 60_000


def make_slow(one: Bench, feed: str) -> None:
    """Let Kafka take long for the events of one feed."""
    deliver = one.outlet.deliver

    async def slowly(records: Any) -> None:
        if len(records) > one.outlet.partitions and events_of([records[0].value])[0].source == feed:
            await asyncio.sleep(0.02)
        await deliver(records)

    one.outlet.deliver = slowly


async def simulate(
    bench: Callable[..., Bench], enough: Callable[[Bench], bool], slow: str = "", **settings: Any
) -> Bench:
    """Run all feeds until there is enough, then stop them."""
    one = bench(**{**SETTINGS, **settings})
    if slow:
        make_slow(one, slow)
    pairs = [(source, one.intake if source is one.source else one.intake_of(source, None)) for source in one.sources]
    runner = Runner(pairs)
    task = asyncio.create_task(runner.run())
    await until(lambda: enough(one), task)
    runner.stop()
    await asyncio.wait_for(task, 20)
    one.close()
    return one


def live_for(minutes: int) -> Callable[[Bench], bool]:
    return lambda one: one.source.clock.live and one.source.clock() > one.source.clock.live_from + minutes * 60_000


async def test_history_comes_first_and_live_time_begins_on_the_morning_of_a_working_day(
    bench: Callable[..., Bench],
) -> None:
    one = await simulate(bench, live_for(30), begins_at="09:30")
    begin = dt.datetime.fromtimestamp(one.source.clock.live_from / 1000, dt.UTC)
    assert (begin.hour, begin.minute) == (9, 30)
    assert begin.weekday() < 4
    assert begin.timestamp() * 1000 <= NOW
    history = [event for event in one.outlet.events if event.at <= one.source.clock.live_from]
    assert min(event.at for event in history) - one.source.clock.history_from < HOUR * 6
    assert one.source.clock.live_from - one.source.clock.history_from == 2 * DAY * HOUR
    assert Counter(event.source for event in history).keys() == {"posts", "east"}
    assert {event.region for event in history} == {"granada", "tokyo"}
    assert one.outlet.letters == []
    assert any("onetown" in event.tags for event in history)


async def test_nothing_is_sent_after_a_heartbeat_has_declared_its_time_complete(bench: Callable[..., Bench]) -> None:
    one = await simulate(bench, live_for(60))
    complete: dict[str, int] = {}
    claimed = 0
    for record in one.outlet.records:
        for beat in heartbeats_of([record.value]):
            complete[beat.source] = max(beat.complete_to, complete.get(beat.source, 0))
            assert beat.reason == "simulated"
            claimed += 1
        for event in events_of([record.value]):
            assert event.at > complete.get(event.source, 0)
    assert claimed > 10


async def test_no_feed_ever_falls_behind_the_others_by_its_time_out(bench: Callable[..., Bench]) -> None:
    one = await simulate(bench, live_for(30), slow="east")
    clock = 0
    last: dict[str, Any] = {}
    for beat in one.outlet.heartbeats:
        last[beat.source] = beat
        clock = max(clock, beat.clock)
        assert all(clock - other.clock <= other.timeout for other in last.values())
    assert {beat.timeout for beat in last.values()} == {180_000}


async def test_one_region_goes_quiet_and_one_feed_dies(bench: Callable[..., Bench]) -> None:
    one = await simulate(
        bench,
        live_for(300),
        quiet_region="granada",
        quiet_after_seconds=1,
        dying_feed="east",
        dies_after_seconds=2,
    )
    begin = one.source.clock.live_from
    last = {region: max(e.at for e in one.outlet.events if e.region == region) for region in ("granada", "tokyo")}
    assert begin - HOUR < last["granada"] < begin + HOUR
    assert last["tokyo"] < begin + 2.5 * HOUR
    beats = {name: max(b.clock for b in one.outlet.heartbeats if b.source == name) for name in ("posts", "east")}
    assert beats["posts"] > begin + 4 * HOUR
    assert beats["east"] < begin + 2.5 * HOUR


async def test_a_second_start_goes_on_where_the_first_ended(bench: Callable[..., Bench]) -> None:
    first = await simulate(bench, live_for(30))
    saved = first.checkpoint.restore(FeedPosition)
    assert saved is not None
    assert max(event.at for event in first.outlet.events if event.source == "posts") <= saved.sent_to
    second = await simulate(bench, live_for(10))
    own = [event for event in second.outlet.events if event.source == "posts"]
    assert min(event.at for event in own) > saved.sent_to
    assert second.source.clock.live_from > saved.sent_to
    assert not {event.id for event in own} & {event.id for event in first.outlet.events}


def test_the_packaged_organisation_is_what_the_readme_promises() -> None:
    loaded = load(Path(ops.__file__).parent / "simulated" / "jun.toml")
    (entry,) = loaded.config.source
    settings = settings_of(entry)
    assert isinstance(settings, SimulatedSettings)
    regions = {region.name: region for region in loaded.directory.region}
    fed = [name for feed in settings.feed for name in feed.regions]
    assert sorted(fed) == sorted(regions)
    assert len(regions) == 12
    assert len({region.time_zone for region in regions.values()}) == 6
    assert all(80 <= region.headcount <= 400 for region in regions.values())
    assert [len(feed.regions) for feed in settings.feed] == [4, 4, 4]
    dying = next(feed for feed in settings.feed if feed.name == settings.dying_feed)
    assert settings.quiet_region in regions
    assert settings.quiet_region not in dying.regions
    assert "imulated" in loaded.config.organisation
    # It goes quiet in its own busy hours.
    begins = dt.datetime(2026, 5, 27, int(settings.begins_at[:2]), tzinfo=dt.UTC)
    quiet_at = begins + dt.timedelta(seconds=settings.quiet_after_seconds * settings.speed)
    local = quiet_at.astimezone(ZoneInfo(regions[settings.quiet_region].time_zone))
    assert 9 <= local.hour <= 15
    surroundings = Surroundings(loaded.config, loaded.directory, loaded.folder, lambda: NOW)
    assert [source.name for source in build(settings, surroundings)] == [feed.name for feed in settings.feed]


def test_figures_of_the_packaged_organisation_are_those_of_a_lively_campaign_on_its_way() -> None:
    loaded = load(Path(ops.__file__).parent / "simulated" / "jun.toml")
    (entry,) = loaded.config.source
    settings = settings_of(entry)
    assert isinstance(settings, SimulatedSettings)
    (campaign,) = loaded.config.campaign
    surroundings = Surroundings(loaded.config, loaded.directory, loaded.folder, lambda: NOW)
    headcounts = {region.name: region.headcount for region in loaded.directory.region}
    reached: dict[str, set[str]] = {name: set() for name in headcounts}
    for source in build(settings, surroundings):
        for office in source._offices:
            wrote: set[str] = set()
            for hour in range(TUESDAY - settings.history_days * DAY, TUESDAY):
                for one in posts(source._talk, office, hour):
                    wrote.add(one.account)
                    if any(f"#{tag}" in one.text for tag in settings.tags):
                        reached[office.name].add(one.account)
            assert 0.5 < len(wrote) / headcounts[office.name] < 0.9, office.name
    progress = sum(map(len, reached.values())) / (campaign.goal.share * sum(headcounts.values()))
    assert 0.8 < progress < 0.95
    assert campaign.goal.share < 0.7  # more than ever write could not be reached
