"""The value of the topic `deadletter`: an input that could not be taken, sealed, with the reason and the place."""

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


class DeadLetter(Struct, frozen=True, omit_defaults=True):
    """An input that was refused. `at` is the reader's clock (ms); `place` says where it stood (file and line, topic,
    partition and offset, request); `detail` says what was wanted and what came, without quoting the input.
    `sealed` is the raw input encrypted to the operator's public key (empty where none is configured, cut where
    `size` bytes were too many to keep); `fingerprint` is its SHA-256, keyed, in hex.
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
    v: Version = version_field()
