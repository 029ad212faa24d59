"""Source `bluesky` against a server that speaks Jetstream."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import WSMessage, WSMsgType, web

from schemas.codec import UnreadableError
from streams.ingest.bluesky_record import concerns, read
from streams.ingest.web import TroubleError, Web
from tests.support.ingest import NOW, until
from tests.support.services import running, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.ingest import Bench

ANA, EVA = "did:plc:ana", "did:plc:eva"
POST = "app.bsky.feed.post"


def message(time_us: int, record: dict[str, Any], *, did: str = ANA, collection: str = POST, **commit: Any) -> bytes:
    given = {"operation": "create", "collection": collection, "rkey": f"r{time_us}", "record": record, **commit}
    return json.dumps({"did": did, "time_us": time_us, "kind": "commit", "commit": given}).encode()


def written(text: str, **more: Any) -> dict[str, Any]:
    return {"$type": POST, "createdAt": "2026-05-28T20:20:00.000Z", "text": text, **more}


def facet(text: str, part: str, **feature: Any) -> dict[str, Any]:
    start = len(text[: text.index(part)].encode())
    return {"index": {"byteStart": start, "byteEnd": start + len(part.encode())}, "features": [feature]}


class Jetstream:
    """A Jetstream: plays back what is at or after the cursor, then sends what comes."""

    def __init__(self) -> None:
        self.past: list[bytes] = []
        self.cursors: list[int] = []
        self.hellos: list[dict[str, Any]] = []
        self.sockets: list[web.WebSocketResponse] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        assert request.query["requireHello"] == "true"
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.hellos.append(json.loads((await socket.receive()).data))
        cursor = int(request.query["cursor"])
        self.cursors.append(cursor)
        for one in self.past:
            if json.loads(one)["time_us"] >= cursor:
                await socket.send_str(one.decode())
        self.sockets.append(socket)
        while (await socket.receive()).type is not WSMsgType.CLOSED:
            pass
        return socket

    async def send(self, one: bytes) -> None:
        """Send a message, and keep it for who comes later."""
        self.past.append(one)
        await self.sockets[-1].send_str(one.decode())


def make(bench: Callable[..., Bench], address: str, **more: Any) -> Bench:
    entry = {"kind": "bluesky", "jetstream": address.replace("http", "ws") + "/subscribe", "accounts": [ANA]}
    return bench(**{**entry, **more})


def us(before: int) -> int:
    return (NOW - before) * 1000


async def test_only_who_is_named_is_asked_for_and_what_they_write_comes(bench: Callable[..., Bench]) -> None:
    server = Jetstream()
    server.past = [message(us(60_000), written("#Jun"))]
    async with serving(server.handle) as service:
        one = make(bench, service.address)
        async with running(one) as task:
            await until(lambda: len(one.outlet.events) == 1, task)
            await server.send(message(us(0), written("#Jun")))
            await until(lambda: one.source.standing(NOW).complete_to == NOW, task)
    assert server.hellos[0]["payload"]["wantedDids"] == [ANA]
    assert server.cursors == [us(3_600_000)]
    first = one.outlet.events[0]
    assert first.id == one.original(f"at://{ANA}/{POST}/r{us(60_000)}")
    assert (first.kind, first.tags, first.at) == ("post", ("jun",), 1_779_999_600_000)


async def test_after_a_break_it_goes_on_five_seconds_before_the_last_message(bench: Callable[..., Bench]) -> None:
    server = Jetstream()
    async with serving(server.handle) as service:
        one = make(bench, service.address)
        async with running(one) as task:
            await until(lambda: bool(server.sockets), task)
            await server.send(message(us(1_000), written("a")))
            await until(lambda: len(one.outlet.events) == 1, task)
            server.past.append(message(us(500), written("b")))  # while nobody listened
            await server.sockets[-1].close()
            await until(lambda: len(server.cursors) == 2, task)
            await until(lambda: len({event.id for event in one.outlet.events}) == 2, task)
    assert server.cursors[1] == us(1_000) - 5_000_000


async def test_after_a_wait_for_kafka_time_is_not_complete_before_the_backlog_has_come(
    bench: Callable[..., Bench],
) -> None:
    now = NOW
    backlog = [message(us(5 - number), written("a")) for number in range(3)]

    class Socket:
        async def receive(self) -> WSMessage:
            nonlocal now
            if not backlog:
                return WSMessage(WSMsgType.CLOSED, None, None)
            if self.given:
                self.given = False
                raise TimeoutError
            self.given = True
            now = NOW if len(backlog) == 3 else NOW + 60_000
            return WSMessage(WSMsgType.TEXT, backlog.pop(0).decode(), None)

        given = False

    one = bench(kind="bluesky", clock=lambda: now)
    source: Any = one.source
    with pytest.raises(TroubleError, match="ended the stream"):
        await source._hear(Socket(), Web("http://jetstream.example", lambda: now), one.intake, once=False)
    assert len(one.outlet.events) == 3
    assert source.standing(now).complete_to == NOW


async def test_a_crash_between_acknowledgement_and_position_repeats_and_loses_nothing(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Jetstream()
    server.past = [message(us(1_000 * number), written("a")) for number in range(20, 0, -1)]
    async with serving(server.handle) as service:
        one = make(bench, service.address)
        with monkeypatch.context() as patched:

            async def crash(_: Any) -> None:
                raise OSError("killed")

            patched.setattr(one.intake, "save", crash)
            with pytest.raises(OSError, match="killed"):
                await one.source.run(one.intake)
        one.close()
        assert len(one.outlet.events) == 20
        two = make(bench, service.address)
        async with running(two) as task:
            await until(lambda: len(two.outlet.events) == 20, task)
    assert two.outlet.events == one.outlet.events


async def test_a_bad_message_is_a_dead_letter_and_the_rest_goes_on(bench: Callable[..., Bench]) -> None:
    server = Jetstream()
    async with serving(server.handle) as service:
        one = make(bench, service.address)
        async with running(one) as task:
            await until(lambda: bool(server.sockets), task)
            await server.sockets[-1].send_str("{")
            await server.sockets[-1].send_str(message(us(1), written("a", facets="none")).decode())
            await server.send(message(us(1), written("a")))
            await until(lambda: len(one.outlet.events) == 1, task)
    assert [letter.reason for letter in one.outlet.letters] == ["not_json", "wrong_type"]


async def test_who_names_nobody_is_told(bench: Callable[..., Bench]) -> None:
    server = Jetstream()
    async with serving(server.handle) as service:
        one = make(bench, service.address, accounts=[])
        async with running(one) as task:
            await until(lambda: "nobody to read" in one.source.standing(NOW).reason, task)


def test_facets_count_bytes_and_the_written_form_is_kept() -> None:
    text = "¡Buenos días! 🎉 #Día #ひとつの町"
    facets = [
        facet(text, "#Día", **{"$type": "app.bsky.richtext.facet#tag", "tag": "día"}),
        facet(text, "#ひとつの町", **{"$type": "app.bsky.richtext.facet#tag", "tag": "ひとつの町"}),
        {
            "index": {"byteStart": 900, "byteEnd": 901},
            "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "out"}],
        },
    ]
    found = read(message(us(0), written(text, facets=facets, tags=["beside"])))
    assert found.tags == ("Día", "ひとつの町", "out", "beside")


def test_who_is_answered_is_the_target_and_who_is_named_a_mention() -> None:
    text = "@office @eva.bsky.social hi"
    mention = "app.bsky.richtext.facet#mention"
    facets = [facet(text, "@office", **{"$type": mention, "did": "did:plc:office"}),
              facet(text, "@eva.bsky.social", **{"$type": mention, "did": EVA})]  # fmt: skip
    parent = {"uri": f"at://{EVA}/{POST}/1", "cid": "c"}
    found = read(message(us(0), written(text, facets=facets, reply={"parent": parent, "root": parent})))
    assert (found.kind, found.target, found.reference) == ("reply", EVA, f"at://{EVA}/{POST}/1")
    assert found.mentions == ("did:plc:office",)


@pytest.mark.parametrize(
    ("collection", "kind"), [("app.bsky.feed.like", "reaction"), ("app.bsky.feed.repost", "reshare")]
)
def test_likes_and_reposts_say_whose_post_it_is(collection: str, kind: str) -> None:
    record = {"subject": {"uri": f"at://{EVA}/{POST}/1"}, "createdAt": "2026-05-28T20:20:00Z"}
    found = read(message(us(0), record, collection=collection))
    assert (found.kind, found.target, found.reference) == (kind, EVA, f"at://{EVA}/{POST}/1")


@pytest.mark.parametrize("beside", [False, True])
def test_a_quote_is_a_reshare(beside: bool) -> None:
    quoted = {"uri": f"at://{EVA}/{POST}/1", "cid": "c"}
    embed = {"$type": "app.bsky.embed.record", "record": quoted}
    if beside:
        embed = {"$type": "app.bsky.embed.recordWithMedia", "record": {"record": quoted}}
    found = read(message(us(0), written("#Own", embed=embed)))
    assert (found.kind, found.target, found.tags) == ("reshare", EVA, ("Own",))


@pytest.mark.parametrize("changes", [{"operation": "delete", "record": None}, {"collection": "app.bsky.graph.follow"}])
def test_deletions_and_other_records_are_nothing_that_counts(changes: dict[str, Any]) -> None:
    assert read(message(us(0), **{"record": written(""), **changes})) is None


def test_an_edit_and_a_bot_say_so() -> None:
    labels = {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "bot"}]}
    found = read(message(us(0), written("x", labels=labels), operation="update"))
    assert (found.edited, found.bot) == (True, True)


@pytest.mark.parametrize(
    ("claimed", "at"),
    [
        ("2026-05-28T20:26:40.000Z", NOW),
        ("2026-05-28T20:28:40.000Z", NOW + 120_000),
        ("2026-05-28T20:28:40.001Z", NOW),
        ("1995-04-12T23:20:50.123456789Z", 797_728_850_123),
        ("yesterday", NOW),
        ("", NOW),
    ],
)
def test_a_moment_that_is_to_come_or_none_is_that_of_the_receipt(claimed: str, at: int) -> None:
    assert read(message(us(0), written("", createdAt=claimed))).at == at


@pytest.mark.parametrize("which", ["valid", "invalid"])
def test_the_interop_moments_are_read_or_replaced_by_the_receipt(shared_data: Path, which: str) -> None:
    folder = shared_data / "payloads/atproto-lexicons/interop-test-files/syntax"
    texts = [line for line in (folder / f"datetime_syntax_{which}.txt").read_text().splitlines()
             if line.strip() and not line.startswith("#")]  # fmt: skip
    assert texts
    for text in texts:
        assert read(message(us(0), written("", createdAt=text))).at >= 0


def test_of_the_whole_network_what_concerns_the_accounts_and_tags_is_kept() -> None:
    known, tags = frozenset({EVA}), frozenset({"jun"})
    reply = {"parent": {"uri": f"at://{EVA}/{POST}/1"}, "root": {"uri": f"at://{EVA}/{POST}/1"}}
    like = {"subject": {"uri": f"at://{EVA}/{POST}/1"}, "createdAt": "2026-05-28T20:20:00Z"}
    assert concerns(message(1, written("x"), did=EVA), known, tags)
    assert concerns(message(1, written("x", reply=reply)), known, tags)
    assert concerns(message(1, like, collection="app.bsky.feed.like"), known, tags)
    assert concerns(message(1, written("#JUN")), known, tags)
    assert not concerns(message(1, written("#Other eva")), known, tags)


def test_real_messages_are_read(shared_data: Path) -> None:
    lines = (shared_data / "payloads/bluesky-jetstream/jetstream-sample.jsonl").read_bytes().splitlines()
    found = [one for line in lines if (one := read(line)) is not None]
    kinds = [one.kind for one in found]
    # Counted in the file: 21 likes, 3 posts, 2 reposts; follows and others are nothing that counts.
    assert (kinds.count("reaction"), kinds.count("post") + kinds.count("reply"), kinds.count("reshare")) == (21, 3, 2)
    assert found[0].id == "at://did:plc:wq4aajammjtxdomz3e23667t/app.bsky.feed.like/3mptbyplj5d2a"
    assert (found[0].at, found[0].target) == (1_783_175_888_999, "did:plc:r2zybk6op3ymzpz6jhqpkoy5")


def test_rubbish_is_refused_with_a_reason() -> None:
    with pytest.raises(UnreadableError):
        read(b"{")


async def test_a_quiet_jetstream_completes_the_time_when_it_answers(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.ingest.bluesky.PING_EVERY", 0.02)
    now = NOW
    server = Jetstream()
    async with serving(server.handle) as service:
        one = make(bench, service.address, clock=lambda: now)
        async with running(one) as task:
            await until(lambda: bool(server.sockets), task)
            assert one.source.standing(now).complete_to == 0
            now = NOW + 9_999  # what was missed may still be played back
            await server.send(message(us(60_000), written("a")))
            await until(lambda: len(one.outlet.events) == 1, task)
            assert one.source.standing(now).complete_to == 0
            now += 10_000
            await until(lambda: one.source.standing(now).complete_to == now, task)
            now += 40_000
            await until(lambda: one.source.standing(now).complete_to == now, task)
    assert len(server.cursors) == 1


async def test_a_jetstream_that_does_not_answer_is_connected_to_anew(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.ingest.bluesky.PING_EVERY", 0.02)
    now = NOW
    connections = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal connections
        connections += 1
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        while (await socket.receive()).type not in {WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.CLOSE}:
            pass
        return socket

    async with serving(handle) as service:
        one = make(bench, service.address, clock=lambda: now)
        async with running(one) as task:
            await until(lambda: connections == 1, task)

            def later() -> bool:
                nonlocal now
                now += 1_000
                return connections == 2

            await until(later, task)
    assert one.source.standing(now).complete_to == 0
