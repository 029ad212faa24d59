"""Source `x` against a server that searches, streams, counts and limits as X does."""

from __future__ import annotations

import asyncio
import calendar
import json
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aiohttp import web

from streams.ingest import sse
from streams.ingest.spending import Spending, Spent
from streams.ingest.web import ATTEMPTS, TroubleError
from streams.ingest.x import SETTLES, Position
from streams.ingest.x_post import Includes, moment_of, narrowed, read
from tests.support.ingest import NOW, until
from tests.support.services import running, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.ingest import Bench

EPOCH = 1_288_834_974_657
USERS = [{"id": "1", "username": "ana"}, {"id": "2", "username": "office"}, {"id": "3", "username": "leo"}]


def identifier(at: int, number: int = 0) -> str:
    return str(((at - EPOCH) << 22) + number)


def post(at: int, number: int = 0, **more: Any) -> dict[str, Any]:
    created = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at / 1000)) + f".{at % 1000:03d}Z"
    return {"id": identifier(at, number), "text": "#Jun", "author_id": "1", "created_at": created, **more}


class X:
    """The API: `posts` are found, `send` streams; `read` counts the posts that were given out."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.rules: list[dict[str, str]] = []
        self.read = 0
        self.queries: list[dict[str, str]] = []
        self.limited = 0
        self.reset = 0
        self.fail_page = 0
        self.streams: list[asyncio.Queue[bytes | None]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        if self.limited:
            self.limited -= 1
            return web.Response(status=429, headers={"x-rate-limit-reset": str(self.reset)})
        if request.path.endswith("/rules"):
            return await self._rules(request)
        if request.path.endswith("/stream"):
            return await self._stream(request)
        query = dict(request.query)
        self.queries.append(query)
        oldest = int(query.get("since_id", 0))
        if "start_time" in query:
            oldest = int(identifier(_ms(query["start_time"]))) - 1
        newest = int(identifier(_ms(query["end_time"])))
        found = [one for one in self.posts if oldest < int(one["id"]) < newest]
        found = sorted(found, key=lambda one: -int(one["id"]))[int(query.get("next_token", 0)) :]
        page = found[: int(query["max_results"])]
        if self.fail_page and len(self.queries) >= self.fail_page:
            return web.Response(status=503)
        self.read += len(page)
        meta: dict[str, Any] = {"result_count": len(page)}
        if page:
            meta |= {"newest_id": page[0]["id"], "oldest_id": page[-1]["id"]}
        if len(found) > len(page):
            meta["next_token"] = str(int(query.get("next_token", 0)) + len(page))
        return web.json_response({"data": page, "includes": {"users": USERS}, "meta": meta} if page else {"meta": meta})

    async def _rules(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            told = await request.json()
            gone = told.get("delete", {}).get("ids", [])
            self.rules = [rule for rule in self.rules if rule["id"] not in gone]
            self.rules += [{"id": f"{len(self.rules)}{rule['value']}", **rule} for rule in told.get("add", [])]
            return web.json_response({"meta": {}}, status=201)
        return web.json_response({"data": self.rules, "meta": {}} if self.rules else {"meta": {}})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.streams.append(queue)
        while (part := await queue.get()) is not None:
            await response.write(part)
        return response

    def send(self, told: dict[str, Any]) -> None:
        """Stream one post."""
        self.streams[-1].put_nowait(json.dumps({"data": told, "includes": {"users": USERS}}).encode() + b"\r\n")


def _ms(text: str) -> int:
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) * 1000


def make(bench: Callable[..., Bench], address: str, folder: Path, **more: Any) -> Bench:
    (folder / "token").write_text("the-bearer-token\n")
    entry = {"kind": "x", "api": address, "token": {"file": "token"}, "poll_seconds": 0.05, "query": "#Jun"}
    return bench(**{**entry, "monthly_posts": 10_000, **more})


def saved(one: Bench) -> Position:
    return msgspec.json.decode((one.folder / "checkpoints/posts.json").read_bytes(), type=Position)


def spent_in(file: Path) -> Spent:
    return msgspec.json.decode(file.read_bytes(), type=Spent)


def spent(folder: Path) -> Spent:
    return spent_in(folder / "state/spending/posts.json")


async def test_a_search_pages_through_what_is_new_and_begins_there_the_next_time(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    server = X()
    server.posts = [post(NOW - 60_000 - number * 1_000) for number in range(250)]
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path)
        async with running(one) as task:
            await until(lambda: len(server.queries) > 4, task)
            server.posts.append(post(NOW - 20_000))
            await until(lambda: len(one.outlet.events) == 251, task)
    assert len({event.id for event in one.outlet.events}) == 251
    assert server.queries[3]["since_id"] == identifier(NOW - 60_000)
    assert one.source.standing(NOW).complete_to == NOW - 10_000
    assert spent(tmp_path).posts == server.read == 251


async def test_a_sweep_that_breaks_off_is_done_again_from_its_beginning(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    server = X()
    server.posts = [post(NOW - 60_000 - number * 1_000) for number in range(250)]
    server.fail_page = 2
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path)
        async with running(one) as task:
            await until(lambda: "answered 503" in one.source.standing(NOW).reason, task)
            file = tmp_path / "checkpoints/posts.json"
            assert not file.exists()
            server.fail_page = 0
            await until(lambda: len({event.id for event in one.outlet.events}) == 250, task)
            await until(lambda: file.exists() and saved(one).latest == identifier(NOW - 60_000), task)


async def test_never_more_posts_are_asked_for_than_the_month_allows_not_even_over_restarts(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    server = X()
    server.posts = [post(NOW - 60_000 - number) for number in range(1_000)]
    async with serving(server.handle) as service:
        for _ in range(3):
            one = make(bench, service.address, tmp_path, monthly_posts=230)
            async with running(one) as task:
                await until(lambda one=one: "the cap of 230 posts" in one.source.standing(NOW).reason, task)
            one.close()
        asked = sum(int(query["max_results"]) for query in server.queries)
        assert (server.read, asked) == (230, 230)
        assert spent(tmp_path) == Spent("2026-05", 230)
        assert "goes on in June" in one.source.standing(NOW).reason
        assert one.source.standing(NOW).status == "degraded"
        assert one.source.standing(NOW + 300_051).status == "down"


async def test_what_a_crash_leaves_set_aside_counts_as_spent_and_a_new_month_begins_at_nothing(tmp_path: Path) -> None:
    now = NOW
    spending = Spending(150, lambda: now, tmp_path / "x.json")
    assert await spending.reserve(100, 10) == 100
    after_crash = Spending(150, lambda: now, tmp_path / "x.json")
    assert await after_crash.reserve(100, 10) == 50
    with pytest.raises(TroubleError, match="the cap of 150 posts a month is reached; goes on in June"):
        await after_crash.reserve(100, 10)
    now = 1_780_272_000_000  # 2026-06-01T00:00:00Z
    assert await after_crash.reserve(100, 10) == 100


@pytest.mark.parametrize(("left", "granted"), [(11, 11), (10, 10), (9, 0)])
async def test_a_page_below_the_smallest_is_not_asked_for(tmp_path: Path, left: int, granted: int) -> None:
    spending = Spending(100, lambda: NOW, tmp_path / "x.json")
    await spending.reserve(100 - left, 1)
    if not granted:
        with pytest.raises(TroubleError):
            await spending.reserve(100, 10)
    else:
        assert await spending.reserve(100, 10) == granted


async def test_most_of_the_cap_is_told_before_it_is_reached(tmp_path: Path) -> None:
    spending = Spending(100, lambda: NOW, tmp_path / "x.json")
    await spending.reserve(89, 1)
    assert spending.nearly == ""
    await spending.reserve(1, 1)
    assert spending.nearly.startswith("90 of the month's 100 posts")
    await spending.settle(1, 0)
    assert spending.nearly == ""


async def test_several_who_ask_at_once_are_never_granted_more_than_the_cap(tmp_path: Path) -> None:
    several = [Spending(1_000, lambda: NOW, tmp_path / "x.json") for _ in range(8)]
    asked = [spending.reserve(100, 100) for spending in several for _ in range(3)]
    granted = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(one for one in granted if isinstance(one, int)) == 1_000
    assert spent_in(tmp_path / "x.json").posts == 1_000


async def test_a_rate_limit_is_waited_for_until_its_reset(bench: Callable[..., Bench], tmp_path: Path) -> None:
    server = X()
    server.limited, server.reset = 1, NOW // 1000 + 1
    server.posts = [post(NOW - 60_000)]
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path)
        async with running(one) as task:
            await until(lambda: "rate limit" in one.source.standing(NOW).reason, task)
            assert server.queries == []
            await until(lambda: len(one.outlet.events) == 1, task)


async def test_the_stream_has_its_rule_and_what_was_missed_is_searched(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    server = X()
    server.rules = [{"id": "1", "value": "old", "tag": "jun:posts"}, {"id": "2", "value": "theirs", "tag": "x"}]
    server.posts = [post(NOW - 60_000)]
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path, mode="stream")
        async with running(one) as task:
            await until(lambda: len(one.outlet.events) == 1, task)
            server.send(post(NOW - 1_000))
            server.streams[-1].put_nowait(b"\r\n")
            await until(lambda: len(one.outlet.events) == 2, task)
            server.posts = [post(NOW - 60_000), post(NOW - 1_000), post(NOW - 15_000, 7)]
            server.streams[-1].put_nowait(None)
            await until(lambda: len(server.streams) == 2, task)
            server.send(post(NOW - 500))
            await until(lambda: one.outlet.events[-1].id == one.original(identifier(NOW - 500)), task)
    assert [(rule["value"], rule["tag"]) for rule in server.rules] == [("theirs", "x"), ("#Jun", "jun:posts")]


async def test_with_a_backlog_in_the_stream_time_is_complete_up_to_what_was_read_of_it(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    now = NOW
    server = X()
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path, mode="stream", clock=lambda: now)
        async with running(one) as task:
            await until(lambda: one.source.standing(now).complete_to == NOW - SETTLES, task)
            now = NOW + 600_000
            for seconds in (1, 3, 2):
                server.send(post(NOW + seconds * 1_000))
            server.streams[-1].put_nowait(b"\r\n")
            server.send(post(NOW + 2_500))
            await until(lambda: len(one.outlet.events) == 4, task)
            assert one.source.standing(now).complete_to == NOW + 3_000


async def test_a_line_after_a_pause_shows_that_nothing_waited_in_the_stream(
    bench: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "QUIET", 0)
    now = NOW
    server = X()
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path, mode="stream", clock=lambda: now)
        async with running(one) as task:
            await until(lambda: one.source.standing(now).complete_to == NOW - SETTLES, task)
            now = NOW + 15_000

            def signs_of_life() -> bool:
                server.streams[-1].put_nowait(b"\r\n")
                return one.source.standing(now).complete_to == now

            await until(signs_of_life, task)


def whole(told: dict[str, Any], *tweets: dict[str, Any]) -> Any:
    includes = Includes([msgspec.Raw(json.dumps(one).encode()) for one in tweets],
                        [msgspec.Raw(json.dumps(one).encode()) for one in USERS])  # fmt: skip
    return read(narrowed(json.dumps(told).encode(), includes))


def test_a_retweet_says_who_is_reshared_and_has_the_tags_of_the_whole_original() -> None:
    original = post(NOW - 9, author_id="3", text="a long text #Barrio &amp; #Vivo")
    found = whole(
        post(NOW, text="RT @leo: a long…", referenced_tweets=[{"type": "retweeted", "id": original["id"]}]), original
    )
    assert (found.kind, found.account, found.target, found.reference) == ("reshare", "ana", "leo", original["id"])
    assert found.text == "a long text #Barrio & #Vivo"


def test_a_quote_is_a_reshare_with_its_own_text_also_inside_an_answer() -> None:
    quoted = post(NOW - 9, author_id="3")
    references = [{"type": "replied_to", "id": "5"}, {"type": "quoted", "id": quoted["id"]}]
    found = whole(post(NOW, text="#Own", referenced_tweets=references), quoted)
    assert (found.kind, found.target, found.text) == ("reshare", "leo", "#Own")


def test_an_answer_names_whom_it_answers_as_target_and_only_the_others_as_mentions() -> None:
    text = "@office @ana thanks, and @leo too"
    mentions = [{"start": text.index(f"@{name}"), "username": name} for name in ("office", "ana", "leo")]
    references = [{"type": "replied_to", "id": "5"}]
    told = post(NOW, text=text, entities={"mentions": mentions}, referenced_tweets=references, in_reply_to_user_id="2")
    found = whole(told)
    assert (found.kind, found.reference, found.target, found.mentions) == ("reply", "5", "office", ("leo",))
    told = post(NOW, text=text, entities={"mentions": mentions})
    assert whole(told).mentions == ("office", "ana", "leo")


def test_an_edited_post_is_its_first_form_at_that_ones_moment() -> None:
    first = identifier(NOW - 600_000)
    found = whole(post(NOW, edit_history_tweet_ids=[first, identifier(NOW)]))
    assert (found.id, found.at) == (first, NOW - 600_000)
    assert moment_of(first) == NOW - 600_000


async def test_a_post_of_which_only_the_edited_form_is_found_after_a_long_gap_counts(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    days = 2 * 86_400_000
    first = identifier(NOW - days)
    server = X()
    server.posts = [post(NOW - days + 600_000, edit_history_tweet_ids=[first, identifier(NOW - days + 600_000)])]
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path, backfill_hours=72)
        async with running(one) as task:
            await until(lambda: bool(one.outlet.events), task)
    assert one.outlet.events[0].id == one.original(first)


async def test_a_refused_search_costs_nothing_and_one_that_breaks_off_all_that_it_asked_for(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    server = X()

    async def refuse(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(status=503)

    async def break_off(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async with serving(refuse) as service:
        one = make(bench, service.address, tmp_path)
        async with running(one) as task:
            await until(lambda: "answered 503" in one.source.standing(NOW).reason, task)
            assert spent(tmp_path).posts == 0
            service.handle = break_off
            await until(lambda: "broke the connection" in one.source.standing(NOW).reason, task)
            assert spent(tmp_path).posts == 100 * ATTEMPTS
            service.handle = server.handle
            await until(lambda: one.source.standing(NOW).status == "ok", task)


async def test_half_a_sweep_does_not_move_the_position(bench: Callable[..., Bench], tmp_path: Path) -> None:
    server = X()
    server.posts = [post(NOW - 60_000 - number * 1_000) for number in range(250)]
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path)

        async def stopping(request: web.Request) -> web.StreamResponse:
            one.intake.stop()
            return await server.handle(request)

        service.handle = stopping
        await one.source.work(one.intake)
    assert len(one.outlet.events) == 250 or not (tmp_path / "checkpoints/posts.json").exists()


def test_real_posts_are_read(shared_data: Path) -> None:
    answer = json.loads(
        (shared_data / "payloads/x-api-v2/testdata/apis/searches/search_tweets_query.json").read_bytes()
    )
    includes = Includes(*([msgspec.Raw(json.dumps(one).encode()) for one in answer["includes"].get(part, [])]
                          for part in ("tweets", "users")))  # fmt: skip
    found = [read(narrowed(json.dumps(one).encode(), includes)) for one in answer["data"]]
    assert len(found) == len(answer["data"]) > 3
    first = found[0]
    assert (first.id, first.kind, first.at) == ("1276035977375477760", "reply", 1_593_065_659_000)
    assert (first.reference, first.mentions) == ("1275653067283759104", ())
    assert found[1].kind == "reply"


def test_a_real_answer_is_read_by_hand(shared_data: Path) -> None:
    raw = (shared_data / "payloads/x-api-v2/testdata/models/tweet.json").read_bytes()
    found = read(narrowed(raw, Includes()))
    assert (found.account, found.kind, found.target) == ("2244994945", "reply", "2244994945")
    assert (found.at, found.reference) == (1_577_820_376_000, "1212092627178287104")


async def test_without_a_past_to_read_the_first_search_waits_for_something_to_search(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    server = X()
    async with serving(server.handle) as service:
        one = make(bench, service.address, tmp_path, backfill_hours=0)
        async with running(one) as task:
            await until(lambda: one.source.standing(NOW).complete_to == NOW - 10_000, task)
    assert server.queries == []
