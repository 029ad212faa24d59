from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.codec import UnreadableError
from schemas.events import KINDS, Event
from streams.ingest.submission import Submission, check_time, read_submission

GOOD: dict[str, Any] = {"id": "a1", "at": 1_700_000_000_000, "account": "ana", "text": "#Jun"}


def refusal(raw: bytes) -> UnreadableError:
    with pytest.raises(UnreadableError) as caught:
        read_submission(raw)
    return caught.value


def changed(**fields: Any) -> bytes:
    return json.dumps({name: value for name, value in {**GOOD, **fields}.items() if value is not ...}).encode()


RUBBISH = {
    "not_json": b"{ id: a1 }",
    "wrong_type": changed(text=["#Jun"]),
    "no_id": changed(id=...),
    "not_utf8": b'{"id":"a1","at":1700000000000,"account":"ana","text":"\xff"}',
    "unknown_kind": changed(kind="shouted"),
    "too_many_tags": changed(tags=[f"tag{number}" for number in range(33)]),
    "null_bytes": changed(text="a\0b"),
    "old_version": changed(v=0),
    "new_version": changed(v=3),
}


@pytest.mark.parametrize("reason", RUBBISH)
def test_each_kind_of_rubbish_has_its_own_reason(reason: str) -> None:
    assert refusal(RUBBISH[reason]).reason == reason


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not_json"),
        (b"[1]", "wrong_type"),
        (b'"text"', "wrong_type"),
        (b'{"id":"a\0"}', "null_bytes"),
        (b"[" * 200_000, "not_json"),
        (b'{"id":"\\ud800"}', "not_json"),
        (changed(id=None), "no_id"),
        (changed(id=""), "no_id"),
        (changed(id=["a"]), "wrong_type"),
        (changed(id=True), "wrong_type"),
        (changed(id=10**30), "wrong_type"),
        (changed(id="a" * 1025), "wrong_type"),
        (changed(account=...), "wrong_type"),
        (changed(account=""), "wrong_type"),
        (changed(at=...), "wrong_type"),
        (changed(at="yesterday"), "wrong_type"),
        (changed(at="2026-05-31T08:00:00"), "wrong_type"),
        (changed(at="2026-05-31"), "wrong_type"),
        (changed(at=1.5), "wrong_type"),
        (changed(at=-1), "wrong_type"),
        (changed(at=253_402_300_800_000), "wrong_type"),
        (changed(kind=7), "wrong_type"),
        (changed(v="2"), "wrong_type"),
        (changed(v=True), "wrong_type"),
        (changed(tags=["a\0"]), "null_bytes"),
        (changed(tags=[""]), "wrong_type"),
        (changed(tags=["a" * 141]), "wrong_type"),
        (changed(v=1, at=..., ts=1e308), "wrong_type"),
        (changed(v=1, at=...), "wrong_type"),
    ],
)
def test_other_faults_have_a_reason_too(raw: bytes, reason: str) -> None:
    assert refusal(raw).reason == reason


@pytest.mark.parametrize("raw", [*RUBBISH.values(), changed(kind="Maria", id=["Maria"]), changed(at="Maria")])
def test_a_refusal_says_what_was_wanted_and_never_quotes_the_input(raw: bytes) -> None:
    said = str(refusal(raw))
    assert said.startswith("wanted ")
    assert not any(word in said for word in ("Maria", "shouted", "ana", "#Jun"))


def test_a_submission_may_give_its_time_in_milliseconds_or_as_rfc_3339() -> None:
    expected = 1_780_207_200_000
    assert read_submission(changed(at=expected)).at == expected
    assert read_submission(changed(at="2026-05-31T06:00:00Z")).at == expected
    assert read_submission(changed(at="2026-05-31T08:00:00+02:00")).at == expected
    assert read_submission(changed(at="2026-05-31T06:00:00.0009Z")).at == expected


def test_the_version_before_is_upgraded_from_seconds() -> None:
    assert read_submission(changed(v=1, at=..., ts=1_700_000_000.25)).at == 1_700_000_000_250


def test_numbers_are_taken_as_identifiers_and_accounts() -> None:
    read = read_submission(changed(id=901656910939770881, account=42, reference=7))
    assert (read.id, read.account, read.reference) == ("901656910939770881", "42", "7")


def test_a_backslash_before_u0000_is_not_a_null_byte() -> None:
    assert read_submission(changed(text="\\u0000")).text == "\\u0000"


def test_exactly_the_largest_number_of_tags_is_taken() -> None:
    assert len(read_submission(changed(tags=[f"tag{number}" for number in range(32)])).tags) == 32


def test_a_wire_event_is_a_submission_whose_labels_are_what_was_written() -> None:
    event = Event(
        id="x",
        at=1_700_000_000_005,
        region="jun",
        actor="p1",
        kind="post",
        source="other",
        tags=("straße",),
        labels=("Straße",),
    )
    assert read_submission(msgspec.json.encode(event)) == Submission(
        id="x", at=1_700_000_000_005, account="p1", kind="post", region="jun", tags=("Straße",)
    )


def test_the_future_begins_two_minutes_ahead_of_the_clock() -> None:
    now = 1_700_000_000_000
    check_time(read_submission(changed(at=now + 120_000)), now)
    with pytest.raises(UnreadableError) as caught:
        check_time(read_submission(changed(at=now + 120_001)), now)
    assert caught.value.reason == "future"


FIELDS = [
    *GOOD,
    "actor",
    "kind",
    "tags",
    "labels",
    "region",
    "reference",
    "target",
    "mentions",
    "machine",
    "bot",
    "edited",
    "v",
    "ts",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(KINDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_whatever_comes_is_read_or_refused_and_nothing_else(fields: dict[str, Any]) -> None:
    try:
        read = read_submission(json.dumps({**GOOD, **fields}).encode())
    except UnreadableError:
        return
    assert read.id
    assert read.account
    assert read.kind in KINDS
    assert 0 <= read.at < 253_402_300_800_000
    assert "\0" not in read.text + read.account + read.id


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_random_bytes_are_refused(raw: bytes) -> None:
    assert refusal(raw).reason in {"not_json", "not_utf8", "wrong_type", "null_bytes", "no_id"}
