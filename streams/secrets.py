"""Reads secrets from where the configuration says they are, and keeps them out of everything that is shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.config import Secret

LARGEST: Final = 64 << 10
"""Bytes of the largest file that can be a secret; a larger one is a mistake."""


class Concealed(str):
    """A text that does not show in `repr`, and so neither in logged values, structs and dictionaries."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def read_secret(secret: Secret, *, wanted_for: str, environ: Mapping[str, str] | None = None) -> Concealed:
    """Read `secret` from its file, without the line end, or from its environment variable.

    `wanted_for` is the setting that needs it, for the error. Raises OperatorError where it is not to be had, is empty,
    or has two places.
    """
    if secret.file and secret.environment:
        raise _missing(wanted_for, f"both the file {secret.file} and the variable {secret.environment} are named")
    if secret.file:
        return _from_file(Path(secret.file).expanduser(), wanted_for)
    if not secret.environment:
        raise _missing(wanted_for, "it has neither a file nor an environment variable")
    value = (os.environ if environ is None else environ).get(secret.environment)
    if not value:
        raise _missing(wanted_for, f"the variable {secret.environment} is {'not set' if value is None else 'empty'}")
    return Concealed(value)


def _from_file(file: Path, wanted_for: str) -> Concealed:
    try:
        with file.open("rb") as opened:
            raw = opened.read(LARGEST + 1)
    except OSError as error:
        raise _missing(wanted_for, f"{file} can't be read ({error.strerror})") from error
    if len(raw) > LARGEST:
        raise _missing(wanted_for, f"{file} has more than {LARGEST >> 10} KiB")
    try:
        text: str | None = raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        text = None
    if text is None:  # and not in the handler: the error's context would hold the bytes
        raise _missing(wanted_for, f"{file} is no text in UTF-8")
    if not text:
        raise _missing(wanted_for, f"{file} is empty")
    return Concealed(text)


def _missing(wanted_for: str, came: str) -> OperatorError:
    return OperatorError(
        f"the secret {wanted_for}", came, f"put it into a file or a variable and name that one in {wanted_for}",
        retry=False,
    )  # fmt: skip
