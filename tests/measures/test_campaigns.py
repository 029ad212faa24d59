from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.config import Campaign, Goal
from schemas.directory import Region
from schemas.regions import CampaignDay, ReleasedCampaign
from streams.measures.campaigns import (
    Burn,
    Part,
    Period,
    Point,
    Reached,
    Used,
    adoptable,
    campaigns_of,
    candidates,
    concerns,
    definitions,
    pace,
    period,
    reached,
    standings,
    target,
)
from streams.measures.campaigns.pace import BURN_LIMIT, burn
from streams.measures.campaigns.status import daily as days_of
from streams.measures.privacy import HIDDEN, step

if TYPE_CHECKING:
    from schemas.regions import Released

DAY = 1_440
TEN_DAYS = Period(0, 10 * DAY)


def minutes(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp()) // 60


def points(*people: int) -> list[Point]:
    """Points of one a day, exactly known."""
    return [Point(day * DAY, Reached(count, count, 0.0)) for day, count in enumerate(people)]


# -- the book


def test_tags_and_aliases_belong_to_their_campaigns_under_their_folded_keys() -> None:
    found = campaigns_of(
        [
            Campaign("spring", ("#Primavera", "SPRING"), aliases=("کتاب‌خوانی",)),
            Campaign("reading", ("کتاب_خوانی", "..")),
        ]
    )
    assert found["primavera"] == ("spring",)
    assert found["spring"] == ("spring",)
    assert max(found.values(), key=len) == ("spring", "reading")
    assert len(found) == 3


@pytest.mark.parametrize(("regions", "concerned"), [((), True), (("north",), True), (("south",), False)])
def test_a_campaign_that_names_no_region_is_for_all(regions: tuple[str, ...], concerned: bool) -> None:
    assert concerns(Campaign("spring", ("a",), regions=regions), "north") is concerned


def test_a_campaign_runs_from_its_first_local_day_to_the_end_of_its_last_one() -> None:
    campaign = Campaign("spring", ("a",), start=dt.date(2026, 3, 1), end=dt.date(2026, 3, 31))
    assert period(campaign, ZoneInfo("Europe/Madrid")) == Period(
        minutes("2026-03-01T00:00+01:00"), minutes("2026-04-01T00:00+02:00")
    )
    assert period(campaign, ZoneInfo("Asia/Tokyo")).begins == minutes("2026-03-01T00:00+09:00")


@pytest.mark.parametrize(
    ("zone", "day", "begins", "ends"),
    [
        ("Europe/Madrid", dt.date(2026, 3, 29), "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00"),  # 23 hours
        ("Europe/Madrid", dt.date(2026, 10, 25), "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00"),  # 25 hours
        ("Africa/Cairo", dt.date(2026, 4, 24), "2026-04-24T01:00+03:00", "2026-04-25T00:00+03:00"),  # no midnight
        ("Africa/Cairo", dt.date(2026, 10, 29), "2026-10-29T00:00+03:00", "2026-10-30T00:00+02:00"),  # 23:00 twice
        ("Asia/Kathmandu", dt.date(2028, 2, 29), "2028-02-29T00:00+05:45", "2028-03-01T00:00+05:45"),  # a leap day
    ],
)
def test_a_campaign_of_one_day_lasts_as_long_as_that_day_does(zone: str, day: dt.date, begins: str, ends: str) -> None:
    campaign = Campaign("c", ("a",), start=day, end=day)
    assert period(campaign, ZoneInfo(zone)) == Period(minutes(begins), minutes(ends))


@pytest.mark.parametrize(
    "other",
    [
        Campaign("c", ("a", "b"), start=dt.date(2026, 3, 1)),
        Campaign("c", ("a",), start=dt.date(2026, 3, 2)),
        Campaign("c", ("a",), start=dt.date(2026, 3, 1), end=dt.date(2026, 3, 9)),
    ],
)
def test_a_definition_has_a_mark_of_its_own_and_spellings_of_one_tag_are_one(other: Campaign) -> None:
    region = Region("north", time_zone="Europe/Madrid")

    def mark(campaign: Campaign) -> str:
        return definitions([campaign], region)["c"].mark

    plain = Campaign("c", ("a",), start=dt.date(2026, 3, 1))
    assert mark(other) != mark(plain)
    assert mark(Campaign("c", ("#A",), aliases=("a",), title="Other words", start=dt.date(2026, 3, 1))) == mark(plain)
    assert definitions([Campaign("c", ("a",), regions=("south",))], region) == {}


def test_a_campaign_without_days_has_always_run_and_never_ends() -> None:
    always = period(Campaign("spring", ("a",)), ZoneInfo("Europe/Madrid"))
    assert always.begins == 0
    assert always.ends == minutes("9999-12-31T23:59+00:00") + 1
    assert always.planned(minutes("2026-01-01T00:00+00:00")) < 0.01


@pytest.mark.parametrize(("minute", "planned"), [(-5, 0.0), (0, 0.0), (5 * DAY, 0.5), (10 * DAY, 1.0), (11 * DAY, 1.0)])
def test_as_much_is_planned_as_of_the_time_has_gone_by(minute: int, planned: float) -> None:
    assert TEN_DAYS.planned(minute) == planned


@pytest.mark.parametrize(
    ("goal", "headcount", "wanted"),
    [
        (Goal(share=0.3), 310, 93),
        (Goal(share=0.3), 311, 94),
        (Goal(share=0.1), 30, 3),
        (Goal(share=1), 7, 7),
        (Goal(share=0.3), 0, 0),
        (Goal(people=50), 310, 50),
        (Goal(posts=80), 310, 80),
        (Goal(), 310, 0),
    ],
)
def test_a_share_of_the_headcount_is_rounded_up_to_whole_people(goal: Goal, headcount: int, wanted: int) -> None:
    assert target(goal, headcount) == wanted


# -- what was reached


def test_released_people_of_regions_add_up_to_bounds() -> None:
    assert reached([20, HIDDEN, 0], 10, of_people=True) == Reached(20, 29 + 9, 2 * (10**2 - 1) / 12)


def test_hidden_posts_count_for_nothing() -> None:
    assert reached([20, HIDDEN], 10, of_people=False) == Reached(20, 29, (10**2 - 1) / 12)


@given(counts=st.lists(st.integers(0, 400), max_size=20), group=st.sampled_from([5, 10]))
def test_the_bounds_hold_the_real_sum(counts: list[int], group: int) -> None:
    found = reached([step(count, group) for count in counts], group, of_people=True)
    assert found.low <= sum(counts) <= found.high


# -- pace


def test_a_campaign_on_its_plan_burns_at_one() -> None:
    found = pace(points(0, 10, 20, 30, 40), 100, TEN_DAYS)
    assert found is not None
    assert (found.progress, found.planned) == ((0.4, 0.4), 0.4)
    assert found.day == found.three_days == Burn(pytest.approx(1), pytest.approx(1))
    assert not found.falls_behind_fast
    assert not found.falls_behind


def test_half_of_the_pace_that_is_needed_burns_at_two() -> None:
    # 60 are missing with 6 days to go: 10 a day are needed, 5 a day come.
    found = burn(points(25, 30, 35, 40), 100, Period(0, 9 * DAY), 3 * DAY)
    assert found == Burn(pytest.approx(2), pytest.approx(2))


def test_a_campaign_without_newcomers_burns_at_the_limit_and_one_that_is_through_not_at_all() -> None:
    assert burn(points(40, 40), 100, TEN_DAYS, DAY) == Burn(BURN_LIMIT, BURN_LIMIT)
    assert burn(points(40, 100), 100, TEN_DAYS, DAY) == Burn(0, 0)


def test_before_a_day_has_passed_and_after_the_end_there_is_no_burn_rate() -> None:
    half_a_day = [Point(0, Reached()), Point(DAY // 2, Reached(20, 20))]
    assert burn(half_a_day, 100, TEN_DAYS, DAY) is None
    assert burn(points(*range(11)), 100, TEN_DAYS, DAY) is None
    assert burn(points(*range(10)), 100, TEN_DAYS, DAY) is not None


def test_without_points_or_goal_there_is_no_pace() -> None:
    assert pace([], 100, TEN_DAYS) is None
    assert pace(points(0, 1), 0, TEN_DAYS) is None


def test_fast_needs_both_the_day_and_the_three_days_and_slow_the_three_days_and_the_week() -> None:
    month = Period(0, 30 * DAY)

    def verdict(*people: int) -> tuple[bool, bool]:
        found = pace(points(*people), 300, month)
        assert found is not None
        return found.falls_behind_fast, found.falls_behind

    steady = (0, 10, 20, 30, 40, 50, 60, 70)  # on plan: 230 missing in 23 days
    assert verdict(*steady) == (False, False)
    assert verdict(0, 10, 20, 30, 40, 50, 60, 61) == (False, False)  # one bad day
    assert verdict(0, 10, 20, 30, 40, 42, 44, 46) == (True, True)  # three bad days out of seven
    assert verdict(0, 30, 60, 90, 120, 121, 122, 123) == (True, False)  # a good week in spite of them
    assert verdict(0, 10, 20, 21, 22, 23, 24, 44) == (False, True)  # bad, but the last day is good again
    assert verdict(0, 40, 80, 120, 160, 160, 160, 164) == (False, False)  # two days of standstill, over now
    assert verdict(0, 2, 4, 5, 6, 18, 30, 42) == (False, False)  # a bad week, over for three days
    assert verdict(0, 6, 12, 18, 24, 30, 36, 42) == (False, True)  # a little too slow all the time


def test_rounding_is_never_a_reason_to_say_that_a_campaign_falls_behind() -> None:
    rounded = [Point(day * DAY, reached([10], 10, of_people=True)) for day in range(8)]
    found = pace(rounded, 30, Period(0, 20 * DAY))
    assert found is not None
    assert found.day is not None
    assert found.day.likely == BURN_LIMIT
    assert found.day.sure < 1
    assert not found.falls_behind_fast
    assert not found.falls_behind


# -- days


def test_a_day_that_time_leapt_over_in_a_region_has_the_figures_of_the_day_before() -> None:
    def part(people: dict[int, Released]) -> ReleasedCampaign:
        return ReleasedCampaign(0, 30 * DAY, days=tuple(CampaignDay(day, count, 0) for day, count in people.items()))

    steady = part({5: 10, 6: 20, 7: 30, 8: 40, 9: 50})
    leaping = part({4: HIDDEN, 5: 10, 8: 20})  # an archive of a weekend without posts
    found = days_of([steady, leaping, part({})], "people", Period(0, 30 * DAY), 10)
    assert [(one.minute // DAY, one.reached.low) for one in found] == [(5, 20), (6, 30), (7, 40), (8, 60)]


# -- standing


def test_regions_are_ahead_or_behind_only_where_the_rounding_leaves_no_doubt() -> None:
    parts = {
        "ahead": Part(60, 100, 0.5),  # 60 to 69 of 100
        "even": Part(50, 100, 0.5),  # 50 to 59 of 100: could be just on plan
        "behind": Part(40, 100, 0.5),
        "few": Part(HIDDEN, 100, 0.5),  # 0 to 9 of 100
        "small": Part(HIDDEN, HIDDEN, 0.5),
    }
    found = standings(parts, 400, 10, of_people=True)
    assert [(one.region, one.place) for one in found] == [
        ("ahead", "ahead"),
        ("even", "on plan"),
        ("behind", "behind"),
        ("few", "behind"),
        ("small", "hidden"),
    ]
    assert found[0].progress == (0.6, 0.69)
    assert found[3].progress == (0.0, 0.09)


def test_a_regions_part_of_the_goal_is_as_its_share_of_the_headcount() -> None:
    found = standings({"large": Part(30, 300, 0.5), "small": Part(10, 100, 0.5)}, 80, 10, of_people=True)
    assert {one.region: one.progress for one in found} == {"large": (0.5, 39 / 60), "small": (0.5, 19 / 20)}


def test_hidden_posts_have_no_place() -> None:
    assert standings({"few": Part(HIDDEN, 100, 0.5)}, 80, 10, of_people=False)[0].place == "hidden"


# -- tags to adopt


def test_a_tag_is_a_candidate_if_its_people_use_it_with_the_campaign_far_more_than_by_chance() -> None:
    used = {
        "picnic": Used(40, 30),  # at least 30 of at most 49
        "coffee": Used(400, 60),  # at least 60 of at most 409: too few
        "rare": Used(HIDDEN, HIDDEN),
        "spring": Used(90, 90),  # its own
        "apart": Used(40, 0),
    }
    found = candidates(used, 90, 1_000, frozenset({"spring"}), 10)
    assert [one.tag for one in found] == ["picnic"]
    assert found[0].share == pytest.approx(30 / 49)
    assert found[0].lift == pytest.approx(30 / 49 / (99 / 1_000))
    assert found[0].together == 30


def test_in_a_region_where_all_take_part_nothing_stands_out() -> None:
    assert candidates({"picnic": Used(40, 40)}, 990, 1_000, frozenset(), 10) == []


@pytest.mark.parametrize(("campaign", "whole"), [(HIDDEN, 1_000), (0, 1_000), (90, HIDDEN), (90, 0)])
def test_without_shown_people_there_are_no_candidates(campaign: Released, whole: Released) -> None:
    assert candidates({"picnic": Used(40, 30)}, campaign, whole, frozenset(), 10) == []


@given(together=st.integers(0, 200), more=st.integers(0, 200), campaign=st.integers(0, 300), whole=st.integers(0, 900))
def test_a_candidates_share_and_lift_are_never_more_than_the_exact_ones(
    together: int, more: int, campaign: int, whole: int
) -> None:
    campaign = max(campaign, together)
    whole = max(whole, campaign, together + more)
    used = {"picnic": Used(step(together + more, 10), step(together, 10))}
    for one in candidates(used, step(campaign, 10), step(whole, 10), frozenset(), 10):
        share = together / (together + more)
        assert one.share <= share
        assert one.lift <= share / (campaign / whole) or math.isclose(one.lift, share / (campaign / whole))


def test_a_candidate_stays_one_a_little_below_the_limits_so_that_it_does_not_come_and_go() -> None:
    # 20 of at most 79 people are a share of 0.25: under 0.3, and not under 0.24; 20 of at most 99 are
    weak = {"rain": Used(70, 20)}
    assert candidates(weak, 10, 600, frozenset(), 10) == []
    assert [one.tag for one in candidates(weak, 10, 600, frozenset(), 10, before=frozenset({"rain"}))] == ["rain"]
    assert candidates({"rain": Used(90, 20)}, 10, 600, frozenset(), 10, before=frozenset({"rain"})) == []


def test_five_candidates_are_shown_and_a_rival_must_be_a_quarter_stronger_to_take_a_place() -> None:
    used = {f"tag{number}": Used(20, 10) for number in range(5)} | {"rival": Used(10, 10)}
    first = adoptable(
        {name: one for name, one in used.items() if name != "rival"}, 10, 600, frozenset(), 10, before=frozenset()
    )
    before = frozenset(one.tag for one in first)
    assert len(before) == 5
    # lift: 10/29 against 10/19, half as much again
    assert "rival" in {one.tag for one in adoptable(used, 10, 600, frozenset(), 10, before=before)}
    near = used | {"rival": Used(20, 10)}
    assert {one.tag for one in adoptable(near, 10, 600, frozenset(), 10, before=before)} == before
