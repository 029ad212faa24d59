from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import EARLIEST, MAXIMUM_TAGS, Event
from streams.measures.hashtags import LabelVotes, extract, tags_and_labels
from streams.measures.hashtags.labels import MAXIMUM_FORMS

FEW_FORMS = st.lists(st.sampled_from([f"form{number}" for number in range(MAXIMUM_FORMS)]), max_size=60)
MANY_FORMS = st.lists(st.sampled_from([f"form{number}" for number in range(3 * MAXIMUM_FORMS)]), max_size=120)


def counted(forms: list[str]) -> LabelVotes:
    votes = LabelVotes()
    for form in forms:
        votes.add(form)
    return votes


def test_the_form_that_most_people_wrote_is_the_label() -> None:
    votes = counted(["reggaeton", "Reggaeton", "ReggaeTon", "Reggaeton"])
    assert votes.label("reggaeton") == "Reggaeton"


def test_of_forms_with_as_many_people_the_first_by_code_points_is_the_label_in_any_order() -> None:
    assert counted(["jun", "JUN", "Jun"]).label("jun") == "JUN"
    assert counted(["Jun", "jun", "JUN"]).label("jun") == "JUN"
    assert counted(["JUN", "Jun", "jun", "jun"]).label("jun") == "jun"


def test_the_label_of_a_tag_that_nobody_wrote_is_its_key() -> None:
    assert LabelVotes().label("jun") == "jun"


@given(FEW_FORMS)
def test_counts_are_exact_while_there_are_no_more_forms_than_are_kept(forms: list[str]) -> None:
    assert counted(forms).forms == dict(Counter(forms))


@given(MANY_FORMS)
def test_no_flood_of_forms_makes_it_larger_or_takes_more_than_its_share_from_a_count(forms: list[str]) -> None:
    votes = counted(forms)
    assert len(votes.forms) <= MAXIMUM_FORMS
    for form, people in Counter(forms).items():
        assert 0 <= people - votes.forms.get(form, 0) <= len(forms) // (MAXIMUM_FORMS + 1)


def test_a_form_that_a_third_of_the_people_wrote_outlasts_a_flood_of_others() -> None:
    forms = [form for number in range(500) for form in (f"noise{number}a", f"noise{number}b", "Jun")]
    assert counted(forms).label("jun") == "Jun"


@given(MANY_FORMS, MANY_FORMS)
def test_two_shards_may_be_merged_in_either_order_within_the_same_bound(left: list[str], right: list[str]) -> None:
    one, other = counted(left), counted(right)
    one.merge(counted(right))
    other.merge(counted(left))
    assert one.forms == other.forms
    assert len(one.forms) <= MAXIMUM_FORMS
    for form, people in Counter(left + right).items():
        assert 0 <= people - one.forms.get(form, 0) <= len(left + right) // (MAXIMUM_FORMS + 1)


@given(MANY_FORMS)
def test_it_comes_back_from_bytes_as_it_was(forms: list[str]) -> None:
    votes = counted(forms)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(votes), type=LabelVotes) == votes
    assert msgspec.json.decode(msgspec.json.encode(votes), type=LabelVotes) == votes


def test_an_event_has_each_key_once_with_the_form_that_came_first() -> None:
    tags, labels = tags_and_labels(["Jun", "JUN", "granada"])
    assert tags == ("jun", "granada")
    assert labels == ("Jun", "granada")


def test_forms_that_are_their_own_keys_need_no_labels() -> None:
    assert tags_and_labels(["jun", "granada"]) == (("jun", "granada"), ())
    assert tags_and_labels([]) == ((), ())


def test_an_event_takes_as_many_tags_as_its_schema_allows_and_no_form_without_a_key() -> None:
    tags, labels = tags_and_labels([":", *(f"Tag{number}" for number in range(MAXIMUM_TAGS + 1))])
    assert len(tags) == len(labels) == MAXIMUM_TAGS
    assert tags[0] == "tag0"


def test_a_form_longer_than_a_label_may_be_is_shown_by_its_key() -> None:
    decomposed = "\u1112\u1161\u11ab" * 100
    tags, labels = tags_and_labels(extract(f"#{decomposed}"))
    assert tags == ("한" * 100,)
    assert labels == ()


@given(st.lists(st.text(max_size=200), max_size=40))
def test_the_fields_are_taken_by_the_schema_whatever_was_written(forms: list[str]) -> None:
    tags, labels = tags_and_labels(forms)
    event = Event("e", EARLIEST, "granada", "a", "post", "s", tags=tags, labels=labels)
    assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event
    assert len(labels) in {0, len(tags)}
