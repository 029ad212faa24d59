"""Source `viva-engage` against a server that pages and limits as Viva Engage does."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aiohttp import web

from schemas.codec import UnreadableError
from streams.ingest.viva_engage import narrowed, read
from tests.support.ingest import NOW, until
from tests.support.services import running, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.ingest import Bench


def message(number: int, before: int = 60_000, **more: Any) -> dict[str, Any]:
    created = time.strftime("%Y/%m/%d %H:%M:%S +0000", time.gmtime((NOW - before) / 1000))
    body = {"plain": "Hello #Jun", "parsed": "Hello #Jun"}
    return {"id": number, "sender_id": 7, "sender_type": "user", "created_at": created, "body": body, **more}


class Engage:
    """The API of a network; `fail` answers after so many pages with an error."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.limited = 0
        self.fail = 0
        self.asked: list[tuple[str, dict[str, str]]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        if self.limited:
            self.limited -= 1
            return web.Response(status=429, headers={"Retry-After": "1"})
        query = dict(request.query)
        self.asked.append((request.path, query))
        if self.fail and len(self.asked) >= self.fail:
            return web.Response(status=502)
        newer, older = int(query.get("newer_than", 0)), int(query.get("older_than", 10**9))
        found = sorted((one for one in self.messages if newer < one["id"] < older), key=lambda one: -one["id"])
        page = found[: int(query["limit"])]
        return web.json_response(
            {"messages": page, "references": [], "meta": {"older_available": len(found) > len(page)}}
        )


def make(bench: Callable[..., Bench], address: str, folder: Path, **more: Any) -> Bench:
    (folder / "token").write_text("a-token")
    entry = {"kind": "viva-engage", "api": address, "token": {"file": "token"}, "poll_seconds": 0.05}
    return bench(**{**entry, **more})


async def test_half_a_sweep_does_not_move_the_position(bench: Callable[..., Bench], tmp_path: Path) -> None:
    server = Engage()
    server.messages = [message(number) for number in range(1, 51)]
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path)

        async def stopping(request: web.Request) -> web.StreamResponse:
            one.intake.stop()
            return await server.handle(request)

        service.handle = stopping
        await one.source.work(one.intake)
    assert len(one.outlet.events) == 50 or not (tmp_path / "checkpoints/posts.json").exists()


async def test_pages_are_read_back_to_the_position_and_then_what_is_newer(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    server = Engage()
    server.messages = [message(number) for number in range(1, 51)] + [message(0, before=3_600_001)]
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path)
        async with running(one) as task:
            await until(lambda: len(one.outlet.events) == 50, task)
            server.messages += [message(number) for number in range(51, 96)]
            await until(lambda: len(one.outlet.events) == 95, task)
            await until(lambda: one.source.standing(NOW).complete_to == NOW, task)
    assert len({event.id for event in one.outlet.events}) == 95
    assert {event.tags for event in one.outlet.events} == {("jun",)}


async def test_a_sweep_that_breaks_off_loses_nothing(bench: Callable[..., Bench], tmp_path: Path) -> None:
    server = Engage()
    server.messages = [message(number) for number in range(1, 51)]
    server.fail = 2
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path)
        async with running(one) as task:
            await until(lambda: "answered 502" in one.source.standing(NOW).reason, task)
            server.fail = 0
            await until(lambda: len({event.id for event in one.outlet.events}) == 50, task)


async def test_communities_have_positions_of_their_own_and_a_limit_is_obeyed(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    server = Engage()
    server.messages = [message(1)]
    server.limited = 1
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path, communities=[31, 32])
        async with running(one) as task:
            await until(lambda: "rate limit" in one.source.standing(NOW).reason, task)
            await until(lambda: len(server.asked) > 3, task)
    assert [path for path, _ in server.asked[:2]] == [f"/api/v1/messages/in_group/{one}.json" for one in (31, 32)]
    assert server.asked[2][1]["newer_than"] == "1"


def test_an_answer_and_a_share_say_whose_message_it_is() -> None:
    references = [{"type": "message", "id": 5, "sender_id": 9}, {"type": "user", "id": 5, "name": "x"},
                  {"type": "topic", "id": "odd"}]  # fmt: skip
    raws = [msgspec.Raw(json.dumps(one).encode()) for one in references]
    answer = read(narrowed(json.dumps(message(6, replied_to_id=5)).encode(), raws))
    assert (answer.kind, answer.reference, answer.target, answer.channel) == ("reply", "5", "9", "")
    share = read(narrowed(json.dumps(message(6, shared_message_id=5, group_id=3)).encode(), raws))
    assert (share.kind, share.reference, share.target, share.channel) == ("reshare", "5", "9", "3")


def test_who_is_named_is_a_mention() -> None:
    body = {"plain": "@office hello", "parsed": "[[user:44]] hello"}
    assert read(narrowed(json.dumps(message(1, body=body)).encode(), [])).mentions == ("44",)


@pytest.mark.parametrize("flag", ["system_message", "direct_message"])
def test_letters_and_the_systems_own_are_not_read(flag: str) -> None:
    assert read(narrowed(json.dumps(message(1, **{flag: True})).encode(), [])) is None


def test_a_real_message_is_read_by_hand(shared_data: Path) -> None:
    raw = (shared_data / "payloads/m365-teams-yammer/engage-message-get-0.json").read_bytes()
    found = read(narrowed(raw, []))
    assert (found.id, found.account, found.channel) == ("2000337749565441", "36425097217", "31158067201")
    assert (found.kind, found.at, found.text) == ("post", 1_668_200_420_000, "Hello everyone!")


async def test_the_real_list_gives_its_message(bench: Callable[..., Bench], shared_data: Path, tmp_path: Path) -> None:
    body = (shared_data / "payloads/m365-teams-yammer/engage-message-list-0.json").read_bytes()
    now = 1_668_200_420_000

    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body)

    async with serving(handle) as service:
        one = make(bench, service.address, tmp_path, clock=lambda: now)
        async with running(one) as task:
            await until(lambda: len(one.outlet.events) == 1, task)
    assert one.outlet.events[0].at == 1_668_200_350_000


def test_a_message_without_its_moment_is_refused() -> None:
    with pytest.raises(UnreadableError, match="created_at"):
        read(narrowed(json.dumps(message(1, created_at="")).encode(), []))
