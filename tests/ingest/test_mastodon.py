"""Source `mastodon` against a server that streams and pages as Mastodon does."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from aiohttp import web

from schemas.codec import UnreadableError
from streams.ingest import sse
from streams.ingest.mastodon_status import read
from tests.support.ingest import NOW, until
from tests.support.services import running, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.ingest import Bench

TOKEN = "the-token-of-the-app"


def identifier(at: int, number: int = 0) -> str:
    return str((at << 16) + number)


def status(at: int, number: int = 0, **more: Any) -> dict[str, Any]:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at // 1000))
    account = {"id": "9", "acct": "ana", "bot": False}
    given = {"id": identifier(at, number), "created_at": seconds, "account": account, "visibility": "public"}
    return {**given, "content": "<p>#Jun</p>", "mentions": [], "tags": [], **more}


class Mastodon:
    """A server with one timeline: `statuses` are there, `send` streams."""

    def __init__(self) -> None:
        self.statuses: list[dict[str, Any]] = []
        self.streams: list[asyncio.Queue[bytes | None]] = []
        self.refuse = 0
        self.tokens: set[str] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.tokens.add(request.headers.get("Authorization", ""))
        if self.refuse:
            return web.Response(status=self.refuse)
        if request.path.startswith("/api/v1/streaming"):
            return await self._stream(request)
        if "min_id" not in request.query:
            before = int(request.query.get("max_id", 10**30))
            older = sorted((one for one in self.statuses if int(one["id"]) < before), key=lambda one: -int(one["id"]))
            return web.json_response(older[: int(request.query["limit"])])
        after = int(request.query["min_id"])
        newer = sorted((one for one in self.statuses if int(one["id"]) > after), key=lambda one: int(one["id"]))
        return web.json_response(newer[: int(request.query["limit"])][::-1])

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b":)\n")
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.streams.append(queue)
        while (part := await queue.get()) is not None:
            await response.write(part)
        return response

    def send(self, event: str, payload: Any) -> None:
        """Stream an event to who listens."""
        data = payload if isinstance(payload, str) else json.dumps(payload)
        self.streams[-1].put_nowait(f"event: {event}\ndata: {data}\n\n".encode())

    def raw(self, part: bytes | None) -> None:
        """Stream bytes, or end the stream."""
        self.streams[-1].put_nowait(part)


def make(bench: Callable[..., Bench], address: str, folder: Path, **more: Any) -> Bench:
    (folder / "token").write_text(TOKEN + "\n")
    entry = {"kind": "mastodon", "server": address, "token": {"file": "token"}, "poll_seconds": 0.05}
    return bench(**{**entry, **more})


def ids(one: Bench) -> list[str]:
    return [event.id for event in one.outlet.events]


async def test_what_was_missed_is_paged_and_then_the_stream_is_heard(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    server = Mastodon()
    server.statuses = [status(NOW - 1_000_000, number) for number in range(95)]
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path)
        async with running(one) as task:
            await until(lambda: len(one.outlet.events) == 95 and bool(server.streams), task)
            server.send("update", status(NOW - 60_000))
            server.send("delete", identifier(NOW - 60_000))
            await until(lambda: len(one.outlet.events) == 96, task)
    assert ids(one)[-1] == one.original(identifier(NOW - 60_000))
    assert server.tokens == {f"Bearer {TOKEN}"}
    assert {event.tags for event in one.outlet.events} == {("jun",)}


async def test_after_a_broken_stream_the_gap_is_read_with_an_overlap_and_nothing_is_lost(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    server = Mastodon()
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path)
        async with running(one) as task:
            await until(lambda: bool(server.streams), task)
            server.send("update", status(NOW - 300_000))
            await until(lambda: len(one.outlet.events) == 1, task)
            # Written while nobody listened; the second came late from another server, with an older moment.
            server.statuses = [status(NOW - 300_000), status(NOW - 200_000), status(NOW - 900_000)]
            server.raw(b"event: update\ndata: {half of a")
            server.raw(None)
            await until(lambda: len(server.streams) == 2, task)
            await until(lambda: len(set(ids(one))) == 3, task)
    assert set(ids(one)) == {one.original(identifier(NOW - at)) for at in (300_000, 200_000, 900_000)}
    assert one.outlet.letters == []


def notification(number: int, before: int) -> dict[str, Any]:
    told = status(NOW - before)
    return {"id": str(number), "type": "favourite", "created_at": told["created_at"], "account": {"acct": "leo"},
            "status": told}  # fmt: skip


async def test_notifications_whose_ids_say_no_moment_are_caught_up_as_well(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    server = Mastodon()
    server.statuses = [notification(number, 60_000 * (200 - number)) for number in range(100, 200)]
    settings = {"timeline": "notifications", "streaming": False}
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path, **settings)
        async with running(one) as task:
            await until((tmp_path / "checkpoints/posts.json").exists, task)
        one.close()
        # In the hour before the first start, and not before it.
        assert {*ids(one)} == {one.original(f"notification/{number}") for number in range(140, 200)}
        server.statuses += [notification(number, 1_000) for number in range(200, 290)]
        two = make(bench, service.address, tmp_path, **settings)
        async with running(two) as task:
            await until(lambda: len({*ids(two)}) == 90, task)
        two.close()
        three = make(bench, service.address, tmp_path, **settings)
        await three.source.fill(three.intake, NOW - 61 * 60_000)
    assert len({*ids(three)}) == 61 + 90


async def test_a_restart_goes_on_where_it_was(bench: Callable[..., Bench], tmp_path: Path) -> None:
    server = Mastodon()
    server.statuses = [status(NOW - 3_000_000)]
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path)
        async with running(one) as task:
            # Only then is the position saved.
            await until(lambda: one.source.standing(NOW).complete_to == NOW, task)
        assert len(one.outlet.events) == 1
        one.close()
        server.statuses = [status(NOW - 3_000_000 - 901_000), status(NOW - 3_000_000), status(NOW - 1_000)]
        two = make(bench, service.address, tmp_path, backfill_hours=0)
        async with running(two) as task:
            await until(lambda: len(two.outlet.events) >= 2, task)
    assert set(ids(two)) == {two.original(identifier(NOW - at)) for at in (3_000_000, 1_000)}


async def test_time_is_complete_up_to_the_last_line_that_the_server_sent(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    now = NOW
    server = Mastodon()

    def thumped() -> bool:
        server.raw(b":thump\n")
        return bool(one.source.standing(now).complete_to == now)

    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path, clock=lambda: now)
        async with running(one) as task:
            await until(lambda: one.source.standing(now).complete_to == NOW, task)
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(sse, "QUIET", 0)
                now = NOW + 15_000
                await until(thumped, task)
    assert one.source.standing(now).status == "ok"


async def test_with_a_backlog_in_the_connection_time_is_complete_up_to_what_was_read_of_it(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    now = NOW
    server = Mastodon()
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path, clock=lambda: now)
        async with running(one) as task:
            await until(lambda: one.source.standing(now).complete_to == NOW, task)
            now = NOW + 600_000
            for seconds in (1, 3, 2):
                server.send("update", status(NOW + seconds * 1_000))
            server.raw(b":thump\n")
            server.send("delete", identifier(NOW))
            server.send("update", status(NOW + 2_500))
            await until(lambda: len(one.outlet.events) == 4, task)
            assert one.source.standing(now).complete_to == NOW + 3_000


async def test_a_status_refused_for_lying_in_the_future_says_nothing_of_how_far_a_backlog_was_read(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    now = NOW
    server = Mastodon()
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path, clock=lambda: now)
        async with running(one) as task:
            await until(lambda: one.source.standing(now).complete_to == NOW, task)
            now = NOW + 600_000
            server.send("update", status(NOW + 1_000))
            server.send("update", status(now + 121_000))
            server.send("update", status(NOW + 2_000))
            await until(lambda: len(one.outlet.events) >= 2, task)
            assert [letter.reason for letter in one.outlet.letters] == ["future"]
            assert one.source.standing(now).complete_to == NOW + 2_000


async def test_a_refused_token_is_told_without_the_token(bench: Callable[..., Bench], tmp_path: Path) -> None:
    server = Mastodon()
    server.refuse = 401
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path)
        with pytest.raises(Exception, match="answered 401") as raised:
            await one.source.run(one.intake)
    assert TOKEN not in str(raised.value)
    assert raised.value.retry


async def test_a_server_that_fails_is_asked_again_until_it_is_well(bench: Callable[..., Bench], tmp_path: Path) -> None:
    server = Mastodon()
    server.refuse = 500
    server.statuses = [status(NOW - 1_000)]
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path)
        async with running(one) as task:
            await until(lambda: "answered 500" in one.source.standing(NOW).reason, task)
            server.refuse = 0
            await until(lambda: len(one.outlet.events) == 1, task)
            await until(lambda: one.source.standing(NOW).status == "ok", task)


async def test_one_bad_status_is_a_dead_letter_and_the_rest_goes_on(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    server = Mastodon()
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path)
        async with running(one) as task:
            await until(lambda: bool(server.streams), task)
            server.send("update", '{"id": "5"')
            server.send("update", status(NOW - 1_000, created_at="yesterday"))
            server.send("update", status(NOW - 1_000))
            await until(lambda: len(one.outlet.events) == 1, task)
    assert [letter.reason for letter in one.outlet.letters] == ["not_json", "wrong_type"]


async def test_an_edit_has_the_id_of_its_post(bench: Callable[..., Bench], tmp_path: Path) -> None:
    server = Mastodon()
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path)
        async with running(one) as task:
            await until(lambda: bool(server.streams), task)
            server.send("status.update", status(NOW - 60_000, content="<p>#Other</p>"))
            server.send("status.update", status(NOW - 2 * 86_400_000, created_at="2026-05-26T20:00:00.000Z"))
            server.send("update", status(NOW - 1_000))
            await until(lambda: len(one.outlet.events) == 2, task)
    assert ids(one) == [one.original(identifier(NOW - 60_000)), one.original(identifier(NOW - 1_000))]


def read_one(**more: Any) -> Any:
    return read(json.dumps(status(NOW, **more)).encode())


def test_a_boost_says_who_is_boosted_and_carries_the_tags_of_the_original() -> None:
    original = status(NOW - 5, account={"id": "7", "acct": "eva@other.example"}, content="<p>#Barrio <b>#VIVO</b></p>")
    found = read_one(reblog=original, content="")
    assert (found.kind, found.target, found.reference) == ("reshare", "eva@other.example", original["id"])
    assert found.tags == ("Barrio", "VIVO")


def test_a_quote_is_a_reshare_with_its_own_text() -> None:
    quoted = {"state": "accepted", "quoted_status": status(NOW - 5, account={"id": "7", "acct": "eva"})}
    found = read_one(quote=quoted)
    assert (found.kind, found.target, found.tags) == ("reshare", "eva", ("Jun",))


def test_who_is_answered_is_no_mention_and_others_are() -> None:
    mentions = [{"id": "1", "acct": "office"}, {"id": "2", "acct": "leo"}]
    found = read_one(in_reply_to_id="5", in_reply_to_account_id="1", mentions=mentions)
    assert (found.kind, found.reference, found.target, found.mentions) == ("reply", "5", "office", ("leo",))


@pytest.mark.parametrize("visibility", ["private", "direct"])
def test_what_is_not_for_everybody_is_not_read(visibility: str) -> None:
    assert read_one(visibility=visibility) is None


def test_a_tag_that_the_server_cut_in_two_is_the_one_of_the_text() -> None:
    found = read_one(content="<p>#می‌خواهم</p>", tags=[{"name": "می"}, {"name": "jun"}])
    assert found.tags == ("می‌خواهم", "jun")


def test_a_bot_says_so() -> None:
    assert read_one(account={"id": "1", "acct": "a", "bot": True}).bot


@pytest.mark.parametrize(
    ("kind", "expected"), [("reblog", "reshare"), ("favourite", "reaction"), ("mention", "post"), ("follow", None)]
)
def test_notifications_are_what_happened_to_the_account(kind: str, expected: str | None) -> None:
    told = {"id": "77", "type": kind, "created_at": "2026-05-28T20:00:00Z", "account": {"acct": "leo"}}
    found = read(json.dumps({**told, "status": status(NOW)}).encode())
    assert (found.kind if found else None) == expected
    if kind in {"reblog", "favourite"}:
        assert (found.account, found.target, found.id) == ("leo", "ana", "notification/77")


def test_real_statuses_are_posts_with_their_tags(shared_data: Path) -> None:
    cassette = shared_data / "payloads/mastodon/tests/cassettes/test_hashtag_tl.yaml"
    answers = [one["response"]["body"]["string"] for one in yaml.safe_load(cassette.read_text())["interactions"]]
    pages = [page for answer in answers if isinstance(page := json.loads(answer), list)]
    found = [read(json.dumps(one).encode()) for page in pages for one in page]
    assert {(one.account, one.kind, one.tags) for one in found} == {("mastodonpy_test_2", "post", ("hoot",))}
    assert {one.at for one in found} == {1_785_592_555_867}


def test_rubbish_is_refused_with_a_reason() -> None:
    for raw, reason in (
        (b"[]", "wrong_type"),
        (b"{", "not_json"),
        (b'{"id":"1"}', "wrong_type"),
        (b"\xff", "not_utf8"),
    ):
        with pytest.raises(UnreadableError) as raised:
            read(raw) or (_ for _ in ()).throw(UnreadableError("wrong_type", "none"))
        assert raised.value.reason == reason
