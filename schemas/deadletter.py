"""The values of the topic `deadletter`: inputs that could not be taken, sealed, and what was sent again of them."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from schemas.version import Version, version_field

Reason = Literal[
    "not_json",
    "not_utf8",
    "wrong_type",
    "no_id",
    "future",
    "too_large",
    "unknown_kind",
    "too_many_tags",
    "null_bytes",
    "old_version",
    "new_version",
    "too_late",
    "unreadable",
]
"""Why it was refused; a bounded set, since it is a label."""


class DeadLetter(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="letter"):
    """An input that was refused. `at` is the reader's clock (ms); `place` says where it stood (file and line, topic,
    partition and offset, request); `detail` says what was wanted and what came, without quoting the input.
    `sealed` is the raw input encrypted to the operator's public key (empty where none is configured, cut where
    `size` bytes were too many to keep); `fingerprint` is its SHA-256, keyed, in hex. `context`
    is what its source needs beside the input to read it again; it holds nothing of the input.
    """

    source: str
    reason: Reason
    detail: str
    place: str
    at: int
    size: int
    fingerprint: str = ""
    sealed: bytes = b""
    truncated: bool = False
    context: str = ""
    v: Version = version_field()


class Redriven(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="redriven"):
    """A mark: the dead letter at the offset `letter` of this topic was sent again, and taken, at `at` (ms).

    `written` is the `at` of that letter, by which a mark is told from one of an earlier topic of the same name.
    """

    source: str
    letter: int
    written: int
    at: int
    v: Version = version_field()


DeadLetterRecord = DeadLetter | Redriven
