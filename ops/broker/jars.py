"""The broker's jars: a pinned list with their SHA-256, fetched once into a cache and checked at every start.

The list is what Maven resolves at run time for kafka_2.13, and log4j-slf4j-impl in the version of its log4j-core,
without which Kafka logs nothing.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from streams.errors import OperatorError

LIST: Final = Path(__file__).with_name("jars.txt")
KAFKA: Final = "org.apache.kafka:kafka_2.13"
AT_ONCE: Final = 8
TIMEOUT_SECONDS: Final = 30


class Jar(Struct, frozen=True):
    """One jar of the list, by its Maven coordinates; `sha256` in hexadecimal."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def name(self) -> str:
        """File name in the cache."""
        return f"{self.group}.{self.artifact}-{self.version}.jar"

    def is_good(self, file: Path) -> bool:
        """Tell whether `file` has exactly the bytes that the list wants."""
        try:
            with file.open("rb") as opened:
                return hashlib.file_digest(opened, "sha256").hexdigest() == self.sha256
        except OSError:
            return False


def read_list(file: Path = LIST) -> tuple[Jar, ...]:
    """Read the list: on each line the SHA-256 and group:artifact:version."""
    jars = []
    for line in file.read_text("utf-8").splitlines():
        digest, _, coordinates = line.partition(" ")
        group, artifact, version = coordinates.split(":")
        jars.append(Jar(group, artifact, version, digest))
    return tuple(jars)


def kafka_version(jars: tuple[Jar, ...]) -> str:
    """Give the version of Kafka that the list is for."""
    return next(jar.version for jar in jars if f"{jar.group}:{jar.artifact}" == KAFKA)


def cache_folder() -> Path:
    """Give the folder for what can be fetched again: JUN_CACHE, else `jun` in the user's cache folder."""
    if own := os.environ.get("JUN_CACHE"):
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "jun"


def class_path(cache: Path | None = None) -> list[Path]:
    """Give the files of the broker's class path; what is missing or damaged is fetched first.

    Needs no network once the cache is complete. A file gets its name only after its bytes were checked, so any number
    of processes may do this at once, and one that is killed leaves nothing half done.
    """
    jars = read_list()
    folder = (cache_folder() if cache is None else cache) / f"kafka-{kafka_version(jars)}"
    wanting = [jar for jar in jars if not jar.is_good(folder / jar.name)]
    if wanting:
        _fetch(wanting, folder)
    return [folder / jar.name for jar in jars]


def _fetch(jars: list[Jar], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as scratch:
            context = _maven(Path(scratch))
            with ThreadPoolExecutor(AT_ONCE) as pool:
                for jar, file in zip(jars, pool.map(lambda jar: _download(context, jar), jars), strict=True):
                    file.replace(folder / jar.name)
    except OSError as error:  # requests' errors are OSErrors too, and handled where they come up
        raise OperatorError(
            f"to keep Kafka's jars in {folder}",
            str(error),
            "make room or name another folder in the environment variable JUN_CACHE",
            retry=False,
        ) from error


def _maven(scratch: Path) -> Any:
    try:
        from jgo.config import GlobalSettings  # noqa: PLC0415 - optional, and only needed to fetch
        from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415 - as above
        from jgo.maven import MavenContext  # noqa: PLC0415 - as above
    except ImportError as error:
        raise OperatorError(
            "the jars of the embedded broker",
            "the package jgo, which fetches them, is not installed",
            "install it with `pip install 'jun-monitor[embedded]'`, or set kafka.embedded to false and name a cluster",
            retry=False,
        ) from error
    return MavenContext(
        repo_cache=scratch,
        remote_repos={**GlobalSettings.load().repositories, "central": MAVEN_CENTRAL_URL},
        timeout=TIMEOUT_SECONDS,
    )


def _download(context: Any, jar: Jar) -> Path:
    wanted = f"the jar {jar.artifact} {jar.version} of the embedded broker"
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    try:
        file: Path = artifact.resolve()
    except (OSError, RuntimeError) as error:
        raise OperatorError(
            wanted,
            f"it is not whole in the cache and could not be fetched ({type(error).__name__})",
            "the first start needs the network: see that the Maven repository can be reached, or copy the cache "
            f"folder {cache_folder()} from a machine that has it",
            retry=True,
        ) from error
    if not jar.is_good(file):
        raise OperatorError(
            wanted,
            f"what came has another SHA-256 than {jar.sha256[:12]}",
            "look for a proxy that alters or cuts downloads",
            retry=True,
        )
    return file
