"""Campaigns from the log to what is shown of them: since their first local day, redefined, and over all regions."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec
import pytest

from schemas.activity import Activity, ActivityFigures
from schemas.codec import encode
from schemas.config import Campaign, Config, Goal, TopicSettings
from schemas.directory import Directory, Region
from schemas.events import Event, Heartbeat
from streams.measures.campaigns import status_of
from streams.measures.engagement.entries import flush, restore
from streams.measures.engagement.layout import engagement_settings
from streams.measures.regions import entries as region_entries
from streams.measures.regions.fold import RegionsFold, RegionsSettings
from streams.measures.regions.shards import join
from streams.measures.regions.state import RegionState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.regions import RegionStatus
    from streams.measures.engagement.fold import PartitionFold

MINUTE = 60_000
ONE = TopicSettings(partitions=1)
MADRID = ZoneInfo("Europe/Madrid")
START, END = dt.date(2026, 3, 27), dt.date(2026, 4, 2)
"""The clocks of Madrid go forward on 29 March."""


def ms(text: str, zone: dt.tzinfo = MADRID) -> int:
    return round(dt.datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def config(**more) -> Config:
    campaign = {"tags": ("spring",), "start": START, "end": END, "goal": Goal(share=0.5), **more}
    return Config(campaign=(Campaign("c", **campaign),), topics=ONE)


class Line:
    """Both agents over a log of one partition; regions `a` and `b` in Madrid with 100 people each."""

    def __init__(self, settings: Config | None = None) -> None:
        self.config = settings or config()
        names = ("a", "b")
        self.directory = Directory(
            region=tuple(Region(name, time_zone="Europe/Madrid", headcount=100) for name in names)
        )
        self.table: dict[bytes, bytes] = {}
        self.fold = self.start()
        self.regions = RegionsFold(RegionsSettings(self.config, self.directory))
        self.region_table: dict[bytes, bytes] = {}
        self.log: list[bytes] = []
        self.now = 0
        self.sent = 0
        self.last: dict[str, Activity] = {}
        self.statuses: dict[str, RegionStatus] = {}

    def start(self) -> PartitionFold:
        """Start the engagement agent from its table."""
        return restore(engagement_settings(0, self.config, self.directory), self.table)

    def restart(self, settings: Config | None = None) -> None:
        """Write everything, and start both agents again, maybe with another configuration."""
        for step in flush(self.fold).steps():
            for key, value in step:
                self.table.pop(key, None) if value is None else self.table.update({key: value})
        if settings is not None:
            self.config = settings
            self.configure_regions(settings)
        self.fold = self.start()

    def break_off(self) -> None:
        """Die in a flush before its marker, start again, and read all that the marker before it does not know."""
        flushed = flush(self.fold)
        self.table |= {key: value for key, value in (*flushed.names, *flushed.buckets) if value is not None}
        self.fold = self.start()
        self.read(self.fold.position.start)

    def configure_regions(self, settings: Config) -> None:
        """Start the region agent again with a configuration."""
        table = {key: value for step in region_entries.flush(self.regions).steps() for key, value in step if value}
        self.region_table |= table
        self.regions = region_entries.restore(RegionsSettings(settings, self.directory), self.region_table)

    def put(self, *records: Event | Heartbeat) -> None:
        """Write records to the log and let both agents fold them."""
        begin = len(self.log)
        self.log += [encode(one) for one in records]
        self.read(begin)

    def read(self, begin: int) -> None:
        """Let both agents fold the log from an offset on."""
        output = self.fold.fold(range(begin, len(self.log)), self.log[begin:])
        told = [encode(one) for one in output.published]
        self.last |= {one.region: one for one in output.published if isinstance(one, Activity) and one.campaigns}
        for status in self.regions.fold(range(self.sent, self.sent + len(told)), told).statuses:
            self.statuses[status.region] = status
        self.sent += len(told)

    def posts(self, at: int, people: Iterable[int], *tags: str, region: str = "a") -> None:
        """Let each of some people post at `at` (ms)."""
        self.now = max(self.now, at)
        self.put(
            Heartbeat("s", "ok", clock=self.now, complete_to=0, lateness=0),
            *(
                Event(f"{region}{len(self.log)}-{at}-{who}", at, region, f"p{who}", "post", "s", tags=tags)
                for who in people
            ),
        )

    def to(self, at: int) -> None:
        """Let time go on, so that every minute before `at` (ms) closes."""
        self.now = max(self.now, at)
        self.put(Heartbeat("s", "ok", clock=self.now, complete_to=at, lateness=0))

    def days(self, *mornings: str) -> None:
        """Let time go on to a minute after UTC midnight of each day, at which 28 days are renewed."""
        for morning in mornings:
            self.to(ms(f"{morning}T00:01", dt.UTC))

    def count(self, region: str = "a") -> tuple[int, int]:
        """Give the people and the posts of the campaign, as last published."""
        one = self.last[region].campaigns["c"]
        return one.people, one.posts


# -- since the first local day


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        ("2026-03-26T23:59:59.999", 0),
        ("2026-03-27T00:00", 1),
        ("2026-04-02T23:59:59.999", 1),
        ("2026-04-03T00:00", 0),
    ],
)
def test_a_campaign_counts_from_its_first_local_midnight_to_the_one_after_its_last_day(at: str, counts: int) -> None:
    line = Line()
    line.to(ms("2026-03-20T00:00"))
    line.posts(ms(at), [1], "spring")
    line.to(ms("2026-04-04T00:00"))
    assert line.count() == (counts, counts)


def test_a_person_counts_once_and_a_post_each_time_also_over_a_restart_and_past_28_days() -> None:
    line = Line(config(start=dt.date(2026, 1, 1), end=dt.date(2026, 12, 31)))
    line.to(ms("2026-01-01T00:00"))
    for day in ("2026-01-02", "2026-02-20", "2026-05-01"):
        line.posts(ms(f"{day}T10:00"), [1, 2], "spring")
        line.to(ms(f"{day}T10:05"))
        line.restart()
    line.posts(ms("2026-05-02T10:00"), [3], "spring")
    line.to(ms("2026-05-02T10:05"))
    assert line.count() == (3, 7)


@pytest.mark.parametrize("tags", [(), ("spring",)])
def test_posts_count_once_though_flushes_are_broken_off_before_and_after_a_late_event(tags: tuple[str, ...]) -> None:
    line = Line()
    line.to(ms("2026-03-27T00:00"))
    line.restart()
    line.posts(ms("2026-03-27T10:00"), [1, 2], "spring")
    line.to(ms("2026-03-27T10:05"))
    line.break_off()
    line.put(Event("late", ms("2026-03-27T10:00"), "a", "p1", "reply", "s", tags=tags))
    line.break_off()
    line.to(ms("2026-03-27T10:06"))  # publishes what the late event has changed
    line.break_off()
    line.to(ms("2026-03-27T10:10"))
    assert line.count() == (2, 2)


def test_views_bots_and_other_tags_are_nobody_in_a_campaign() -> None:
    line = Line()
    line.to(ms("2026-03-27T09:00"))
    at = ms("2026-03-27T10:00")
    line.put(
        Heartbeat("s", "ok", clock=at, complete_to=0, lateness=0),
        Event("1", at, "a", "p", "view", "s", tags=("spring",)),
        Event("2", at, "a", "q", "post", "s", tags=("spring",), role="bot"),
        Event("3", at, "a", "r", "post", "s", tags=("autumn",)),
    )
    line.to(at + MINUTE)
    assert line.count() == (0, 1)


def test_a_late_event_of_the_campaigns_days_counts_and_one_of_the_day_before_does_not() -> None:
    line = Line()
    line.to(ms("2026-03-28T12:00"))
    line.posts(ms("2026-03-27T00:00"), [1], "spring")
    line.posts(ms("2026-03-26T23:59"), [2], "spring")
    line.to(ms("2026-03-28T12:01"))
    assert line.count() == (1, 1)


# -- campaigns that change


def test_a_campaign_that_is_added_later_counts_what_the_buckets_of_28_days_still_know() -> None:
    line = Line(Config(topics=ONE))
    line.to(ms("2026-03-01T00:00"))
    line.posts(ms("2026-03-01T10:00"), [1], "spring")
    line.posts(ms("2026-03-20T10:00"), [2, 3], "spring")
    line.to(ms("2026-04-10T00:00"))
    line.restart(config(start=dt.date(2026, 2, 1), end=dt.date(2026, 6, 30)))
    line.to(ms("2026-04-10T00:01"))
    assert line.count() == (2, 2)
    counted_from = line.last["a"].campaigns["c"].counted_from
    assert counted_from == ms("2026-04-10T00:00") // MINUTE - 28 * 1_440


def test_another_tag_means_that_people_of_both_are_counted_anew_and_posts_at_least() -> None:
    line = Line()
    line.to(ms("2026-03-27T09:00"))
    at = ms("2026-03-27T10:00")
    line.posts(at, [1], "spring")
    line.posts(at, [2], "primavera")
    line.posts(at, [1], "primavera", "spring")
    line.to(at + MINUTE)
    assert line.count() == (1, 2)
    line.restart(config(aliases=("primavera",)))
    line.to(at + 2 * MINUTE)
    assert line.count() == (2, 2)  # of each tag there are two posts, and nobody knows that three were meant
    line.posts(at + 2 * MINUTE, [3], "primavera")
    line.to(at + 3 * MINUTE)
    assert line.count() == (3, 3)
    assert line.last["a"].windows.by_series()["campaign:c"].actors[0] == 3


def test_a_tag_that_is_taken_away_takes_its_people_with_it() -> None:
    line = Line(config(aliases=("primavera",)))
    line.to(ms("2026-03-27T09:00"))
    at = ms("2026-03-27T10:00")
    line.posts(at, [1], "spring")
    line.posts(at, [2, 3], "primavera")
    line.to(at + MINUTE)
    line.restart(config())
    line.to(at + 2 * MINUTE)
    assert line.count() == (1, 1)
    assert line.last["a"].windows.by_series()["campaign:c"].actors[0] == 1


def test_a_campaign_that_is_extended_keeps_everybody_it_has_counted() -> None:
    line = Line(config(start=dt.date(2026, 1, 1), end=dt.date(2026, 4, 2)))
    line.to(ms("2026-01-01T00:00"))
    line.posts(ms("2026-01-02T10:00"), [1], "spring")
    line.to(ms("2026-04-03T00:00"))
    line.posts(ms("2026-04-03T10:00"), [2], "spring")
    line.to(ms("2026-04-04T00:00"))
    assert line.count() == (1, 1)
    line.restart(config(start=dt.date(2026, 1, 1), end=dt.date(2026, 4, 30)))
    line.to(ms("2026-04-04T00:01"))
    assert line.count() == (2, 2)
    assert line.last["a"].campaigns["c"].counted_from == ms("2026-01-01T00:00") // MINUTE


def test_a_campaign_that_is_cut_short_forgets_who_came_after_it() -> None:
    line = Line()
    line.to(ms("2026-03-27T00:00"))
    line.posts(ms("2026-03-27T10:00"), [1], "spring")
    line.posts(ms("2026-04-01T10:00"), [2], "spring")
    line.to(ms("2026-04-02T00:00"))
    line.restart(config(end=dt.date(2026, 3, 31)))
    line.to(ms("2026-04-02T00:01"))
    assert line.count() == (1, 1)


@pytest.mark.parametrize(
    ("end", "at_once", "days"),
    [(dt.date(2026, 3, 29), "hidden", 0), (dt.date(2026, 3, 31), 60, 3), (dt.date(2026, 4, 30), 60, 3)],
)
def test_who_came_after_the_new_end_of_a_campaign_is_not_shown_until_the_next_renewal(
    end: dt.date, at_once: int | str, days: int
) -> None:
    line = Line()
    line.days("2026-03-28")
    line.posts(ms("2026-03-28T10:00"), range(20), "spring")
    line.days("2026-03-29")
    line.posts(ms("2026-03-30T10:00"), range(20, 60), "spring")
    line.days("2026-03-31")
    assert line.statuses["a"].campaigns["c"].people == 60
    line.restart(config(end=end))
    line.to(ms("2026-03-31T12:00"))
    shown = line.statuses["a"].campaigns["c"]
    assert (shown.people, len(shown.days)) == (at_once, days)
    line.days("2026-04-01")
    assert line.statuses["a"].campaigns["c"].people == (20 if end < dt.date(2026, 3, 30) else 60)


def test_figures_of_another_definition_are_never_shown() -> None:
    line = Line()
    line.days("2026-03-28")
    line.posts(ms("2026-03-28T10:00"), range(40), "spring")
    line.days("2026-03-29")
    assert line.statuses["a"].campaigns["c"].people == 40
    other = config(aliases=("primavera",))
    line.configure_regions(other)
    line.days("2026-03-30")  # the other agent counts by the old definition still
    assert line.statuses["a"].campaigns["c"].people == "hidden"
    assert line.statuses["a"].campaigns["c"].days == ()
    line.restart(other)
    line.posts(ms("2026-03-30T10:00"), range(40, 60), "primavera")
    line.days("2026-03-31")
    assert line.statuses["a"].campaigns["c"].people == 60


# -- shards


def test_the_people_of_shards_add_up_and_those_of_two_definitions_do_not() -> None:
    line = Line()
    line.to(ms("2026-03-27T09:00"))
    line.posts(ms("2026-03-27T10:00"), range(7), "spring")
    line.to(ms("2026-03-27T10:01"))
    one = line.last["a"]
    other = Line(config(aliases=("primavera",)))
    other.to(ms("2026-03-27T09:00"))
    other.to(ms("2026-03-27T10:01"))

    def joined(second: Activity) -> ActivityFigures:
        state = RegionState("a")
        for shard, activity in enumerate((one, second)):
            activity.shard, activity.shards = shard, 2
            found = list(join(state, msgspec.json.decode(encode(activity), type=ActivityFigures)))
        return found[-1]

    assert joined(line.last["a"]).campaigns["c"].people == 14
    assert joined(other.last["a"]).campaigns == {}


# -- what goes with a campaign


def test_a_tag_that_most_use_with_the_campaign_is_a_candidate_and_one_that_all_use_anyway_is_not() -> None:
    line = Line()
    line.days("2026-03-28")
    at = ms("2026-03-28T10:00")
    line.posts(at, range(20), "spring", "flowers", "office")
    line.posts(at, range(20, 95), "office")
    line.days("2026-03-29")
    found = line.statuses["a"].campaigns["c"].candidates
    assert [(one.tag, one.people) for one in found] == [("flowers", 20)]
    assert found[0].share == pytest.approx(20 / 29, abs=0.01)
    assert line.last["a"].campaigns["c"].together == {"flowers": 20, "office": 20}


def test_nine_people_who_use_a_tag_with_the_campaign_name_nothing() -> None:
    line = Line()
    line.days("2026-03-28")
    line.posts(ms("2026-03-28T10:00"), range(9), "spring", "flowers")
    line.posts(ms("2026-03-28T10:00"), range(9, 40), "spring")
    line.posts(ms("2026-03-28T10:00"), range(30, 50), "flowers")
    line.days("2026-03-29")
    assert line.statuses["a"].campaigns["c"].candidates == ()


# -- over all regions


def test_the_status_of_a_campaign_is_made_of_what_its_regions_show() -> None:
    line = Line()
    line.days("2026-03-26", "2026-03-27")
    for day, people in ((27, 15), (28, 20), (29, 27), (30, 35)):
        for region in ("a", "b"):
            line.posts(ms(f"2026-03-{day}T10:00"), range(people), "spring", region=region)
        line.days(f"2026-03-{day + 1}")
    found = status_of(line.config.campaign[0], line.statuses.values(), 10)
    assert found is not None
    assert (found.measure, found.target) == ("people", 100)
    assert (found.people.low, found.people.high) == (60, 78)
    assert found.pace is not None
    # shown at the midnights of 28 to 31: 20, 40, 40, 60 and up to 9 more in each region; 31 are missing, 2.92 days left
    assert found.as_of == ms("2026-03-31T00:00", dt.UTC) // MINUTE
    assert found.pace.progress == (0.6, 0.78)
    left = (found.period.ends - found.as_of) / 1_440
    assert found.pace.day is not None
    assert found.pace.day.likely == pytest.approx((100 - 69) / left / 20)
    assert found.projection is not None
    assert [one.region for one in found.standings] == ["a", "b"]


def test_a_campaign_that_no_region_tells_of_has_no_status() -> None:
    assert status_of(config().campaign[0], [], 10) is None


def test_a_hidden_region_adds_nothing_that_is_sure() -> None:
    line = Line(config(goal=Goal(people=50)))
    line.days("2026-03-28")
    line.posts(ms("2026-03-28T10:00"), range(30), "spring")
    line.posts(ms("2026-03-28T10:00"), range(9), "spring", region="b")
    line.days("2026-03-29")
    found = status_of(line.config.campaign[0], line.statuses.values(), 10)
    assert found is not None
    assert (found.people.low, found.people.high) == (30, 48)


# -- many people


def test_two_hundred_thousand_people_of_one_region_are_exact_and_their_state_stays_small() -> None:
    line = Line()
    start = ms("2026-03-27T08:00")
    line.to(start)
    people, a_minute = 200_000, 20_000
    for first in range(0, people, a_minute):
        at = start + first // a_minute * MINUTE
        line.put(
            Heartbeat("s", "ok", clock=at + MINUTE, complete_to=0, lateness=0),
            *(
                Event(f"{who:016x}", at, "a", f"{who:032x}", "post", "s", tags=("spring",) if who % 2 else ())
                for who in range(first, first + a_minute)
            ),
        )
        line.to(at + MINUTE)
    windows = line.last["a"].windows.by_series()
    assert windows[""].actors == (people,) * 4
    assert windows["campaign:c"].actors == (people // 2,) * 4
    assert line.count() == (people // 2, people // 2)
    line.restart()
    sizes: dict[str, int] = {}
    for key, value in line.table.items():
        what = key.decode().split("\t")[1] if b"\t" in key else "marker"
        sizes[what] = sizes.get(what, 0) + len(value)
    assert sizes["campaign"] < 4 * 8_192 + 200  # at most 8 KiB for each 65,536 people that were begun
    assert sizes["people"] < people * 36
    assert sizes["bucket"] < people * (17 + 8 * 2) + 10_000  # an id each, and a pair in each of two series, on average
    assert line.fold.shards["a"].windows.pairs() == 2 * people
