"""Fetched records out of the socket, without the copies of asyncio's stream reader and aiokafka's decoder.

On its way through aiokafka an answer is copied four times: into what was received, the stream reader's buffer, the
whole answer, and each partition's records. Only the last is kept, and all are megabytes of fresh memory. Here a
connection gets another protocol, by `set_protocol`, asyncio's own means: it receives into one buffer that stays, out of
which a partition's records are copied once. Everything but the answers to fetches goes to aiokafka as it came.

Private parts of aiokafka 0.14 are used, for which `streams.fetch.check_consumer` looks.
"""

# ruff: noqa: SLF001 - a connection keeps its open requests in private parts

from __future__ import annotations

import asyncio
import struct
import time
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.fetch import FetchRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

PARTS: Final = ((AIOKafkaClient, ("_get_conn",)), (AIOKafkaConnection, ("_handle_frame",)))
"""What is used of aiokafka, by class."""

_SIZE: Final = struct.Struct(">i")
_FIRST_BYTES: Final = 64 << 10


def receive_in_place(consumer: Any) -> None:
    """Let every connection that `consumer` opens from now on receive in place; call it before the first fetch."""
    client = consumer._client
    client._get_conn = partial(_connection, client._get_conn)


async def _connection(get: Callable[..., Coroutine[Any, Any, Any]], *arguments: Any, **named: Any) -> Any:
    """Give what `get` gives: a connection, or None where there is none."""
    connection = await get(*arguments, **named)
    # while no request is open nothing is on its way, and aiokafka's reader waits for the beginning of an answer
    if connection is not None and connection.connected() and not connection._requests:
        transport = connection._writer.transport
        if not isinstance(transport.get_protocol(), Receiver):
            transport.set_protocol(Receiver(connection))
    return connection


class Receiver(asyncio.BufferedProtocol):
    """Receives the answers of one connection of aiokafka, whose protocol and reader learn of all but the bytes.

    An answer is its size in four bytes and as many bytes. What is wrong with one ends the connection, as it does in
    aiokafka, whose reader is told.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = weakref.ref(connection)  # as aiokafka's reader: who forgets a connection may lose it
        self._protocol = connection._protocol
        self._reader = connection._reader
        self._transport = connection._writer.transport
        self._size = memoryview(bytearray(_SIZE.size))
        self._kept = memoryview(bytearray(_FIRST_BYTES))
        self._wanted = self._size
        """The bytes to fill: a size, or as much of an answer as there is room for."""
        self._filled = 0
        self._answer_size = 0

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's signature
        """Give the room for what comes next."""
        return self._wanted[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has come."""
        self._filled += nbytes
        if self._filled < len(self._wanted):
            return
        try:
            self._filled_up()
        except Exception as error:  # noqa: BLE001 - it ends the reader, which tells it and closes the connection
            self._transport.pause_reading()
            self._reader.set_exception(error)

    def _filled_up(self) -> None:
        filled, self._filled = self._filled, 0
        if self._wanted is self._size:
            self._answer_size = _SIZE.unpack(self._size)[0]
            if self._answer_size <= 0:
                raise ValueError(f"an answer of Kafka of {self._answer_size} bytes")
            self._wanted = self._kept[: self._answer_size]
        elif filled < self._answer_size:
            # twice what has come, never what is only said: bytes that are no size would ask for gigabytes
            larger = memoryview(bytearray(min(self._answer_size, 2 * filled)))
            larger[:filled] = self._wanted
            self._kept = self._wanted = larger
            self._filled = filled
        else:
            answer, self._wanted = self._wanted, self._size
            connection = self._connection()
            if connection is not None:
                _answered(connection, answer)

    def eof_received(self) -> bool | None:
        """Hand on."""
        ended: bool | None = self._protocol.eof_received()
        return ended

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand on."""
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Hand on."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Hand on."""
        self._protocol.resume_writing()


class _Answer:
    """As much of a file as aiokafka's decoder wants: what it reads are copies."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._at = 0

    def read(self, count: int) -> bytes:
        begin = self._at
        self._at = begin + count
        return bytes(self._content[begin : self._at])


def _answered(connection: Any, content: memoryview) -> None:
    """Give an answer to who waits for it; aiokafka does that where it is of another kind or not the next one."""
    number, request, waiting = connection._requests[0]
    if request is not None and request.API_KEY == FetchRequest.API_KEY and not waiting.done():
        answer = _Answer(content)
        if request.parse_response_header(answer).correlation_id == number:
            waiting.set_result(request.RESPONSE_TYPE.decode(answer))
            connection._last_action = time.monotonic()
            connection._requests.popleft()
            return
    connection._handle_frame(bytes(content))
