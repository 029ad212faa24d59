"""Answers received in place, against aiokafka's own decoder and its way with what is wrong."""

from __future__ import annotations

import asyncio
import io
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import CorrelationIdError, KafkaConnectionError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import HeartbeatRequest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.receive import Receiver, receive_in_place

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PLACE = "made-up"
FETCH = FetchRequest(100, 1, 1 << 20, 1, [(PLACE, [(0, 0, 1 << 20)])])


def fetch_answer(version: int, sets: list[bytes | None]) -> tuple[Any, bytes]:
    """Give a fetch's request, and an answer without its header, of one record set for each partition."""
    request = FETCH.prepare({1: (version, version)})
    head = [0] if version < 7 else [0, 0, 5]
    between = [[(7, 3)]] if version < 5 else [0, [(7, 3)]] if version < 11 else [0, [(7, 3)], -1]
    partitions = [(number, 0, 90, 80, *between, records) for number, records in enumerate(sets)]
    return request, request.RESPONSE_TYPE(*head, [(PLACE, partitions)]).encode()


def other_answer() -> tuple[Any, bytes]:
    request = HeartbeatRequest("group", 1, "member").prepare({12: (0, 1)})
    return request, request.RESPONSE_TYPE(5, 27).encode()


def framed(number: int, body: bytes) -> bytes:
    return (len(body) + 4).to_bytes(4, "big") + number.to_bytes(4, "big") + body


def plain(answer: Any) -> Any:
    return type(answer), answer.to_object()


fetches = st.builds(
    fetch_answer, st.sampled_from([4, 7, 11]), st.lists(st.none() | st.binary(max_size=200) | st.just(b"x" * 70_000))
)


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[AIOKafkaConnection, asyncio.StreamWriter]]:
    """Give a connection of aiokafka that receives in place, and where to write its answers."""
    accepted: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    server = await asyncio.start_server(lambda _, writer: accepted.put_nowait(writer), "127.0.0.1", 0)
    connection = AIOKafkaConnection(*server.sockets[0].getsockname())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "_do_version_lookup", lambda: asyncio.sleep(0))
        await connection.connect()
    client = FakeClient(connection)
    receive_in_place(FakeConsumer(client))
    assert await client._get_conn(0) is connection
    writer = await accepted.get()
    try:
        yield connection, writer
    finally:
        connection.close()
        writer.close()
        server.close()


class FakeClient:
    """Has one connection, as aiokafka's client has."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def _get_conn(self, _node: int) -> Any:
        return self.connection


class FakeConsumer:
    """Has a client."""

    def __init__(self, client: FakeClient) -> None:
        self._client = client


def ask(connection: Any, number: int, request: Any) -> asyncio.Future[Any]:
    waiting = asyncio.get_running_loop().create_future()
    connection._requests.append((number, request, waiting))
    return waiting


@settings(max_examples=40, deadline=None)
@given(answers=st.lists(fetches | st.builds(other_answer), min_size=1, max_size=5), data=st.data())
def test_answers_in_pieces_of_any_size_are_those_that_aiokafka_decodes(
    answers: list[tuple[Any, bytes]], data: st.DataObject
) -> None:
    sent = b"".join(framed(number, body) for number, (_, body) in enumerate(answers))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(sent) - 1), max_size=8)))

    async def receive() -> list[Any]:
        async with connected() as (connection, _):
            receiver = connection._writer.transport.get_protocol()
            waiting = [ask(connection, number, request) for number, (request, _) in enumerate(answers)]
            for begin, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
                while begin < end:
                    room = receiver.get_buffer(-1)
                    count = min(len(room), end - begin)
                    room[:count] = sent[begin : begin + count]
                    receiver.buffer_updated(count)
                    begin += count  # noqa: PLW2901 - the rest of the piece
            assert not connection._requests
            return [one.result() for one in waiting]

    assert [plain(one) for one in asyncio.run(receive())] == [
        plain(request.RESPONSE_TYPE.decode(io.BytesIO(body))) for request, body in answers
    ]


async def test_records_come_through_a_socket_and_are_not_those_of_the_next_answer() -> None:
    request, first = fetch_answer(11, [b"a" * 300_000])
    _, second = fetch_answer(11, [b"b" * 200_000])
    async with connected() as (connection, server):
        waiting = [ask(connection, 1, request), ask(connection, 2, request)]
        connection._last_action = 0.0
        server.write(framed(1, first) + framed(2, second))
        async with asyncio.timeout(10):
            got = [(await one).topics[0][1][0][-1] for one in waiting]
        assert connection._last_action > 0  # else it would be closed as idle
    assert got == [b"a" * 300_000, b"b" * 200_000]


async def test_a_connection_whose_answer_is_on_its_way_is_left_to_aiokafka_until_it_has_come() -> None:
    request, body = fetch_answer(11, [b"records"])
    async with connected() as (connection, server):
        transport = connection._writer.transport
        transport.set_protocol(connection._protocol)
        client = FakeClient(connection)
        receive_in_place(FakeConsumer(client))
        waiting = ask(connection, 1, request)
        await client._get_conn(0)
        assert transport.get_protocol() is connection._protocol
        server.write(framed(1, body))
        async with asyncio.timeout(10):
            await waiting
        await client._get_conn(0)
        received_by = transport.get_protocol()
        await client._get_conn(0)
    assert isinstance(received_by, Receiver)
    assert transport.get_protocol() is received_by


async def test_the_answer_to_another_request_closes_the_connection_as_in_aiokafka() -> None:
    request, body = fetch_answer(11, [b"records"])
    async with connected() as (connection, server):
        waiting = ask(connection, 1, request)
        server.write(framed(2, body))
        async with asyncio.timeout(10):
            with pytest.raises(CorrelationIdError):
                await waiting
        assert not connection.connected()


@pytest.mark.parametrize(
    "wrong",
    [
        framed(1, fetch_answer(11, [b"records"])[1][:-3]),
        (0).to_bytes(4, "big"),
        (-5).to_bytes(4, "big", signed=True),
    ],
    ids=["cut", "empty", "of a negative size"],
)
async def test_an_answer_that_is_wrong_closes_the_connection_and_fails_what_waits(wrong: bytes) -> None:
    request, body = fetch_answer(11, [b"records"])
    async with connected() as (connection, server):
        waiting = [ask(connection, 1, request), ask(connection, 2, request)]
        server.write(wrong + framed(2, body))
        async with asyncio.timeout(10):
            for one in waiting:
                with pytest.raises(KafkaConnectionError):
                    await one
        assert not connection.connected()


async def test_room_is_made_for_what_has_come_and_not_for_what_a_size_says() -> None:
    async with connected() as (connection, _):
        receiver = connection._writer.transport.get_protocol()
        receiver.get_buffer(-1)[:] = (2**31 - 1).to_bytes(4, "big")
        receiver.buffer_updated(4)
        came = 0
        for _ in range(5):
            room = receiver.get_buffer(-1)
            assert len(room.obj) <= max(64 << 10, 2 * came)
            came += len(room)
            receiver.buffer_updated(len(room))


async def test_a_broker_that_goes_away_fails_what_waits() -> None:
    request, _ = fetch_answer(11, [])
    async with connected() as (connection, server):
        waiting = ask(connection, 1, request)
        server.write(framed(1, b"the beginning of an answer")[:-1])
        await server.drain()
        server.close()
        async with asyncio.timeout(10):
            with pytest.raises(KafkaConnectionError):
                await waiting
            await connection._closed_fut


async def test_an_answer_that_nobody_waits_for_any_more_is_passed_over() -> None:
    request, body = fetch_answer(11, [b"records"])
    async with connected() as (connection, server):
        given_up, waiting = ask(connection, 1, request), ask(connection, 2, request)
        given_up.cancel()
        server.write(framed(1, body) + framed(2, body))
        async with asyncio.timeout(10):
            assert (await waiting).topics[0][1][0][-1] == b"records"
