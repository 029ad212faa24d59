"""Cuts a body into its happenings, so that each becomes an event, or a dead letter, of its own, within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Raw

from schemas.codec import UnreadableError
from streams.ingest.seal import KEPT_BYTES
from streams.ingest.source import Item
from streams.ingest.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Sequence

MAXIMUM_EVENTS: Final = 10_000
"""Events of one request."""
MAXIMUM_LETTERS: Final = 1_000
"""Dead letters of one request, each for one input; the last of them may stand for many."""

_many: Final[Typed[list[Raw]]] = Typed(list[Raw])


def many(body: bytes | str) -> list[bytes]:
    """Give the elements of a JSON array; raises UnreadableError, also where there are more than MAXIMUM_EVENTS."""
    parts = _many.read(body)
    if len(parts) > MAXIMUM_EVENTS:
        raise too_many(len(parts), "send them in several")
    return [bytes(part) for part in parts]


def one_or_many(body: bytes) -> list[bytes]:
    """Give the elements of a JSON array, or the body itself where it is none; raises UnreadableError."""
    return many(body) if body.lstrip()[:1] == b"[" else [body]


def too_many(events: int, remedy: str) -> UnreadableError:
    """Give the fault of a request with more events than may be sent together."""
    return UnreadableError("too_large", f"wanted at most {MAXIMUM_EVENTS} events in a request, got {events}: {remedy}")


def with_few_letters(items: list[Item]) -> tuple[list[Item], Sequence[int]]:
    """Give the items with at most MAXIMUM_LETTERS that can't be read: the last stands for all after it, and says so.

    Beside them the index that each had, by which a caller is told of it.
    """
    # What has a size of its own stands for many already.
    wrong = [item for item in items if isinstance(item.submission, UnreadableError) and not item.size]
    if len(wrong) <= MAXIMUM_LETTERS:
        return items, range(len(items))
    alone, others = wrong[: MAXIMUM_LETTERS - 1], wrong[MAXIMUM_LETTERS - 1 :]
    first = others[0]
    assert isinstance(first.submission, UnreadableError)  # noqa: S101 (so they were chosen)
    raw = b"\n".join(item.raw for item in others)
    words = f"{first.submission}; this stands for {len(others):,} events of the request that can't be read"
    together = Item(
        raw[:KEPT_BYTES], first.place, UnreadableError(first.submission.reason, words), len(raw), first.context
    )
    kept = {id(item) for item in alone}
    merged: list[Item] = []
    indexes: list[int] = []
    for index, item in enumerate(items):
        if item is first:
            merged.append(together)
        elif id(item) in kept or item.size or not isinstance(item.submission, UnreadableError):
            merged.append(item)
        else:
            continue
        indexes.append(index)
    return merged, indexes
