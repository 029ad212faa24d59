"""What all sources that are called share, tried on the plainest of them and on several in one process."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from schemas.config import Config
from streams.errors import OperatorError
from streams.ingest import listener, push
from streams.ingest.rejections import MANY, WINDOW, Rejections
from streams.ingest.source import Surroundings, build, settings_of
from tests.support.ingest import DIRECTORY, NOW, Bench, until
from tests.support.push import Called, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

TOKEN = "a-token-of-some-length"
GOOD: dict[str, Any] = {"id": "a1", "at": NOW - 5, "account": "ana", "text": "#Jun"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def called(bench: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Called]:
    monkeypatch.setattr(listener, "CLOSING", 0.5)
    (tmp_path / "token").write_text(TOKEN)
    async with listening(bench(kind="http", port=0, token={"file": "token"}, acknowledge_seconds=5)) as one:
        yield one


async def raw(called: Called, *pieces: bytes) -> bytes:
    """Send bytes as they are and give the whole answer."""
    host, port = called.source.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


async def test_a_compressed_body_is_refused_without_being_opened(called: Called) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    answer = await called.call(bomb, {**BEARER, "Content-Encoding": "gzip"})
    assert answer.status == 415
    assert called.outlet.records == []


async def test_deeply_nested_json_is_a_dead_letter_and_nothing_else(called: Called) -> None:
    for deep in (b"[" * 200_000, b'{"a":' * 150_000, b"[" * 90_000 + b"]" * 90_000):
        answer = await called.call(deep, BEARER)
        assert answer.status == 400
    assert (await called.call(GOOD, BEARER)).status == 202
    assert len(called.events) == 1
    assert len(called.outlet.letters) == 3


HEAD = f"POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
BODY = json.dumps(GOOD).encode()


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: %d\r\nContent-Length: 5\r\n" % len(BODY),
        b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(BODY),
        b"Content-Length: -1\r\n",
        b"Content-Length: +%d\r\n" % len(BODY),
        b"Content-Length: 0x10\r\n",
        b"Content-Length: %d\r\nX: \0\r\n" % len(BODY),
        b"Content-Length: %d\r\n%s" % (len(BODY), b"X: y\r\n" * 5_000),
        b"Content-Length: %d\r\nX: %s\r\n" % (len(BODY), b"y" * 100_000),
    ],
)
async def test_requests_that_two_servers_would_read_differently_are_refused(called: Called, head: bytes) -> None:
    answer = await raw(called, HEAD + head + b"\r\n" + BODY)
    assert answer.startswith(b"HTTP/1.") or not answer
    assert b" 20" not in answer.split(b"\r\n", 1)[0]
    assert called.outlet.records == []


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: secret-of-ana\r\n\r\n",
        b"X-Api-Key: secret-of-ana\0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz secret-of-ana\r\n",
    ],
)
async def test_what_is_no_http_is_not_logged(called: Called, caplog: pytest.LogCaptureFixture, rest: bytes) -> None:
    assert (await raw(called, b"POST /v1/events HTTP/1.1\r\nHost: x\r\n" + rest)).startswith(b"HTTP/1.0 400")
    assert caplog.text == ""


async def test_a_second_authorization_does_not_help(called: Called) -> None:
    head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer wrong\r\n"
    answer = await raw(
        called, head + b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n" % (TOKEN.encode(), len(BODY)) + BODY
    )
    assert b" 401 " in answer


async def test_a_connection_that_brings_no_request_is_closed(
    bench: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "IDLE", 0.05)
    (tmp_path / "token").write_text(TOKEN)
    async with listening(bench(kind="http", port=0, token={"file": "token"})) as called:
        assert await raw(called, b"POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Slow: ") == b""


async def test_many_slow_bodies_at_once_are_bounded(called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "READING_BYTES", 250_000)
    host, port = called.source.address.removeprefix("http://").split(":")
    connections = [await asyncio.open_connection(host, int(port)) for _ in range(4)]
    for _, writer in connections:
        writer.write(HEAD + b"Content-Length: 200000\r\n\r\n" + b" " * 100_000)
    told = [asyncio.create_task(reader.readline()) for reader, _ in connections]
    await until(lambda: sum(one.done() for one in told) == 2)
    assert {one.result().split(b" ")[1] for one in told if one.done()} == {b"429"}
    # Two fit. When one of them goes away, there is room for the rest of the other.
    (gone, _), (waits, answer) = [
        (writer, one) for (_, writer), one in zip(connections, told, strict=True) if not one.done()
    ]
    gone.close()
    await until(lambda: called.source._reading == 100_000)
    waits.write(BODY.rjust(100_000))
    assert b" 202 " in await asyncio.wait_for(answer, 10)
    assert called.source._reading == 0
    for _, writer in connections:
        writer.close()


async def test_an_unproved_body_is_not_read_at_all(called: Called) -> None:
    answer = await called.call(b"x" * 10, {"Authorization": "Bearer wrong"})
    assert answer.status == 401
    assert called.outlet.records == []


async def test_the_heartbeat_says_that_callers_are_turned_away_and_why(called: Called) -> None:
    for _ in range(MANY):
        await called.call(GOOD, {"Authorization": "Bearer wrong"})
    standing = called.source.standing(NOW)
    assert standing.status == "degraded"
    assert standing.reason == (
        f"{MANY} of the last {MANY} requests were turned away: wanted Authorization: Bearer with the token; "
        "is the secret the right one?"
    )
    for _ in range(MANY):
        await called.call(GOOD, BEARER)
    assert called.source.standing(NOW).status == "ok"


async def test_a_source_is_down_while_kafka_is_away_and_degraded_while_it_is_behind(called: Called) -> None:
    called.outlet.congestion = "away"
    assert called.source.standing(NOW).status == "down"
    called.outlet.congestion = "behind"
    assert called.source.standing(NOW).status == "degraded"


def test_rejections_are_forgotten_after_two_minutes() -> None:
    rejections = Rejections("posts")
    for _ in range(MANY):
        rejections.turned_away(NOW, "wanted a signature")
    assert rejections.words(NOW + WINDOW)
    assert not rejections.words(NOW + 2 * WINDOW)


def test_a_few_rejections_among_many_good_requests_are_not_worth_a_word() -> None:
    rejections = Rejections("posts")
    for _ in range(MANY):
        rejections.let_in(NOW)
        rejections.turned_away(NOW, "wanted a signature")
    assert not rejections.words(NOW)


@pytest.mark.parametrize(
    ("entry", "setting"),
    [
        ({"kind": "http"}, "token"),
        ({"kind": "slack"}, "signing_secret"),
        ({"kind": "x-activity"}, "consumer_secret"),
        ({"kind": "microsoft"}, "client_state"),
        ({"kind": "mail", "provider": "mailgun"}, "secret"),
    ],
)
async def test_a_secret_of_blanks_is_none(
    tmp_path: Path, bench: Callable[..., Bench], entry: dict[str, Any], setting: str
) -> None:
    (tmp_path / "blank").write_text(" \t" * 20 + "\n")
    one = bench(**entry, port=0, **{setting: {"file": "blank"}})
    with pytest.raises(OperatorError, match=f"a {setting} of at least"):
        await one.source.run(one.intake)


async def test_two_sources_of_one_process_share_a_port(tmp_path: Path, bench: Callable[..., Bench]) -> None:
    (tmp_path / "token").write_text(TOKEN)
    surroundings = Surroundings(Config(), DIRECTORY, tmp_path, lambda: NOW)
    one = bench(kind="clock")
    entries = [
        {"kind": "http", "name": name, "port": 0, "token": {"file": "token"}, "path": path}
        for name, path in (("posts", ""), ("intranet", "/v1/events/intranet"))
    ]
    sources: list[Any] = [build(settings_of(entry), surroundings)[0] for entry in entries]
    intakes = [one.intake_of(source) for source in sources]
    tasks = [asyncio.create_task(source.run(intake)) for source, intake in zip(sources, intakes, strict=True)]
    await until(lambda: all(source.address for source in sources), tasks[0])
    assert sources[0].address == sources[1].address
    async with aiohttp.ClientSession(headers=BEARER) as client:
        for source in sources:
            async with client.post(source.address + source.path, json=GOOD) as answer:
                assert answer.status == 202
        assert [event.source for event in one.outlet.events] == ["posts", "intranet"]
        one.outlet.congestion = "behind"
        async with client.get(sources[0].address + "/-/ready") as answer:
            assert answer.status == 503
        one.outlet.congestion = ""
        # The server lives as long as one of them needs it.
        intakes[0].stop()
        await tasks[0]
        async with client.post(sources[0].address + sources[0].path, json=GOOD) as answer:
            assert answer.status == 404
        async with client.post(sources[1].address + sources[1].path, json=GOOD) as answer:
            assert answer.status == 202
        intakes[1].stop()
        await tasks[1]
    with pytest.raises(OSError, match=r"."):
        await asyncio.open_connection("127.0.0.1", int(sources[0].address.rpartition(":")[2]))


async def test_a_path_has_one_owner(tmp_path: Path, bench: Callable[..., Bench]) -> None:
    (tmp_path / "token").write_text(TOKEN)
    surroundings = Surroundings(Config(), DIRECTORY, tmp_path, lambda: NOW)
    one = bench(kind="clock")
    entries = [{"kind": "http", "name": name, "port": 0, "token": {"file": "token"}} for name in ("posts", "other")]
    first, second = (build(settings_of(entry), surroundings)[0] for entry in entries)
    intake = one.intake_of(first)
    task = asyncio.create_task(first.run(intake))
    await until(lambda: bool(first.address), task)
    with pytest.raises(OperatorError, match="another `path`"):
        await second.run(one.intake_of(second))
    intake.stop()
    await task
