from __future__ import annotations

import asyncio
import contextlib
import gc
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from schemas.codec import UnreadableError
from streams.errors import OperatorError
from streams.ingest import body, listener, parts, push
from streams.ingest.parts import MAXIMUM_EVENTS, MAXIMUM_LETTERS
from tests.support.ingest import NOW, Bench, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

TOKEN = "a-token-of-some-length"
GOOD: dict[str, Any] = {"id": "a1", "at": NOW - 5, "account": "ana", "text": "#Jun"}


class Server:
    """A listening source, and a client that has the token."""

    def __init__(self, one: Bench, client: aiohttp.ClientSession) -> None:
        self.bench = one
        self.outlet = one.outlet
        self.client = client
        self.address: str = one.source.address

    async def post(self, body: object, *, token: str = TOKEN, **headers: str) -> tuple[int, Any, Any]:
        """Post something; give status, answer and headers."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.client.post(
            f"{self.address}/v1/events", data=data, headers={"Authorization": f"Bearer {token}", **headers}
        ) as answer:
            return answer.status, await answer.json(), answer.headers

    async def get(self, path: str) -> tuple[int, Any]:
        """Get something; give status and answer."""
        async with self.client.get(self.address + path) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def server(
    bench: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Any]]:
    """Give the function that starts one server with the settings that it is given."""
    monkeypatch.setattr(listener, "CLOSING", 0.5)
    (tmp_path / "token").write_text(TOKEN + "\n")
    async with contextlib.AsyncExitStack() as closing:

        async def start(**settings: Any) -> Server:
            one = bench(**{"kind": "http", "port": 0, "token": {"file": "token"}, **settings})
            task = asyncio.create_task(one.source.run(one.intake))
            client = await closing.enter_async_context(aiohttp.ClientSession())

            async def stop() -> None:
                one.intake.stop()
                await asyncio.wait_for(task, 10)

            closing.push_async_callback(stop)
            async with asyncio.timeout(10):
                while not one.source.address:
                    if task.done():
                        task.result()
                    await asyncio.sleep(0.005)
            return Server(one, client)

        yield start


async def test_one_event_is_accepted_when_kafka_has_it(server: Callable[..., Any]) -> None:
    one = await server()
    one.outlet.open.clear()
    answer = asyncio.create_task(one.post(GOOD))
    await asyncio.sleep(0.05)
    assert not answer.done()
    one.outlet.open.set()
    assert (await answer)[:2] == (202, {"accepted": 1})
    assert [event.id for event in one.outlet.events] == [one.bench.original("a1")]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (json.dumps([GOOD, {**GOOD, "id": "a2"}]).encode(), "application/json"),
        (json.dumps([GOOD, {**GOOD, "id": "a2"}], indent=2).encode(), "application/json"),
        (json.dumps(GOOD).encode() + b"\n\n" + json.dumps({**GOOD, "id": "a2"}).encode() + b"\n", "text/plain"),
        (json.dumps(GOOD).encode() + b"\r\n" + json.dumps({**GOOD, "id": "a2"}).encode(), "application/x-ndjson"),
    ],
)
async def test_arrays_and_json_lines_are_accepted(server: Callable[..., Any], body: bytes, kind: str) -> None:
    one = await server()
    assert (await one.post(body, **{"Content-Type": kind}))[:2] == (202, {"accepted": 2})
    assert [event.id for event in one.outlet.events] == [one.bench.original("a1"), one.bench.original("a2")]


async def test_one_event_may_stand_on_several_lines(server: Callable[..., Any]) -> None:
    one = await server()
    assert (await one.post(json.dumps(GOOD, indent=2).encode()))[:2] == (202, {"accepted": 1})


async def test_of_too_many_events_the_first_are_taken_and_the_rest_is_one_dead_letter(
    server: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "MAXIMUM_EVENTS", 3)
    one = await server()
    events = [{**GOOD, "id": f"a{number}"} for number in range(5)]
    status, answer, _ = await one.post(events)
    assert (status, answer["accepted"]) == (400, 3)
    assert [(told["index"], told["reason"]) for told in answer["refused"]] == [(3, "too_large")]
    assert "got 5" in answer["refused"][0]["detail"]
    assert [letter.place for letter in one.outlet.letters] == ["POST /v1/events, events 3 to 4"]


async def test_a_body_of_rubbish_makes_few_dead_letters_and_the_caller_is_told_how_many_they_stand_for(
    server: Callable[..., Any],
) -> None:
    one = await server()
    numbers = 400_000
    status, answer, _ = await one.post(b"[" + b"1," * numbers + json.dumps(GOOD).encode() + b"]")
    assert status == 400
    assert len(answer["refused"]) == len(one.outlet.letters) == MAXIMUM_LETTERS + 1
    told = answer["refused"][MAXIMUM_LETTERS - 1]
    assert told["index"] == MAXIMUM_LETTERS - 1
    assert f"this stands for {MAXIMUM_EVENTS - MAXIMUM_LETTERS + 1:,} events" in told["detail"]
    assert f"got 400001: send those from index {MAXIMUM_EVENTS} on" in answer["refused"][-1]["detail"]


async def test_good_events_among_rubbish_are_taken(server: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAXIMUM_LETTERS", 2)
    monkeypatch.setattr(push, "MAXIMUM_LETTERS", 2)
    one = await server()
    status, answer, _ = await one.post([1, GOOD, 2, {**GOOD, "id": "a2"}, 3, {**GOOD, "id": "a3"}])
    assert (status, answer["accepted"]) == (400, 3)
    assert [told["index"] for told in answer["refused"]] == [0, 2]
    assert [event.id for event in one.outlet.events] == [one.bench.original(name) for name in ("a1", "a2", "a3")]
    assert one.outlet.letters[1].size == len(b"2\n3")


async def test_what_is_refused_behind_rubbish_that_was_put_together_keeps_its_own_index(
    server: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "MAXIMUM_LETTERS", 2)
    monkeypatch.setattr(push, "MAXIMUM_LETTERS", 2)
    one = await server()
    _, answer, _ = await one.post([1, 2, 3, 4, GOOD, {**GOOD, "id": "a2", "at": "2999-01-01T00:00:00Z"}])
    assert [(told["index"], told["reason"]) for told in answer["refused"]] == [
        (0, "wrong_type"),
        (1, "wrong_type"),
        (5, "future"),
    ]


async def test_what_was_refused_leaves_no_cycle_that_holds_its_body(server: Callable[..., Any]) -> None:
    def errors() -> list[UnreadableError]:
        return [found for found in gc.get_objects() if isinstance(found, UnreadableError)]

    one = await server()
    gc.collect()
    gc.disable()
    try:
        before = errors()
        await one.post(b"{" + b"x" * 1_000)
        await until(lambda: len(errors()) == len(before))  # the answer can be here before its handler has returned
    finally:
        gc.enable()


async def test_bad_items_are_listed_with_their_reasons_and_good_ones_are_taken(server: Callable[..., Any]) -> None:
    one = await server()
    body = [{**GOOD, "id": ""}, GOOD, {**GOOD, "kind": "shout"}, 7]
    status, answer, _ = await one.post(body)
    assert status == 400
    assert answer["accepted"] == 1
    assert [(refused["index"], refused["reason"]) for refused in answer["refused"]] == [
        (0, "no_id"),
        (2, "unknown_kind"),
        (3, "wrong_type"),
    ]
    assert all(refused["detail"].startswith("wanted") for refused in answer["refused"])
    assert len(one.outlet.events) == 1
    assert [letter.reason for letter in one.outlet.letters] == ["no_id", "unknown_kind", "wrong_type"]
    assert one.outlet.letters[1].place == "POST /v1/events, event 2"


RUBBISH = {
    "not_json": b"{ rubbish",
    "wrong_type": json.dumps({**GOOD, "text": 5}).encode(),
    "no_id": json.dumps({**GOOD, "id": None}).encode(),
    "future": json.dumps({**GOOD, "at": NOW + 120_001}).encode(),
    "not_utf8": json.dumps(GOOD).encode().replace(b"#Jun", b"\xff"),
    "unknown_kind": json.dumps({**GOOD, "kind": "shout"}).encode(),
    "too_many_tags": json.dumps({**GOOD, "tags": ["a"] * 10_000}).encode(),
    "null_bytes": json.dumps({**GOOD, "text": "\0"}).encode(),
    "old_version": json.dumps({**GOOD, "v": 0}).encode(),
    "new_version": json.dumps({**GOOD, "v": 3}).encode(),
}


@pytest.mark.parametrize("reason", RUBBISH)
@pytest.mark.parametrize("wrap", [lambda raw: raw, lambda raw: b"[" + raw + b"]"])
async def test_each_kind_of_rubbish_is_refused_with_its_reason(
    server: Callable[..., Any], reason: str, wrap: Callable[[bytes], bytes]
) -> None:
    one = await server()
    status, answer, _ = await one.post(wrap(RUBBISH[reason]))
    assert (status, answer["accepted"], [refused["reason"] for refused in answer["refused"]]) == (400, 0, [reason])
    assert [letter.reason for letter in one.outlet.letters] == [reason]


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_refused_and_only_its_beginning_kept(
    server: Callable[..., Any], *, chunked: bool
) -> None:
    one = await server(maximum_body=100_000)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 100_000

    data = pieces() if chunked else b"x" * 10_000_000
    headers = {"Authorization": f"Bearer {TOKEN}"}
    status, answer = 413, {}
    # A server that has heard enough may close before the client has said everything.
    with contextlib.suppress(aiohttp.ClientConnectionError):
        async with one.client.post(f"{one.address}/v1/events", data=data, headers=headers) as got:
            status, answer = got.status, await got.json()
    assert status == 413
    assert not answer or answer["refused"][0]["reason"] == "too_large"
    (letter,) = one.outlet.letters
    assert letter.reason == "too_large"
    assert letter.truncated
    assert letter.size == 10_000_000 if not chunked else letter.size > 100_000


async def test_a_body_of_exactly_the_limit_is_read(server: Callable[..., Any]) -> None:
    one = await server(maximum_body=1024)
    raw = json.dumps(GOOD).encode().ljust(1024)
    assert (await one.post(raw))[0] == 202
    assert (await one.post(raw + b" "))[0] == 413


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", "tökén"])
async def test_without_the_token_nothing_is_taken(server: Callable[..., Any], token: str) -> None:
    one = await server()
    status, _, headers = await one.post(GOOD, token=token)
    assert status == 401
    assert headers["WWW-Authenticate"] == "Bearer"
    assert one.outlet.records == []


async def test_callers_are_told_to_come_again_while_kafka_is_behind(server: Callable[..., Any]) -> None:
    one = await server()
    one.outlet.congestion = "behind"
    status, _, headers = await one.post(GOOD)
    assert (status, headers["Retry-After"]) == (429, "1")
    assert one.bench.source.standing(NOW).status == "degraded"
    assert (await one.get("/-/ready"))[0] == 503
    one.outlet.congestion = ""
    assert (await one.post(GOOD))[0] == 202
    assert one.bench.source.standing(NOW).status == "ok"


async def test_a_caller_is_told_when_kafka_is_away_or_does_not_answer(server: Callable[..., Any]) -> None:
    one = await server(acknowledge_seconds=0.05)
    one.outlet.congestion = "away"
    status, _, headers = await one.post(GOOD)
    assert (status, headers["Retry-After"]) == (503, "5")
    one.outlet.congestion = ""
    one.outlet.open.clear()
    assert (await one.post(GOOD))[0] == 503
    one.outlet.open.set()


async def test_health_needs_no_token_and_other_paths_and_methods_are_told(server: Callable[..., Any]) -> None:
    one = await server()
    assert await one.get("/-/healthy") == (200, {})
    assert await one.get("/-/ready") == (200, {})
    assert (await one.get("/favicon.ico"))[0] == 404
    assert (await one.get("/v1/events"))[0] == 405


async def test_compressed_bodies_are_not_taken(server: Callable[..., Any]) -> None:
    one = await server()
    assert (await one.post(b"x", **{"Content-Encoding": "gzip"}))[0] in {400, 415}
    assert one.outlet.records == []


async def test_a_body_that_does_not_come_is_given_up(server: Callable[..., Any]) -> None:
    one = await server(acknowledge_seconds=0.05)
    host, port = one.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 99\r\n\r\nab".encode()
    )
    assert b" 408 " in await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    await writer.wait_closed()
    assert one.outlet.records == []


async def test_a_caller_that_goes_away_leaves_nothing_behind(
    server: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    one = await server()
    host, port = one.address.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 99\r\n\r\nab".encode()
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await one.post(GOOD))[0] == 202
    assert len(one.outlet.records) == 1
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_server_that_stops_answers_what_has_come_in(server: Callable[..., Any]) -> None:
    one = await server()
    one.outlet.open.clear()
    answer = asyncio.create_task(one.post(GOOD))
    await asyncio.sleep(0.05)
    one.bench.intake.stop()
    await asyncio.sleep(0.05)
    one.outlet.open.set()
    assert (await answer)[0] == 202


async def test_a_port_that_is_taken_is_told(server: Callable[..., Any], bench: Callable[..., Bench]) -> None:
    one = await server()
    port = int(one.address.rpartition(":")[2])
    other = bench(kind="http", name="other", port=port, token={"file": "token"})
    with pytest.raises(OperatorError, match="another port"):
        await other.source.run(other.intake)


@pytest.mark.parametrize("secret", [{}, {"file": "missing"}, {"file": "short"}])
async def test_a_server_without_a_good_token_does_not_start(
    bench: Callable[..., Bench], tmp_path: Path, secret: dict[str, str]
) -> None:
    (tmp_path / "short").write_text("0123456789abcde")
    one = bench(kind="http", port=0, token=secret)
    with pytest.raises(OperatorError) as caught:
        await one.source.run(one.intake)
    assert "0123456789" not in str(caught.value)
