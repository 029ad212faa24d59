"""The files of keys: the pseudonyms' secret, and the pair to which refused inputs are sealed."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from typing import TYPE_CHECKING, Final

from nacl.public import PrivateKey, PublicKey

from streams.errors import OperatorError

if TYPE_CHECKING:
    from pathlib import Path

KEY_BYTES: Final = 32
PSEUDONYM_FILE: Final = "pseudonym.key"
PRIVATE_FILE: Final = "deadletter.private"
PUBLIC_FILE: Final = "deadletter.public"


def new_keys(folder: Path) -> list[Path]:
    """Make the three files of keys in `folder`; raises OperatorError where one of them is there already."""
    files = [folder / name for name in (PSEUDONYM_FILE, PRIVATE_FILE, PUBLIC_FILE)]
    for file in files:
        if file.exists():
            raise OperatorError(
                "to make new keys",
                f"there is {file} already",
                "choose another folder: with another key everybody would be counted as a new person",
                retry=False,
            )
    private = PrivateKey.generate()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file, key in zip(
        files, (secrets.token_bytes(KEY_BYTES), bytes(private), bytes(private.public_key)), strict=True
    ):
        _write_new(file, key)
    return files


def next_key(folder: Path) -> Path:
    """Make a key of the pseudonyms to follow another; raises OperatorError where there is one in `folder` already."""
    file = folder / PSEUDONYM_FILE
    if file.exists():
        raise OperatorError(
            "to make the next key", f"there is {file} already", "choose another folder: that one is still needed",
            retry=False,
        )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_new(file, secrets.token_bytes(KEY_BYTES))
    return file


def pseudonym_key(text: str) -> bytes:
    """Read the text of a pseudonyms' key: base64 of 32 bytes or more."""
    return _decoded(text, "the key of the pseudonyms", exact=False)


def public_key(text: str) -> PublicKey:
    """Read the text of the public key to which refused inputs are sealed: base64 of 32 bytes."""
    return PublicKey(_decoded(text, "the public key of the dead letters", exact=True))


def private_key(text: str) -> PrivateKey:
    """Read the text of the private key that opens refused inputs: base64 of 32 bytes."""
    return PrivateKey(_decoded(text, "the private key of the dead letters", exact=True))


def _write_new(file: Path, key: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(base64.urlsafe_b64encode(key) + b"\n")
        opened.flush()
        os.fsync(descriptor)


def _decoded(text: str, name: str, *, exact: bool) -> bytes:
    wanted = f"{name} as base64 of {'' if exact else 'at least '}{KEY_BYTES} bytes"
    try:
        key = base64.b64decode(text.strip(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise OperatorError(wanted, "something else came", "make one with `jun key new`", retry=False) from error
    if len(key) < KEY_BYTES or (exact and len(key) != KEY_BYTES):
        raise OperatorError(wanted, f"{len(key)} bytes came", "make one with `jun key new`", retry=False)
    return key
