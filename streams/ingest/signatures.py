"""Proof of where a body comes from: compared in constant time, and only while it is fresh."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final

LONGEST_STAMP: Final = 15
"""Digits of a time in seconds or milliseconds, with some to spare."""


def same(given: str, expected: str) -> bool:
    """Compare without telling by the time it takes how far they agree; `given` may hold anything."""
    return hmac.compare_digest(given.encode(errors="surrogateescape"), expected.encode())


def hex_hmac(key: bytes, message: bytes, digest: str = "sha256") -> str:
    """Give the HMAC (RFC 2104) of a message in hex digits."""
    return hmac.digest(key, message, digest).hex()


def base64_hmac(key: bytes, message: bytes, digest: str = "sha256") -> str:
    """Give the HMAC (RFC 2104) of a message in base64."""
    return base64.b64encode(hmac.digest(key, message, digest)).decode()


def fresh(stamp: str, now: int, seconds: float) -> bool:
    """Say whether a time in seconds lies within so many seconds of `now` (ms); False for what is no time."""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= LONGEST_STAMP):
        return False
    return abs(now - int(stamp) * 1000) <= seconds * 1000


def from_base64(text: str) -> bytes | None:
    """Decode base64; None for what is none."""
    try:
        return base64.b64decode(text.encode(errors="surrogateescape"), validate=True)
    except (binascii.Error, ValueError):
        return None
