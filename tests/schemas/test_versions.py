"""A reader takes today's version and the one before, and refuses anything else with a sentence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas.codec import UnreadableError, event_reader
from schemas.events import MAXIMUM_TAGS, Event

TODAY: dict[str, Any] = {
    "type": "event",
    "id": "abc",
    "at": 1_700_000_000_500,
    "region": "lima",
    "actor": "p1",
    "kind": "post",
    "source": "posts",
    "v": 2,
}
EVENT = Event(id="abc", at=1_700_000_000_500, region="lima", actor="p1", kind="post", source="posts")


def raw(**changes: Any) -> bytes:
    message = {**TODAY, **changes}
    return msgspec.json.encode({key: value for key, value in message.items() if value is not ...})


def refused(message: bytes) -> UnreadableError:
    with pytest.raises(UnreadableError) as caught:
        event_reader.read(message)
    return caught.value


def test_todays_version_is_taken() -> None:
    assert event_reader.read(raw()) == EVENT


def test_the_version_before_is_taken_with_its_time_in_seconds() -> None:
    assert event_reader.read(raw(v=1, at=..., ts=1_700_000_000.5)) == EVENT


def test_seconds_become_the_nearest_millisecond() -> None:
    assert event_reader.read(raw(v=1, at=..., ts=1_000_000_001.0006)) == msgspec.structs.replace(
        EVENT, at=1_000_000_001_001
    )


@pytest.mark.parametrize(("version", "reason", "said"), [
    (3, "new_version", "wanted version 2 or 1, got 3: update this process"),
    (99, "new_version", "wanted version 2 or 1, got 99: update this process"),
    (0, "old_version", "wanted version 2 or 1, got 0: too old to read"),
    (-1, "old_version", "wanted version 2 or 1, got -1: too old to read"),
    ("2", "wrong_type", "wanted a version number in `v`, got str"),
    (True, "wrong_type", "wanted a version number in `v`, got bool"),
    (None, "wrong_type", "wanted a version number in `v`, got NoneType"),
    (2.5, "wrong_type", "wanted a version number in `v`, got float"),
])  # fmt: skip
def test_any_other_version_is_refused_with_a_sentence(version: object, reason: str, said: str) -> None:
    error = refused(raw(v=version))
    assert (error.reason, str(error)) == (reason, said)


def test_a_version_before_that_is_wrong_in_itself_is_refused() -> None:
    assert refused(raw(v=1, at=..., ts="soon")).reason == "wrong_type"
    assert refused(raw(v=1, at=...)).reason == "wrong_type"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "not_json"),
        (b"rubbish", "not_json"),
        (b'{"id": ', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"id": "\xff"}', "not_utf8"),
        (b'\0{"id": "1"}', "null_bytes"),
        (b"[]", "wrong_type"),
        (b"3", "wrong_type"),
        (raw(at="soon"), "wrong_type"),
        (raw(at=0), "wrong_type"),
        (raw(at=631_151_999_999), "wrong_type"),
        (raw(at=253_402_300_800_000), "wrong_type"),
        (raw(actor=""), "wrong_type"),
        (raw(region="x" * 65), "wrong_type"),
        (raw(type="other"), "wrong_type"),
        (raw(id=...), "no_id"),
        (raw(kind="like"), "unknown_kind"),
        (raw(tags=["t"] * (MAXIMUM_TAGS + 1)), "too_many_tags"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(message: bytes, reason: str) -> None:
    assert refused(message).reason == reason


@pytest.mark.parametrize(
    "message",
    [
        raw(at=631_152_000_000),
        raw(at=253_402_300_799_999),
        raw(region="x" * 64),
        raw(region="#"),
        raw(region='a"\\b'),
        raw(region="a b\u007f"),
        raw(tags=["t"] * MAXIMUM_TAGS),
        raw(more="ignored"),
    ],
)
def test_what_is_just_within_the_bounds_is_taken(message: bytes) -> None:
    assert isinstance(event_reader.read(message), Event)


@pytest.mark.parametrize("name", ["id", "region", "actor", "source", "formerly"])
@pytest.mark.parametrize("character", ["\t", "\n", "\0", "\x1f"])
def test_names_with_control_characters_are_refused_with_a_sentence_that_does_not_quote_them(
    name: str, character: str
) -> None:
    for value in (f"a{character}b", f"{character}b", f"a{character}"):
        told = refused(raw(**{name: value}))
        assert told.reason == "wrong_type"
        assert str(told) == f"wanted no control characters in a name, but there is one in `$.{name}`"
        assert refused(raw(v=1, at=..., ts=1_700_000_000, **{name: value})).reason == "wrong_type"


def test_a_heartbeat_with_a_control_character_in_one_of_its_regions_is_refused() -> None:
    beat = {"type": "heartbeat", "source": "s", "status": "ok", "clock": 1, "complete_to": 1, "regions": ["a", "b\t"]}
    told = refused(msgspec.json.encode({**beat, "reason": "any\ttext", "v": 2}))
    assert str(told) == "wanted no control characters in a name, but there is one in `$.regions[1]`"
    assert event_reader.read(msgspec.json.encode({**beat, "regions": ["a"], "reason": "any\ttext", "v": 2}))
