from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.activity import TAG_LIMIT, WHOLE
from schemas.regions import Released, ReleasedWindow
from streams.measures.engagement.figures import chosen_series
from streams.measures.privacy import HIDDEN
from streams.measures.privacy.released import ReleasedSeries
from streams.measures.top_tags import OTHER, SIZE, keep_tags, scores_of, top

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def tag(people: Released, events: Released = 0, **changes: tuple[Released, ...]) -> ReleasedWindow:
    columns = {"actors": (people,) * 4, "events": (events,) * 4}
    none: tuple[Released, ...] = (0,) * 4
    values = {"posts": none, "replies": none, "reshares": none, "returning": none, **columns, **changes}
    return ReleasedWindow(**values)


def bound_tags(
    windows: Mapping[str, ReleasedWindow], before: Sequence[str], size: int
) -> tuple[dict[str, ReleasedWindow], tuple[str, ...]]:
    released = ReleasedSeries.of(windows)
    chosen = top(scores_of(released), before, size)
    return keep_tags(released, chosen), chosen


def test_the_tags_with_the_largest_scores_are_chosen_and_of_equals_the_first_by_name() -> None:
    assert top({"d": 5, "c": 7, "b": 5, "a": 5}, (), size=3) == ("c", "a", "b")


def test_tags_that_nobody_uses_are_not_chosen() -> None:
    assert top({"a": 0, "b": 3}, ("a",), size=3) == ("b",)
    assert top({}, ("gone",), size=3) == ()


def test_on_a_day_off_one_person_with_many_new_tags_pushes_out_none_that_others_used_this_week() -> None:
    people = np.array([(1, 1, 30, 40), (0, 0, 30, 40), *[(1, 1, 1, 1)] * 60])
    tags = np.arange(len(people)) > 0
    chosen = chosen_series(people, (), tags).tolist()
    assert chosen == list(range(TAG_LIMIT + 1))
    for place in (1, 40, 61):
        moved = people.copy()
        moved[[1, place]] = moved[[place, 1]]
        assert place in chosen_series(moved, (), tags)


@pytest.mark.parametrize(("rival", "stays"), [(124, True), (125, True), (126, False)])
def test_a_tag_that_has_a_label_goes_only_to_one_that_has_more_than_a_quarter_more(rival: int, stays: bool) -> None:
    chosen = top({"old": 100, "new": rival, "first": 500}, ("first", "old"), size=2)
    assert ("old" in chosen) is stays
    assert ("new" in chosen) is not stays


@given(
    scores=st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(0, 30)),
    before=st.lists(st.text("abcdef", min_size=1, max_size=3), max_size=6),
    size=st.integers(1, 6),
)
def test_the_choice_agrees_with_ranking_all_by_their_weighed_scores(
    scores: dict[str, int], before: list[str], size: int
) -> None:
    def weight(name: str) -> float:
        return scores[name] * (1.25 if name in before else 1)

    wanted = sorted(
        (name for name in scores if scores[name]), key=lambda name: (-weight(name), name not in before, name)
    )[:size]
    assert sorted(top(scores, before, size)) == sorted(wanted)


def test_the_order_in_which_tags_come_does_not_matter() -> None:
    scores = {f"tag{number}": number % 7 for number in range(100)}
    turned = dict(reversed(scores.items()))
    assert top(scores, ("tag3", "tag99")) == top(turned, ("tag99", "tag3"))


def test_labels_stay_bounded_and_quiet_at_a_flood_of_tags() -> None:
    chance = random.Random(5)
    usual = {f"tag{number}": 2_000 // (number + 1) + 1 for number in range(5_000)}
    before: tuple[str, ...] = ()
    plain_before: set[str] = set()
    changes = plain_changes = 0
    for turn in range(10):
        scores = {name: max(0, round(chance.gauss(mean, mean**0.5))) for name, mean in usual.items()}
        scores |= {f"flood{turn}-{number}": 1 for number in range(20_000)}
        chosen = top(scores, before)
        plain = set(sorted(scores, key=lambda name: (-scores[name], name))[:SIZE])
        assert len(chosen) == SIZE
        if turn:
            changes += len(set(chosen) - set(before))
            plain_changes += len(plain - plain_before)
        before, plain_before = chosen, plain
    assert changes < plain_changes / 2


# -- the series of a region


def test_the_whole_and_campaigns_keep_their_series_beside_the_top_tags() -> None:
    windows = {WHOLE: tag(90), "campaign:spring": tag(HIDDEN), "a": tag(30), "b": tag(20), "c": tag(10)}
    kept, chosen = bound_tags(windows, (), size=2)
    assert chosen == ("a", "b")
    assert list(kept) == [WHOLE, "campaign:spring", "a", "b", OTHER]
    assert kept[OTHER].actors == (10,) * 4


def test_without_more_tags_than_labels_there_is_no_rest() -> None:
    kept, _ = bound_tags({WHOLE: tag(90), "a": tag(30)}, (), size=2)
    assert set(kept) == {WHOLE, "a"}


def test_a_tag_that_is_named_like_the_rest_is_part_of_it() -> None:
    kept, chosen = bound_tags({WHOLE: tag(90), OTHER: tag(80, 100), "a": tag(30)}, (OTHER,), size=2)
    assert chosen == ("a",)
    assert kept[OTHER] == tag(80, 100)


def test_tags_are_ranked_by_their_people_of_seven_days() -> None:
    week = {"actors": (0, 0, 40, 40)}
    hour: dict[str, tuple[Released, ...]] = {"actors": (30, 30, 30, 90)}
    assert bound_tags({WHOLE: tag(90), "a": tag(0, **hour), "b": tag(0, **week)}, (), size=1)[1] == ("b",)


def test_a_tag_whose_people_of_seven_days_are_hidden_is_not_ranked() -> None:
    few: dict[str, tuple[Released, ...]] = {"actors": (HIDDEN, HIDDEN, HIDDEN, 10)}
    assert bound_tags({WHOLE: tag(90), "a": tag(0, **few), "b": tag(10)}, ("a",), size=2)[1] == ("b",)


@pytest.mark.parametrize(
    ("counts", "people", "events"),
    [
        ((20, 30), 30, 50),
        ((HIDDEN, 30), 30, 30),
        ((HIDDEN, 0), HIDDEN, HIDDEN),
        ((0, 0), 0, 0),
    ],
)
def test_people_of_the_rest_are_at_least_those_of_its_largest_tag_and_events_are_added_up(
    counts: tuple[Released, ...], people: Released, events: Released
) -> None:
    windows = {WHOLE: tag(90), **{f"tag{place}": tag(count, count) for place, count in enumerate(counts)}}
    found = keep_tags(ReleasedSeries.of(windows), ())[OTHER]
    assert (found.actors, found.events) == ((people,) * 4, (events,) * 4)


def test_who_returns_with_two_tags_of_the_rest_is_one_person() -> None:
    shown = {name: tag(40, returning=(HIDDEN, HIDDEN, 20, 30)) for name in ("a", "b")}
    assert keep_tags(ReleasedSeries.of({WHOLE: tag(90), **shown}), ())[OTHER].returning == (HIDDEN, HIDDEN, 20, 30)
