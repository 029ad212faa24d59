"""Opens what was sealed: only who has the private key can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nacl.exceptions import CryptoError
from nacl.public import SealedBox

from schemas.config import Secret
from streams.errors import OperatorError
from streams.keys import private_key
from streams.secrets import read_secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nacl.public import PrivateKey

    from schemas.deadletter import DeadLetter

VARIABLE: Final = "JUN_DEADLETTER_PRIVATE_KEY"
"""Environment variable that holds the private key where no file is named."""


def open_box(file: Path | None, environ: Mapping[str, str] | None = None) -> SealedBox[PrivateKey]:
    """Give the box of the private key in `file` or in the environment. Raises OperatorError."""
    secret = Secret(file=str(file)) if file else Secret(environment=VARIABLE)
    text = read_secret(secret, wanted_for="--private-key", environ=environ)
    return SealedBox(private_key(text))


def unsealed(letter: DeadLetter, box: SealedBox[PrivateKey]) -> bytes:
    """Give the input, or its beginning where it was cut. Raises OperatorError where it was not kept, or for others."""
    if not letter.sealed:
        raise OperatorError(
            "the input of a dead letter",
            "it was not kept",
            "set privacy.deadletter_public_key, so that those to come are",
            retry=False,
        )
    try:
        return box.decrypt(letter.sealed)
    except CryptoError as error:
        raise OperatorError(
            "the private key to which this dead letter is sealed",
            "another one came",
            "name the one that was made with privacy.deadletter_public_key at that time",
            retry=False,
        ) from error
