from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from streams.measures.campaigns import KEPT_DAYS, Point, Projection, Reached, project, reached
from streams.measures.campaigns.projection import HORIZON_DAYS
from streams.measures.privacy import step

DAY = 1_440
GROUP = 10
NEVER = 10**6


def points(*people: int) -> list[Point]:
    """Points of one a day, exactly known."""
    return [Point(day * DAY, Reached(count, count, 0.0)) for day, count in enumerate(people)]


def order(projection: Projection) -> list[int]:
    days = (projection.earliest, projection.likely, projection.latest)
    return [NEVER if day is None else day for day in days]


def test_a_goal_that_is_reached_takes_no_more_days() -> None:
    assert project(points(0, 50, 100), 100) == Projection(0, 0, 0)


def test_before_two_days_have_been_seen_and_without_a_goal_nothing_is_projected() -> None:
    assert project(points(0, 50), 100) is None
    assert project(points(0, 50, 60), 0) is None


def test_more_people_than_there_are_will_never_take_part() -> None:
    assert project(points(0, 50, 90), 120, pool=100) == Projection(None, None, None)


def test_a_campaign_that_stands_still_has_an_open_end() -> None:
    standing = project(points(50, *[50] * 14), 200)
    assert standing is not None
    assert standing.likely is None
    assert standing.latest is None


def test_a_steady_campaign_takes_about_as_long_as_its_pace_says() -> None:
    found = project(points(*range(0, 1_500, 100)), 2_000)  # 1400 after two weeks, 100 a day
    assert found is not None
    earliest, likely, latest = order(found)
    assert earliest <= 6 <= latest
    assert 5 <= likely <= 8


def test_the_fewer_have_come_the_wider_the_interval() -> None:
    many = project(points(*range(0, 1_500, 100)), 2_000)
    few = project(points(*range(15)), 20)
    assert many is not None
    assert few is not None
    assert order(few)[0] <= order(many)[0]
    assert order(few)[2] > order(many)[2]


def test_newcomers_get_fewer_as_fewer_are_left() -> None:
    open_ended = project(points(*range(0, 750, 50)), 900)
    bounded = project(points(*range(0, 750, 50)), 900, pool=1_000)
    assert open_ended is not None
    assert bounded is not None
    assert all(one < other for one, other in zip(order(open_ended)[:2], order(bounded)[:2], strict=True))


def test_a_trend_of_the_last_two_weeks_goes_on() -> None:
    gains = [100 * 0.9**day for day in range(14)]
    fading = project(points(*(round(sum(gains[:day])) for day in range(15))), 900)
    rising = project(points(*(round(sum(gains[::-1][:day])) for day in range(15))), 900)
    assert fading is not None
    assert rising is not None
    assert order(rising)[1] < order(fading)[1]


Shape = Callable[[int, random.Random], float]
SHAPES: dict[str, Shape] = {
    "steady": lambda _day, _chance: 1.0,
    "quiet weekends": lambda day, _chance: 0.3 if day % 7 > 4 else 1.28,
    "half every 14 days": lambda day, _chance: 0.5 ** (day / 14),
    "half every 7 days": lambda day, _chance: 0.5 ** (day / 7),
    "twice every 14 days": lambda day, _chance: 2 ** (day / 14),
    "days of luck": lambda _day, chance: chance.gammavariate(1, 1),
    "a burst at the start": lambda day, _chance: 1 + 3 * 0.5 ** (day / 2),
}


def poisson(chance: random.Random, mean: float) -> int:
    """A Poisson number: arrivals of a unit process before `mean` (Knuth); rounded normal for large means."""
    if mean > 50:
        return max(0, round(chance.gauss(mean, mean**0.5)))
    limit, count, product = math.exp(-mean), 0, chance.random()
    while product > limit:
        count += 1
        product *= chance.random()
    return count


def life(shape: Shape, chance: random.Random, regions: int, daily: float, pool: int) -> list[tuple[int, ...]]:
    """People who have taken part, by region, at the end of each day."""
    people = [0] * regions
    days = [tuple(people)]
    for day in range(450):
        rate = daily * shape(day, chance)
        for region, count in enumerate(people):
            left = 1 - count / pool if pool else 1
            more = poisson(chance, rate * left)
            people[region] = min(pool, count + more) if pool else count + more
        days.append(tuple(people))
    return days


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("regions", "daily", "pool"), [(1, 12, 0), (10, 3, 0), (1, 12, 500)])
def test_the_interval_holds_the_day_as_often_as_it_says(shape: str, regions: int, daily: float, pool: int) -> None:
    held = tried = 0
    for seed in range(120):
        chance = random.Random(f"{shape} {regions} {seed}")
        seen = chance.randint(4, 15)
        days = life(SHAPES[shape], chance, regions, daily, pool)
        told: tuple[Point, ...] = ()
        for day in range(seen + 1):
            shown = [step(count, GROUP) for count in days[day]]
            told = (*told[-KEPT_DAYS:], Point(day * DAY, reached(shown, GROUP, of_people=True)))
        now = sum(days[seen])
        goal = sum(days[seen + chance.randint(3, 28)]) if chance.random() < 0.8 else round(1.5 * now)
        found = project(told, goal, pool * regions)
        if goal <= now or found is None or found.likely == 0:
            continue
        real = next((day - seen for day in range(seen, len(days)) if sum(days[day]) >= goal), NEVER)
        earliest, _, latest = order(found)
        tried += 1
        held += (earliest <= real <= latest) or (real > HORIZON_DAYS and found.latest is None)
    assert tried > 60
    assert 0.78 <= held / tried <= 1.0
