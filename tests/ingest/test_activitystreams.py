from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.ingest import NOW, Bench
from tests.support.push import Called, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

TOKEN = {"Authorization": "Bearer a-token-of-some-length", "Content-Type": "application/activity+json"}
NOTE = {
    "type": "Note",
    "id": "https://jun.example/notes/1",
    "published": "2026-05-28T20:26:39Z",
    "content": "<p>Good day <a href='#x'>#<span>Jun</span></a></p>",
}
CREATE = {
    "@context": "https://www.w3.org/ns/activitystreams",
    "type": "Create",
    "id": "https://jun.example/activities/1",
    "actor": {"type": "Person", "id": "ana"},
    "object": NOTE,
}


@pytest.fixture
async def called(bench: Callable[..., Bench], tmp_path: Path) -> AsyncIterator[Called]:
    (tmp_path / "token").write_text("a-token-of-some-length")
    async with listening(bench(kind="activitystreams", port=0, token={"file": "token"})) as one:
        yield one


async def said(called: Called, activity: object, status: int = 202) -> list[tuple[str, str, str]]:
    """Send something; give kind, role and reference of all events so far."""
    assert (await called.call(activity, TOKEN)).status == status
    return [(event.kind, event.role, event.reference) for event in called.events]


async def test_a_created_note_is_a_post_and_its_update_the_same_event(called: Called) -> None:
    await said(called, CREATE)
    await said(
        called, {**CREATE, "type": "Update", "id": "other", "object": {**NOTE, "updated": "2026-05-28T20:26:40Z"}}
    )
    first, second = called.events
    assert first == second
    assert (first.id, first.at, first.region) == (called.bench.original(NOTE["id"]), NOW - 1000, "granada")


async def test_a_long_collection_is_read_to_its_end(called: Called) -> None:
    others = [{"type": "Follow", "id": str(number)} for number in range(10_001)]
    await said(called, {"type": "Collection", "items": [*others, CREATE]})
    assert [event.id for event in called.events] == [called.bench.original(NOTE["id"])]


async def test_one_bad_activity_of_a_collection_is_a_dead_letter_and_the_others_are_taken(called: Called) -> None:
    await said(called, {"type": "OrderedCollection", "orderedItems": [{"type": "Like"}, CREATE]}, status=400)
    assert [event.id for event in called.events] == [called.bench.original(NOTE["id"])]
    assert len(called.outlet.letters) == 1


async def test_a_note_alone_is_a_post_of_whom_it_is_attributed_to(called: Called) -> None:
    assert await said(called, {**NOTE, "attributedTo": ["ana", "ben"]}) == [("post", "leader", "")]


async def test_an_answer_a_repost_a_like_and_a_view(called: Called) -> None:
    original = called.bench.original
    reply = {**CREATE, "object": {**NOTE, "id": "r", "inReplyTo": {"id": "q"}}}
    announce = {
        "type": "Announce",
        "actor": "ana",
        "object": {**NOTE, "attributedTo": "office"},
        "published": "2026-05-28T20:26:39Z",
    }
    like = {**announce, "type": ["Like", "ext:Love"], "object": "n", "id": "l"}
    view = {**announce, "type": "View", "object": "n", "id": "v"}
    told = await said(called, [reply, announce, like, view])
    assert told == [
        ("reply", "leader", original("q")),
        ("reshare", "leader", original(NOTE["id"])),
        ("recognised", "leader", original(NOTE["id"])),
        ("reaction", "leader", original("n")),
        ("view", "leader", original("n")),
    ]


async def test_hashtags_and_mentions_are_taken_from_the_tags(called: Called) -> None:
    tags = [{"type": "Hashtag", "name": "#One"}, {"type": "Mention", "href": "x"}, {"type": "Hashtag", "name": "#"}]
    await said(called, {**CREATE, "object": {**NOTE, "tag": tags}})
    assert called.events[0].tags == ("one",)


async def test_applications_are_bots(called: Called) -> None:
    assert await said(called, {**CREATE, "actor": {"type": "Service", "id": "x"}}) == [("post", "bot", "")]


@pytest.mark.parametrize("kind", ["Delete", "Undo", "Follow", "Join", "Remove", "Person", "Place"])
async def test_what_takes_nothing_part_is_passed_over(called: Called, kind: str) -> None:
    assert await said(called, {**CREATE, "type": kind}) == []
    assert called.outlet.letters == []


async def test_a_collection_is_what_is_in_it(called: Called) -> None:
    items: list[Any] = [CREATE, "https://jun.example/other", {"type": "Collection", "items": [CREATE]}]
    assert len(await said(called, {"type": "OrderedCollection", "orderedItems": items})) == 1


@pytest.mark.parametrize(
    ("activity", "reason"),
    [
        ({}, "wrong_type"),
        (7, "wrong_type"),
        ({**CREATE, "object": {**NOTE, "published": None}}, "wrong_type"),
        ({**CREATE, "id": 7, "object": {**NOTE, "id": None}}, "no_id"),
        ({**CREATE, "actor": None}, "wrong_type"),
    ],
)
async def test_what_is_wrong_is_said(called: Called, activity: object, reason: str) -> None:
    await said(called, activity, 400)
    assert [letter.reason for letter in called.outlet.letters] == [reason]


async def test_no_example_of_the_specification_ends_in_an_error_and_those_with_all_it_takes_are_read(
    called: Called, shared_data: Path
) -> None:
    files = sorted((shared_data / "payloads/activitystreams2/test").rglob("*.json"))
    assert len(files) > 200
    read: dict[str, str] = {}
    for file in files:
        before = len(called.events)
        assert (await called.call(file.read_bytes(), TOKEN)).status in {202, 400}
        for event in called.events[before:]:
            read[file.name] = event.kind
    # A thing, somebody and a moment are what it takes; found by reading the examples.
    assert read == {
        "core-ex19-jsonld.json": "reaction",
        "core-ex2-jsonld.json": "post",
        "core-ex20-jsonld.json": "reaction",
        "core-ex27-jsonld.json": "post",
        "core-ex3-jsonld.json": "post",
        "core-ex4-jsonld.json": "post",
        "vocabulary-ex193-jsonld.json": "reaction",
        "vocabulary-ex193b-jsonld.json": "reaction",
    }
