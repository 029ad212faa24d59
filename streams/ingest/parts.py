"""Cuts a body into its happenings, so that each becomes an event, or a dead letter, of its own."""

from __future__ import annotations

from typing import Final

from msgspec import Raw

from streams.ingest.typed import Typed

_many: Final[Typed[list[Raw]]] = Typed(list[Raw])


def many(body: bytes | str) -> list[bytes]:
    """Give the elements of a JSON array; raises UnreadableError."""
    return [bytes(part) for part in _many.read(body)]


def one_or_many(body: bytes) -> list[bytes]:
    """Give the elements of a JSON array, or the body itself where it is none; raises UnreadableError."""
    return many(body) if body.lstrip()[:1] == b"[" else [body]
