"""Ports of this machine: free ones, whether one is taken, and whether a broker answers on it."""

from __future__ import annotations

import os
import secrets
import socket
import struct
from typing import Final

from ops.broker.settings import HOST
from streams.errors import OperatorError

CHOICE: Final = range(10_000, 32_000)
"""Below the ports that systems give to outgoing connections: a client that calls a stopped broker's port again and
again would some day be given that very port, connect to itself and keep the broker from coming back."""


class PortInUseError(OperatorError):
    """`port` is somebody else's."""

    def __init__(self, port: int, came: str) -> None:
        super().__init__(
            f"to listen on {HOST}:{port} for the embedded broker",
            f"another program has that port ({came})",
            "stop that program, or name another port in kafka.bootstrap_servers",
            retry=True,
        )
        self.port = port


def free_ports(count: int) -> list[int]:
    """Give `count` different ports that nobody listens on now."""
    found: set[int] = set()
    while len(found) < count:
        port = secrets.choice(CHOICE)
        try:
            require_free(port)
        except PortInUseError:
            continue
        found.add(port)
    return list(found)


def require_free(port: int) -> None:
    """Raise PortInUseError where something listens on `port` already."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        raise PortInUseError(port, os.strerror(error.errno or 0)) from error


def brokers_known(port: int, timeout: float = 2.0) -> int:
    """Ask the broker on `port` how many working brokers it knows, itself included; 0 where it does not answer.

    Asks for the metadata of no topic (Kafka's Metadata request, version 1).
    """
    request = struct.pack(">hhih3si", 3, 1, 1, 3, b"jun", 0)
    try:
        with socket.create_connection((HOST, port), timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(struct.pack(">i", len(request)) + request)
            head = _read(connection, 12)
    except OSError:
        return 0
    known: int = struct.unpack(">iii", head)[2] if len(head) == 12 else 0
    return known


def _read(connection: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size and (part := connection.recv(size - len(got))):
        got += part
    return got
