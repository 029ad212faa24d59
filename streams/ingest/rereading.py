"""Reads inputs the same way when they come and when their dead letters are redriven."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.codec import UnreadableError
from streams.ingest.source import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streams.ingest.source import RefusedInput, Rereader
    from streams.ingest.submission import Submission


def items_of(raw: bytes, place: str, read: Callable[[bytes], Submission | None]) -> list[Item]:
    """Read one raw input: one item, or none where nobody did anything that counts."""
    try:
        submission = read(raw)
    except UnreadableError as fault:
        return [Item(raw, place, fault)]
    return [] if submission is None else [Item(raw, place, submission)]


def rereader_of(read: Callable[[bytes], Submission | None]) -> Rereader:
    """Make what reads a refused input again, for kinds whose inputs say everything themselves."""

    def again(refused: RefusedInput) -> list[Item]:
        return items_of(refused.raw, refused.place, read)

    return again


def rereader_of_several(read: Callable[[bytes], Iterable[Submission]]) -> Rereader:
    """Make the same for kinds of whose inputs each may say several things."""

    def again(refused: RefusedInput) -> list[Item]:
        try:
            return [Item(refused.raw, refused.place, one) for one in read(refused.raw)]
        except UnreadableError as fault:
            return [Item(refused.raw, refused.place, fault)]

    return again
