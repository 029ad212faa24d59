"""Secrets: whether they can be read here, and only by those who should. Their values are never looked at."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from ops.config.document import shown_name
from ops.config.problems import Problem
from schemas.config import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schemas.config import Config

_PUBLIC: Final = frozenset({"deadletter_public_key"})
"""Secrets by type only: anybody may read them."""


def problems(config: Config, environ: Mapping[str, str]) -> Iterator[Problem]:
    """Give what is wrong with the secrets of the configuration's own sections."""
    for section in structs.fields(config):
        yield from within(getattr(config, section.name), (section.encode_name,), environ, Path())


def within(settings: Any, path: tuple[str | int, ...], environ: Mapping[str, str], folder: Path) -> Iterator[Problem]:
    """Give what is wrong with the secrets of one struct of settings; relative files begin at `folder`."""
    if not hasattr(settings, "__struct_fields__"):
        return
    for field in structs.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, Secret):
            yield from _secret(value, (*path, field.encode_name), environ, folder, public=field.name in _PUBLIC)


def _secret(
    secret: Secret, path: tuple[str | int, ...], environ: Mapping[str, str], folder: Path, *, public: bool
) -> Iterator[Problem]:
    if secret.file and secret.environment:
        yield Problem(path, "must be in a file or in an environment variable, but both are named.")
    elif secret.environment and not environ.get(secret.environment):
        yield Problem(path, f"is missing: the environment variable {secret.environment} is not set.")
    elif secret.file:
        yield from _file(folder / Path(secret.file).expanduser(), path, public=public)


def _file(file: Path, path: tuple[str | int, ...], *, public: bool) -> Iterator[Problem]:
    shown = shown_name(file)
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        yield Problem(path, f"is missing: there is no file {shown}. `jun key` makes keys.")
        return
    except OSError as error:
        yield Problem(path, f"can't be reached: {shown}: {error.strerror}.")
        return
    if not stat.S_ISREG(mode):
        yield Problem(path, f"{shown} is not a file.")
    elif not os.access(file, os.R_OK):
        yield Problem(path, f"{shown} can't be read by this user.")
    elif file.stat().st_size == 0:
        yield Problem(path, f"{shown} is empty.")
    elif mode & stat.S_IRWXO and not public:
        yield Problem(path, f"{shown} can be read by others: run `chmod o= {shown}`.")
