"""The roll-up of a minute by what is compiled, against the one in Python event by event."""

from __future__ import annotations

from array import array
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.activity import CAMPAIGN_PREFIX
from schemas.events import KINDS
from streams import compiled
from streams.measures.engagement.minute import COLUMN, COUNTING, RollUp, roll_up
from streams.measures.engagement.numbering import Numbers
from streams.measures.engagement.open_minute import OpenMinute
from streams.measures.engagement.people import People
from streams.measures.engagement.series import SeriesNumbers
from streams.measures.engagement.votes import newcomers

pytestmark = pytest.mark.skipif(not compiled.COMPILED, reason="JUN_COMPILE=no")

TAGS = ("a", "b", "c", "d", f"{CAMPAIGN_PREFIX}one", "")
CAMPAIGNS = {"a": ("one",), "b": ("one", "two"), "c": ("two",)}
"""Two campaigns of several tags, of which one belongs to both. That a tag is called like a campaign, or like the whole
region, no reader of events lets happen; both ways count it alike nonetheless."""

one_event = st.tuples(
    st.integers(0, 2 * len(KINDS) - 1),
    st.sampled_from([0, 1, 2, 255, 256, 65_536, 2**31 - 1]),
    st.lists(st.sampled_from(TAGS), max_size=4),
)


def minute_of(events: list[tuple[int, int, list[str]]]) -> OpenMinute:
    """Give an open minute of events by code, person and tags; each form is the number of its place."""
    made = OpenMinute(People(), Numbers())
    made.codes = bytearray(code for code, _, _ in events)
    made.persons = array("q", [person for _, person, _ in events])
    made.lengths = bytearray(len(tags) for _, _, tags in events)
    made.tags = array("q", [made.words[tag] for _, _, tags in events for tag in tags])
    made.forms = array("q", range(len(made.tags)))
    return made


def facts(rolled: RollUp) -> list[object]:
    columns = (rolled.keys, rolled.wrote, rolled.table)
    return [list(rolled.kinds.items()), *(column.tolist() for column in columns), [column.dtype for column in columns]]


@pytest.mark.parametrize("campaigns_of", [{}, CAMPAIGNS])
@given(data=st.data())
def test_a_minute_is_rolled_up_as_event_by_event(campaigns_of: dict[str, tuple[str, ...]], data: st.DataObject) -> None:
    events = minute_of(data.draw(st.lists(one_event, min_size=1, max_size=60)))
    found = []
    for way in (True, False):
        with patch.object(compiled, "COMPILED", way):
            rolled = roll_up(28_000_000, events, SeriesNumbers(Numbers(), campaigns_of))
            before = facts(rolled)
            new = np.random.default_rng(len(events.codes)).random(len(rolled.keys)) < 0.5
            votes = newcomers(rolled, new, events)
            found.append([*before, rolled.table.tolist(), votes.tags.tolist(), votes.forms.tolist()])
    assert found[0] == found[1]


def test_many_events_are_in_order_however_far_apart_their_numbers_are() -> None:
    chance = np.random.default_rng(1)
    drawn = [
        (int(code), int(person), [TAGS[tag] for tag in chance.integers(0, 4, chance.integers(0, 3))])
        for code, person in zip(chance.integers(0, 7, 5_000), chance.integers(0, 2**31, 5_000) // 997, strict=True)
    ]
    events = minute_of(drawn)
    ways = []
    for way in (True, False):
        with patch.object(compiled, "COMPILED", way):
            ways.append(facts(roll_up(28_000_000, events, SeriesNumbers(Numbers(), CAMPAIGNS))))
    assert ways[0] == ways[1]


def rolled_up(
    *,
    codes: bytes = b"\0\0",
    persons: tuple[int, ...] = (1, 2),
    lengths: bytes = b"\1\0",
    tags: tuple[int, ...] = (1,),
    tagged: tuple[int, ...] = (1,),
    campaigns: tuple[int, ...] = (2,),
) -> None:
    compiled.closing.roll_up(
        np.frombuffer(codes, np.uint8),
        np.array(persons, np.int64),
        np.frombuffer(lengths, np.uint8),
        np.array(tags, np.int64),
        np.array(tagged, np.int64),
        np.array(campaigns, np.int64),
        COUNTING,
        COLUMN,
    )


def test_columns_that_do_not_fit_each_other_and_numbers_that_are_none_are_refused() -> None:
    rolled_up()
    for wrong in (
        {"codes": b"\0"},
        {"persons": (1,)},
        {"persons": (1, -1)},
        {"persons": (1, 2**31)},
        {"lengths": b"\1"},
        {"lengths": b"\1\1"},
        {"tags": ()},
        {"tags": (-1,)},
        {"tags": (2**31,)},
        {"campaigns": ()},
        {"campaigns": (-1,)},
    ):
        with pytest.raises(ValueError, match=r"tag|person|campaign"):
            rolled_up(**wrong)
    with pytest.raises(IndexError):
        rolled_up(codes=bytes([0, len(COUNTING)]))


def test_newcomers_of_a_series_without_a_row_and_forms_that_are_not_there_are_refused() -> None:
    one = np.ones(1, np.int64)
    for key, wrote in ((5 << 32, 0), (3 << 32, 1), (3 << 32, -2)):
        table = np.array([[0, 3, 0, 0, 0, 0, 0, 0]], np.int32)
        with pytest.raises(IndexError):
            compiled.closing.newcomers(key * one, np.ones(1, np.uint8), wrote * one, one, table)


def test_pairs_are_in_order_up_to_the_largest_number_of_a_series() -> None:
    tags = [2**31 - 1, *(number << 24 | 3 for number in range(127, 0, -1)), 2]
    keys, wrote, table = compiled.closing.roll_up(
        np.zeros(1, np.uint8),
        np.array([2**31 - 1], np.int64),
        np.array([len(tags)], np.uint8),
        np.array(tags, np.int64),
        np.empty(0, np.int64),
        np.empty(0, np.int64),
        COUNTING,
        COLUMN,
    )
    assert keys.tolist() == [number << 32 | 2**31 - 1 for number in sorted([0, *tags])]
    assert wrote.tolist() == [-1, *reversed(range(len(tags)))]
    assert table[:, 1].tolist() == sorted([0, *tags])


def test_votes_for_slots_and_tags_that_are_not_there_are_refused() -> None:
    def count(*slots: int, people: int = 1, tag_of: int = 0, leader: int = 0) -> list[int]:
        one = np.ones(1, np.int64)
        counts = np.array([1 << 62, 0], np.int64)
        return compiled.closing.count_votes(
            np.array(slots, np.int64), np.ones(people, np.int64), counts, tag_of * np.ones(2, np.int64), leader * one
        )

    assert count(1) == []
    with pytest.raises(ValueError, match="1 slots, but 2 counts"):
        count(1, people=2)
    for wrong in ({"tag_of": 1}, {"tag_of": -1}, {"leader": 2}):
        with pytest.raises(IndexError):
            count(1, **wrong)
    for slot in (-1, 2):
        with pytest.raises(IndexError):
            count(slot)
