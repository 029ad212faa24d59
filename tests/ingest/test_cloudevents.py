from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from streams.ingest.parts import MAXIMUM_EVENTS
from streams.ingest.source import settings_of
from tests.support.ingest import NOW, Bench
from tests.support.push import Answer, Called, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

TOKEN = {"Authorization": "Bearer a-token-of-some-length"}
DATA = {"account": "ana", "text": "#Jun", "kind": "reply", "reference": "1"}
EVENT = {
    "specversion": "1.0",
    "id": "2",
    "source": "/intranet",
    "type": "com.example.comment",
    "time": "2026-05-28T20:26:39Z",
    "data": DATA,
}
STRUCTURED = {**TOKEN, "Content-Type": "application/cloudevents+json; charset=utf-8"}
BATCH = {**TOKEN, "Content-Type": "application/cloudevents-batch+json"}


@pytest.fixture
async def called(bench: Callable[..., Bench], tmp_path: Path) -> AsyncIterator[Called]:
    (tmp_path / "token").write_text("a-token-of-some-length")
    async with listening(bench(kind="cloudevents", port=0, token={"file": "token"})) as one:
        yield one


def reasons(answer: Answer) -> list[str]:
    return [refused["reason"] for refused in json.loads(answer.body)["refused"]]


async def test_binary_structured_and_batch_say_the_same(called: Called) -> None:
    made = CloudEvent(
        {"id": "2", "source": "/intranet", "type": "com.example.comment", "specversion": "1.0",
         "datacontenttype": "application/json", "time": dt.datetime(2026, 5, 28, 20, 26, 39, tzinfo=dt.UTC)}, DATA,
    )  # fmt: skip
    for message in (to_binary_event(made), to_structured_event(made)):
        assert (await called.call(message.body, {**message.headers, **TOKEN})).status == 202
    assert (await called.call([EVENT, EVENT], BATCH)).status == 202
    assert len(called.events) == 4
    assert len(set(called.events)) == 1
    event = called.events[0]
    assert event.id == called.bench.original("/intranet#2")
    assert event.reference == called.bench.original("/intranet#1")
    assert (event.kind, event.at, event.region, event.tags) == ("reply", NOW - 1000, "granada", ("jun",))


async def test_the_examples_of_the_conformance_tests_are_understood(called: Called, shared_data: Path) -> None:
    text = (shared_data / "payloads/cloudevents-conformance/features/http-protocol-binding.feature").read_text()
    requests = re.findall(r'"""\n\s*POST .*?\n(.*?)"""', text, re.DOTALL)
    assert len(requests) == 2
    for request in requests:
        head, _, body = re.sub(r"^ {8}", "", request, flags=re.MULTILINE).partition("\n\n")
        headers = dict(line.strip().split(": ", 1) for line in head.strip().splitlines())
        binary = "ce-id" in headers
        headers["Content-Type"] = "application/json" if binary else "application/cloudevents+json"
        wanted = {name: value for name, value in headers.items() if name not in {"Host", "Content-Length"}}
        # They are well-formed, and say nothing about anybody.
        answer = await called.call(body.encode(), {**wanted, **TOKEN})
        assert (answer.status, reasons(answer)) == (400, ["unknown_kind"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"data": "text"}, "wrong_type"),
        ({"data": None}, "wrong_type"),
        ({"id": ""}, "wrong_type"),
        ({"id": None}, "no_id"),
        ({"specversion": "9"}, "wrong_type"),
        ({"time": "soon"}, "wrong_type"),
        ({"time": None}, "wrong_type"),
        ({"data": {**DATA, "account": ""}}, "wrong_type"),
        ({"data": {"account": "ana"}}, "unknown_kind"),
        ({"data": {**DATA, "kind": "shout"}}, "unknown_kind"),
        ({"time": "2026-05-28T20:28:41Z"}, "future"),
    ],
)
async def test_what_is_wrong_is_said(called: Called, change: dict[str, Any], reason: str) -> None:
    event = {name: value for name, value in {**EVENT, **change}.items() if value is not None}
    answer = await called.call(event, STRUCTURED)
    assert (answer.status, reasons(answer)) == (400, [reason])
    answer = await called.call([EVENT, event], BATCH)
    assert json.loads(answer.body)["accepted"] == 1


async def test_other_bodies_are_refused(called: Called) -> None:
    for body, headers in (
        (b"{}", TOKEN),
        (b"[" * 100_000, STRUCTURED),
        (b'{"data":' * 100_000, STRUCTURED),
        (b"\xff", STRUCTURED),
        (b"[" * 100_000, BATCH),
        (b"7", BATCH),
        (b"{}", {**TOKEN, "ce-specversion": "1.0", "ce-id": "1", "ce-time": "%"}),
        (b"{}", {**TOKEN, "ce-specversion": "1.0"}),
    ):
        assert (await called.call(body, headers)).status == 400
    assert len(called.outlet.letters) == 8
    assert called.events == []


async def test_a_mapping_says_where_our_fields_are(bench: Callable[..., Bench], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-token-of-some-length")
    one = bench(
        kind="cloudevents", port=0, token={"file": "token"}, kinds={"page.liked": "reaction"},
        fields={"account": "user.login", "reference": "page"},
    )  # fmt: skip
    async with listening(one) as called:
        liked = {**EVENT, "type": "page.liked", "data": {"user": {"login": "ana"}, "page": 7, "kind": "post"}}
        assert (await called.call(liked, STRUCTURED)).status == 202
        assert (await called.call({**liked, "type": "page.moved"}, STRUCTURED)).status == 202
        (event,) = called.events
        assert (event.kind, event.role, event.reference) == (
            "reaction", "leader", called.bench.original("/intranet#7"),
        )  # fmt: skip


async def test_a_last_part_of_the_type_that_is_a_kind_is_the_kind_and_a_subject_the_account(called: Called) -> None:
    event = {**EVENT, "type": "org.example.reaction", "subject": "ana", "data": {}}
    assert (await called.call(event, STRUCTURED)).status == 202
    assert [(one.kind, one.role) for one in called.events] == [("reaction", "leader")]


def test_a_field_that_is_none_of_ours_is_told() -> None:
    with pytest.raises(ValueError, match="colour"):
        settings_of({"kind": "cloudevents", "name": "posts", "fields": {"colour": "x"}})


async def test_only_named_origins_may_validate(bench: Callable[..., Bench], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-token-of-some-length")
    one = bench(kind="cloudevents", port=0, token={"file": "token"}, origins=["eventgrid.azure.net"])
    async with listening(one) as called:
        answer = await called.call(method="OPTIONS", headers={"WebHook-Request-Origin": "eventgrid.azure.net"})
        assert (answer.status, answer.headers["WebHook-Allowed-Origin"]) == (200, "eventgrid.azure.net")
        for origin in ("evil.example", ""):
            headers = {"WebHook-Request-Origin": origin}
            assert (await called.call(method="OPTIONS", headers=headers)).status == 403


async def test_a_batch_of_too_many_is_one_dead_letter_and_its_caller_is_told(called: Called) -> None:
    answer = await called.call([{}] * (MAXIMUM_EVENTS + 1), BATCH)
    assert answer.status == 400
    (letter,) = called.outlet.letters
    assert (letter.reason, letter.size) == ("too_large", len(json.dumps([{}] * (MAXIMUM_EVENTS + 1))))
    assert "got 10001: send them in several" in letter.detail
    assert letter.detail in answer.body.decode()
