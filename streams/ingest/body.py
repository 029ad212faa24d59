"""What stands in the body of a request: one event, an array of them, or JSON Lines."""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.codec import UnreadableError
from streams.ingest.parts import MAXIMUM_EVENTS, too_many
from streams.ingest.seal import KEPT_BYTES
from streams.ingest.source import Item
from streams.ingest.submission import Submission, read_submission

LINES: Final = frozenset(
    {
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/json-lines",
        "application/jsonlines",
    }
)
"""The types that JSON Lines go by; without one of them they are known by their looks."""

_parts: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_BLANK: Final = b" \t\r\n"


def items_of(body: bytes, content_type: str, place: str) -> list[Item]:
    """Give the events of a body, each readable or with its fault; `place` is where they came in."""
    if content_type in LINES:
        return _many(body.split(b"\n"), place)
    if body.lstrip(_BLANK)[:1] == b"[":
        try:
            return _many([bytes(part) for part in _parts(body)], place)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return [_item(body, place)]
    one = _item(body, place)
    if not isinstance(one.submission, Submission):
        first, _, rest = body.partition(b"\n")
        if rest.strip(_BLANK) and _is_json(first):
            return _many(body.split(b"\n"), place)
    return [one]


def _many(parts: list[bytes], place: str) -> list[Item]:
    events = [part for part in parts if part.strip(_BLANK)]
    items = [_item(event, f"{place}, event {index}") for index, event in enumerate(events[:MAXIMUM_EVENTS])]
    rest = events[MAXIMUM_EVENTS:]
    if rest:
        raw = b"\n".join(rest)
        place = f"{place}, events {MAXIMUM_EVENTS} to {len(events) - 1}"
        fault = too_many(len(events), f"send those from index {MAXIMUM_EVENTS} on in another")
        items.append(Item(raw[:KEPT_BYTES], place, fault, len(raw)))
    return items


def _item(raw: bytes, place: str) -> Item:
    try:
        return Item(raw, place, read_submission(raw))
    except UnreadableError as fault:
        return Item(raw, place, fault)


def _is_json(raw: bytes) -> bool:
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
