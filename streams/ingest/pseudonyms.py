"""Names end here: accounts and identifiers become keyed hashes, which say nothing without the key.

HMAC-SHA-256 (RFC 2104, FIPS 180-4), cut to 128 bits, as text that is safe in URLs. A key of at least 256 bits makes
guessing accounts hopeless (EDPB guidelines 01/2025 on pseudonymisation).

A key may take another's place at a stated time. Which one holds for an event is a matter of the event's own time, so
that a repeat has the same id and the same actor whenever it comes (docs/decisions/0004-change-of-the-key.md).
"""

from __future__ import annotations

import hmac
from binascii import b2a_base64
from typing import Final

from msgspec import Struct

PSEUDONYM_BYTES: Final = 16
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_TEXT: Final = -(-PSEUDONYM_BYTES * 8 // 6)
"""Characters of a pseudonym: 22."""


class Change(Struct, frozen=True):
    """The key before: its pseudonyms hold for what happened before `since`, and are told besides until `until` (ms)."""

    before: Pseudonyms
    since: int
    until: int


class Pseudonyms:
    """Makes pseudonyms with one secret key; `change` tells of the key before it, if that is still needed.

    What is hashed is (purpose, scope, name): equal names of two sources differ, and a pseudonym of one purpose can't
    be compared with one of another.
    """

    def __init__(self, key: bytes, change: Change | None = None) -> None:
        self.change = change
        self._keyed = hmac.new(key, digestmod="sha256")

    def account(self, source: str, account: str) -> str:
        """Give the actor of an account of one source."""
        return self._hashed("account", source, account)

    def person(self, person: str) -> str:
        """Give the actor of a person, whichever account was used."""
        return self._hashed("person", "", person)

    def original(self, source: str, identifier: str) -> str:
        """Give the id of an event, or the reference to one, from the source's own identifier."""
        return self._hashed("event", source, identifier)

    def fingerprint(self, raw: bytes) -> str:
        """Give 64 hex digits by which two equal refused inputs are known."""
        return self._digest(b"refused\0" + raw).hex()

    def _hashed(self, purpose: str, scope: str, name: str) -> str:
        # A source's name has no NUL in it, so that no two triples give the same bytes.
        digest = self._digest(f"{purpose}\0{scope}\0{name}".encode())
        return b2a_base64(digest[:PSEUDONYM_BYTES]).translate(_URL_SAFE)[:_TEXT].decode()

    def _digest(self, message: bytes) -> bytes:
        keyed = self._keyed.copy()  # the key is worked in once, not for each message
        keyed.update(message)
        return keyed.digest()
