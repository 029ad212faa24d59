"""Whatever a message may hold comes back as it was, and is understood by what reads its topic."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from schemas.activity import WINDOWS, Activity, ActivityRecord, Count, SourceChange, Windows
from schemas.codec import Reader, encode
from schemas.deadletter import DeadLetter, DeadLetterRecord, Redriven
from schemas.events import Event, EventRecord, Heartbeat
from schemas.regions import RegionStatus, Transition
from schemas.version import VERSION

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

MESSAGES: list[tuple[type[Struct], Any]] = [
    (Event, EventRecord),
    (Heartbeat, EventRecord),
    (Activity, ActivityRecord),
    (SourceChange, ActivityRecord),
    (RegionStatus, RegionStatus),
    (Transition, Transition),
    (DeadLetter, DeadLetterRecord),
    (Redriven, DeadLetterRecord),
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def values(kind: Any) -> SearchStrategy[Any]:
    """Give any value of a type that the structs use, within the bounds of its annotation."""
    meta = Meta()
    if get_origin(kind) is Annotated:
        kind, meta = get_args(kind)[:2]
    if get_origin(kind) is not None or isinstance(kind, types.UnionType):
        return of_several(get_origin(kind), get_args(kind))
    if kind is Windows:
        return windows()
    if issubclass(kind, Struct):
        return structs(kind)
    if kind is int:
        return st.integers(
            -(2**53) if meta.ge is None else int(meta.ge), 2**53 if meta.lt is None else int(meta.lt) - 1
        )
    if kind is str:
        names = TEXT.filter(lambda text: len(text) >= (meta.min_length or 0))
        return names.filter(lambda text: min(text, default=" ") >= " ") if meta.extra_json_schema else names
    plain = {float: st.floats(allow_nan=False, allow_infinity=False), bool: st.booleans(), bytes: st.binary(max_size=9)}
    return plain[kind]


def of_several(origin: Any, inner: tuple[Any, ...]) -> SearchStrategy[Any]:
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is tuple:
        return st.lists(values(inner[0]), max_size=2).map(tuple)
    if origin is list:
        return st.lists(values(inner[0]), max_size=2)
    if origin is dict:
        return st.dictionaries(values(inner[0]), values(inner[1]), max_size=2)
    return st.one_of([values(one) for one in inner])


def structs(kind: type[Struct]) -> SearchStrategy[Any]:
    hints = get_type_hints(kind, include_extras=True)
    fields = {name: values(hints[name]) for name in kind.__struct_fields__}
    return st.fixed_dictionaries(fields).map(lambda given: kind(**given))


@st.composite
def windows(draw: st.DrawFn) -> Windows:
    """Give windows with a count for each of their series."""
    series = draw(st.lists(TEXT, max_size=2, unique=True))
    row = st.lists(values(Count), min_size=len(series), max_size=len(series))
    column = st.lists(row, min_size=len(WINDOWS), max_size=len(WINDOWS))
    return Windows(series, *(draw(column) for _ in range(6)))


@pytest.mark.parametrize(("kind", "record"), MESSAGES, ids=lambda one: getattr(one, "__name__", ""))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_message_comes_back_as_it_was(kind: type[Struct], record: Any, data: st.DataObject) -> None:
    message = data.draw(structs(kind))
    assert Reader(record).read(encode(message)) == message


@pytest.mark.parametrize(("kind", "record"), MESSAGES, ids=lambda one: getattr(one, "__name__", ""))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_message_carries_the_version(kind: type[Struct], record: Any, data: st.DataObject) -> None:
    assert record is not None
    assert msgspec.json.decode(encode(data.draw(structs(kind))))["v"] == VERSION


def test_hidden_is_never_read_as_zero() -> None:
    raw = (
        b'{"region":"r","minute":1,"verdict":"hidden","since":0,"reason":"","watermark":0,"clock":0,'
        b'"events_total":{"post":"hidden","reply":0},"v":2}'
    )
    status: RegionStatus = Reader[RegionStatus](RegionStatus).read(raw)
    assert status.events_total == {"post": "hidden", "reply": 0}
    assert status.headcount == "hidden"


def test_what_is_left_out_of_an_event_is_not_written() -> None:
    event = Event(id="1", at=2, region="r", actor="a", kind="post", source="s")
    assert (
        encode(event) == b'{"type":"event","id":"1","at":2,"region":"r","actor":"a","kind":"post","source":"s","v":2}'
    )
