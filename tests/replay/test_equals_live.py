"""Whatever the log, replay equals live byte for byte: in activity and transitions, and it has each status of live."""

from __future__ import annotations

import datetime as dt
import random

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from schemas.codec import encode
from schemas.config import Campaign, Goal
from schemas.events import Event, Heartbeat
from streams.measures.engagement.entries import flush
from streams.measures.engagement.layout import engagement_settings
from streams.measures.partitioning import partition_of
from streams.replay.partition import PartitionReplay
from tests.support.replaying import Live, Log, Published, plan_of, published, replay, world, write

PARTITIONS = 3
REGIONS = {"jun": 1, "granada": 1, "tokyo": 2}
CAMPAIGNS = (
    Campaign("green", tags=("tag1", "tag2")),
    Campaign("safety", tags=("tag2", "tag3"), regions=("jun",), start=dt.date(2025, 2, 20), goal=Goal(people=40)),
)
WORLD = world(REGIONS, PARTITIONS, *CAMPAIGNS)
MINUTE = 60_000
BEGIN = 29_000_000 * MINUTE
SOURCES = ("chat", "posts")

happenings = st.lists(
    st.one_of(
        st.tuples(
            st.just("event"),
            st.sampled_from([*REGIONS, "elsewhere"]),
            st.sampled_from([0, 0, 1, 5, 40, 700, 12_000]),
            st.integers(0, 30),
            st.sampled_from(["post", "reply", "view"]),
        ),
        st.tuples(st.just("again"), st.integers(0, 1_000)),
        st.tuples(st.just("beats"), st.sampled_from([0, 1, 1, 2, 15]), st.sampled_from(["both", "both", *SOURCES])),
        st.tuples(st.just("rubbish"), st.sampled_from([b"", b"[]", b"not json", None])),
    ),
    max_size=120,
)
"""Events (region, minutes late, actor, kind), repeats, time that goes on while both sources or only one is there."""


def log_of(drawn) -> Log:
    log: Log = {partition: [] for partition in range(PARTITIONS)}
    events: list[Event] = []
    now = BEGIN
    beat(log, now, SOURCES)
    for what, *how in [*drawn, ("beats", 5, "both"), ("beats", 1, "both")]:
        if what == "event":
            region, late, actor, kind = how
            event = Event(
                id=str(len(events)), at=max(now - late * MINUTE, 0), region=region, actor=f"{region}-{actor}",
                kind=kind, source=SOURCES[actor % 2], tags=(f"tag{actor % 7}",), labels=(f"Tag{actor % 7}",),
            )  # fmt: skip
            events.append(event)
            send(log, event)
        elif what == "again" and events:
            send(log, events[how[0] % len(events)])
        elif what == "beats":
            minutes, who = how
            for _ in range(minutes or 1):
                now += MINUTE if minutes else 0
                beat(log, now, SOURCES if who == "both" else (who,))
        elif what == "rubbish":
            log[len(events) % PARTITIONS].append(how[0])
    return log


def send(log: Log, event: Event) -> None:
    log[partition_of(event.region, event.actor, REGIONS.get(event.region, 1), PARTITIONS)].append(encode(event))


def beat(log: Log, now: int, sources, timeout: int = 15_000) -> None:
    for source in sources:
        value = encode(Heartbeat(source, "ok", clock=now, complete_to=now, timeout=timeout, lateness=MINUTE))
        for values in log.values():
            values.append(value)


@settings(max_examples=60, deadline=None)
@given(happenings, st.integers(0, 1 << 20), st.sampled_from([1, 7, 1_000]))
def test_a_replay_gives_what_live_gave_through_crashes_in_any_order_and_runs_of_any_size(drawn, seed, run) -> None:
    log = log_of(drawn)
    equal(Live(WORLD, log, random.Random(seed)).run(), published(WORLD, replay(WORLD, log, run=run)))


def equal(live: Published, again: Published) -> None:
    assert again.activity == live.activity
    for region in REGIONS:
        assert again.statuses[region][-1] == live.statuses[region][-1]
        assert set(live.statuses[region]) <= set(again.statuses[region])
        assert again.transitions[region] == live.transitions[region]


STEP = 3 * 60 * MINUTE
PAST_STEPS = 22 * 8
NEVER_DOWN = 30 * STEP


def step(log: Log, number: int, present) -> None:
    """Let three hours pass in which some people of the regions that are `present` post."""
    now = BEGIN + number * STEP
    for place, region in enumerate(sorted(present)):
        for one in range(3):
            actor = (number * 7 + one * 11) % 31
            event = Event(
                f"{number}-{place}-{one}", now - one * MINUTE, region, f"{region}-{actor}", "post", SOURCES[actor % 2],
                (f"tag{actor % 7}",),
            )  # fmt: skip
            send(log, event)
            if one == 2 and number % 5 == 0:
                send(log, event)  # its source repeats it
    beat(log, now, SOURCES, NEVER_DOWN)


ALWAYS = frozenset(REGIONS)


@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(st.sets(st.sampled_from(["jun", "tokyo"])), min_size=8, max_size=40), st.integers(0, 1 << 20))
@example([{"tokyo"}] * 30 + [ALWAYS] * 3, 7)
def test_a_replay_tells_the_silences_that_live_told_after_weeks_of_history(present, seed) -> None:
    log: Log = {partition: [] for partition in range(PARTITIONS)}
    for number in range(PAST_STEPS):
        step(log, number, ALWAYS)
    past = {partition: len(values) for partition, values in log.items()}
    for number, those in enumerate(present, PAST_STEPS):
        step(log, number, {"granada", *those})
    # docs/replay.md tells of what does not hold: partitions that are far apart, here with everything silent at once
    live = Live(WORLD, log, random.Random(seed), runs=(1, 3, 8), apart=360).begin(past).run()
    again = published(WORLD, replay(WORLD, log, run=1_000))
    equal(live, again)
    if present[:30] == [{"tokyo"}] * 30:
        assert [b'"new":"silent"' in one for one in again.transitions["jun"]].count(True) == 1


def test_a_replay_tells_the_night_in_which_everything_fell_silent_as_live_told_it() -> None:
    log: Log = {partition: [] for partition in range(PARTITIONS)}
    for number in range(PAST_STEPS):
        step(log, number, ALWAYS)
    past = {partition: len(values) for partition, values in log.items()}
    for number, those in enumerate([*[()] * 24, {"jun"}, {"tokyo", "granada"}, {"granada"}, ALWAYS], PAST_STEPS):
        step(log, number, those)
    # a line that keeps up: each minute is closed by all partitions before the next is by any, in any order within it
    live = Live(WORLD, log, random.Random(7), runs=(1,), apart=0).begin(past)
    told = live.run()
    again = replay(WORLD, log, run=1_000)
    equal(told, published(WORLD, again))
    whole = [encode(one) for minute in again.minutes for one in minute.transitions if one.scope == "whole"]
    assert whole
    assert [encode(one) for one in live.transitions if one.scope == "whole"] == whole


@settings(max_examples=25, deadline=None)
@given(happenings, st.integers(0, 1 << 20))
def test_a_replay_that_is_killed_and_goes_on_gives_what_one_in_one_go_gives(drawn, seed) -> None:
    log = log_of(drawn)
    chance = random.Random(seed)
    plan = plan_of(log)
    tables: dict[int, dict[bytes, bytes]] = {partition: {} for partition in log}

    def cut(partition: int, lane: PartitionReplay) -> PartitionReplay:
        if chance.random() < 0.5:
            return lane
        write(tables[partition], flush(lane.fold))
        return PartitionReplay(engagement_settings(partition, *WORLD), tables[partition], plan, partition)

    assert published(WORLD, replay(WORLD, log, run=9, cut=cut)) == published(WORLD, replay(WORLD, log))
