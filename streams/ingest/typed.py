"""Reads the parts of a foreign JSON document that matter, by type; what it can't read has a dead letter's reason.

Nesting is bounded by the decoder: what is deeper than Python's own limit is refused before anything is built.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from schemas.codec import UnreadableError, without_input

T = TypeVar("T")

_loose = msgspec.json.Decoder().decode


class Typed(Generic[T]):
    """Reads one type."""

    def __init__(self, wanted: Any) -> None:
        self._wanted = wanted
        self._decode = msgspec.json.Decoder(wanted).decode

    def read(self, raw: bytes | str) -> T:
        """Read JSON; raises UnreadableError."""
        try:
            value: T = self._decode(raw)
        except msgspec.ValidationError as error:
            raise UnreadableError("wrong_type", without_input(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _unreadable(raw) from error
        return value

    def of(self, loose: Any) -> T:
        """Read what is decoded already; raises UnreadableError."""
        try:
            value: T = msgspec.convert(loose, self._wanted)
        except msgspec.ValidationError as error:
            raise UnreadableError("wrong_type", without_input(error)) from error
        return value


def loose_json(raw: bytes | str) -> Any:
    """Read any JSON; raises UnreadableError."""
    try:
        return _loose(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(raw) from error


def _unreadable(raw: bytes | str) -> UnreadableError:
    if isinstance(raw, bytes):
        try:
            raw.decode()
        except UnicodeDecodeError as bad:
            return UnreadableError("not_utf8", f"wanted UTF-8, got a bad byte at {bad.start}")
    return UnreadableError("not_json", "wanted JSON, not too deeply nested, got something else")
