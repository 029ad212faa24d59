"""Turns what was refused into a dead letter: sealed, so that only the holder of the private key reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nacl.public import SealedBox

from schemas.deadletter import DeadLetter

if TYPE_CHECKING:
    from nacl.public import PublicKey

    from schemas.codec import UnreadableError
    from streams.ingest.pseudonyms import Pseudonyms

KEPT_BYTES: Final = 64 * 1024
"""Of a longer input only the beginning is kept."""


class Sealer:
    """Makes dead letters. Without a public key no raw input is kept: it may hold names."""

    def __init__(self, pseudonyms: Pseudonyms, key: PublicKey | None) -> None:
        self._pseudonyms = pseudonyms
        self._box = SealedBox(key) if key is not None else None

    def letter(  # noqa: PLR0913 (they are the fields of a dead letter)
        self, source: str, fault: UnreadableError, raw: bytes, *, size: int, place: str, now: int, context: str = ""
    ) -> DeadLetter:
        """Make the dead letter of `raw`, of whose `size` bytes the beginning may be all that is left."""
        kept = raw[:KEPT_BYTES]
        return DeadLetter(
            source=source,
            reason=fault.reason,
            detail=str(fault),
            place=place,
            at=now,
            size=size,
            fingerprint=self._pseudonyms.fingerprint(kept),
            sealed=self._box.encrypt(kept) if self._box is not None else b"",
            truncated=len(kept) < size,
            context=context,
        )
