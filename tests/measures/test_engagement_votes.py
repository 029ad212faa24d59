"""Votes in columns: whatever the words' numbers are, they are those of LabelVotes that count one after the other."""

from __future__ import annotations

from collections import Counter
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack

from streams import compiled
from streams.measures.engagement.numbering import Numbers
from streams.measures.engagement.votes import FEW, Votes, Written
from streams.measures.hashtags import LabelVotes

NAMES = ("", "x", "y", "z")
WAYS = [True, False] if compiled.COMPILED else [False]


def written(votes: list[tuple[int, str]], words: Numbers) -> Written:
    return Written(
        np.array([tag for tag, _ in votes], np.int64), np.array(words.of([form for _, form in votes]), np.int64), words
    )


def count_plainly(by_tag: dict[str, LabelVotes], votes: list[tuple[int, str]]) -> None:
    counted = Counter(votes)
    known = {(tag, form) for tag, form in counted if form in by_tag.get(NAMES[tag], LabelVotes()).forms}
    for tag, form in [*known, *sorted(counted.keys() - known)]:
        by_tag.setdefault(NAMES[tag], LabelVotes()).add(form, counted[tag, form])


@pytest.mark.parametrize("way", WAYS)
@given(
    minutes=st.lists(
        st.tuples(
            st.lists(st.tuples(st.integers(1, 3), st.sampled_from("abcdefghijkxyzX")), max_size=3 * FEW),
            st.sampled_from(["go on", "new words", "write", "restore"]),
        ),
        max_size=12,
    )
)
def test_votes_and_labels_are_those_of_counting_one_by_one(
    way: bool, minutes: list[tuple[list[tuple[int, str]], str]]
) -> None:
    with patch.object(compiled, "COMPILED", way):
        count_and_compare(minutes)


def count_and_compare(minutes: list[tuple[list[tuple[int, str]], str]]) -> None:
    by_tag: dict[str, LabelVotes] = {}
    plain: dict[str, LabelVotes] = {}
    votes, words = Votes(by_tag), Numbers()
    for cast, then in minutes:
        votes.add(written(cast, words), NAMES)
        count_plainly(plain, cast)
        labels = {name: label for name in NAMES if name in plain and (label := plain[name].label(name)) != name}
        assert votes.labels(NAMES) == labels
        if then == "new words":
            words = Numbers()
            words["something else"]  # gives it the first number
        elif then != "go on":
            votes.settle()
            assert by_tag == plain
            if then == "restore":
                by_tag = msgpack.decode(msgpack.encode(by_tag), type=dict[str, LabelVotes])
                votes = Votes(by_tag)
    votes.settle()
    assert by_tag == plain


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("ahead", [0, 1])
def test_a_form_leads_as_soon_as_it_has_as_many_people_and_is_the_first_by_code_points(
    ahead: int, way: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "COMPILED", way)
    votes, words = Votes({}), Numbers()
    votes.add(written([(1, "X")] * FEW + [(1, "x")] * (FEW + ahead), words), NAMES)
    assert votes.labels(["x"]) == ({} if ahead else {"x": "X"})
    votes.add(written([(1, "X")] * FEW, words), NAMES)
    assert votes.labels(["x"]) == {"x": "X"}
