from __future__ import annotations

from nacl.public import PrivateKey, SealedBox

from schemas.codec import UnreadableError
from schemas.deadletter import DeadLetter
from streams.ingest.pseudonyms import Pseudonyms
from streams.ingest.seal import Sealer

PSEUDONYMS = Pseudonyms(bytes(32))
FAULT = UnreadableError("not_json", "wanted a JSON object")


def letter(sealer: Sealer, raw: bytes, size: int | None = None) -> DeadLetter:
    return sealer.letter("posts", FAULT, raw, size=size or len(raw), place="file line 7", now=5)


def test_a_dead_letter_says_what_where_and_when() -> None:
    made = letter(Sealer(PSEUDONYMS, None), b"raw")
    assert made == DeadLetter(
        source="posts",
        reason="not_json",
        detail="wanted a JSON object",
        place="file line 7",
        at=5,
        size=3,
        fingerprint=PSEUDONYMS.fingerprint(b"raw"),
    )


def test_only_the_holder_of_the_private_key_reads_the_input() -> None:
    private = PrivateKey.generate()
    made = letter(Sealer(PSEUDONYMS, private.public_key), b"raw of ana")
    assert b"ana" not in made.sealed
    assert SealedBox(private).decrypt(made.sealed) == b"raw of ana"


def test_of_more_than_64_kib_the_beginning_is_kept() -> None:
    private = PrivateKey.generate()
    sealer = Sealer(PSEUDONYMS, private.public_key)
    whole, cut = letter(sealer, b"x" * 65_536), letter(sealer, b"x" * 65_537)
    assert (whole.truncated, cut.truncated, cut.size) == (False, True, 65_537)
    assert SealedBox(private).decrypt(cut.sealed) == b"x" * 65_536
    assert letter(sealer, b"x", size=10_000_000).truncated
