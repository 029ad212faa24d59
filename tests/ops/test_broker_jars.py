from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.broker import jars
from streams.errors import OperatorError

KAFKA = b"the broker"
LOGGING = b"the logging"


class Repository:
    """A Maven repository in memory; says what it was asked for."""

    def __init__(self, files: dict[str, bytes], error: Exception | None = None) -> None:
        self.files, self.error = files, error
        self.asked: list[str] = []

    def maven(self, scratch: Path) -> Any:
        """Make a client of this repository that keeps its files in `scratch`."""

        def resolve(artifact: str) -> Path:
            self.asked.append(artifact)
            if self.error:
                raise self.error
            file = scratch / artifact
            file.write_bytes(self.files[artifact])
            return file

        def project(_group: str, artifact: str) -> Any:
            made = SimpleNamespace(resolve=lambda: resolve(artifact))
            return SimpleNamespace(at_version=lambda _version: SimpleNamespace(artifact=lambda: made))

        return SimpleNamespace(project=project)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Two jars in a list of our own, and the repository that has them."""
    lines = (
        f"{hashlib.sha256(KAFKA).hexdigest()} org.apache.kafka:kafka_2.13:4.9.9\n"
        f"{hashlib.sha256(LOGGING).hexdigest()} org.example:logging:1.0\n"
    )
    (tmp_path / "list.txt").write_text(lines)
    listed = jars.read_list(tmp_path / "list.txt")
    made = Repository({"kafka_2.13": KAFKA, "logging": LOGGING})
    monkeypatch.setattr(jars, "read_list", lambda: listed)
    monkeypatch.setattr(jars, "_maven", made.maven)
    return made


def test_the_jars_are_fetched_once_and_then_need_no_network(tmp_path: Path, repository: Repository) -> None:
    files = jars.class_path(tmp_path / "cache")
    assert [file.read_bytes() for file in files] == [KAFKA, LOGGING]
    assert [file.relative_to(tmp_path / "cache").as_posix() for file in files] == [
        "kafka-4.9.9/org.apache.kafka.kafka_2.13-4.9.9.jar",
        "kafka-4.9.9/org.example.logging-1.0.jar",
    ]
    repository.asked.clear()
    assert jars.class_path(tmp_path / "cache") == files
    assert repository.asked == []


@pytest.mark.parametrize("damaged", [b"", b"the logginG", b"the logging and more"])
def test_a_damaged_jar_alone_is_fetched_again(tmp_path: Path, repository: Repository, damaged: bytes) -> None:
    file = jars.class_path(tmp_path)[1]
    file.write_bytes(damaged)
    repository.asked.clear()
    assert jars.class_path(tmp_path)[1].read_bytes() == LOGGING
    assert repository.asked == ["logging"]


def test_what_comes_with_other_bytes_never_gets_into_the_cache(tmp_path: Path, repository: Repository) -> None:
    repository.files["logging"] = b"something else"
    with pytest.raises(
        OperatorError, match=r"the jar logging 1\.0 .*another SHA-256 than .*: look for a proxy"
    ) as told:
        jars.class_path(tmp_path)
    assert told.value.retry
    assert not list(tmp_path.rglob("*logging*"))
    assert not list(tmp_path.rglob(".fetching-*"))


@pytest.mark.parametrize("error", [ConnectionError("no route"), RuntimeError("not found in remote repositories")])
def test_a_first_start_without_network_says_what_it_needs(
    tmp_path: Path, repository: Repository, error: Exception
) -> None:
    repository.error = error
    with pytest.raises(OperatorError, match=r"the first start needs the network: .* copy the cache folder") as told:
        jars.class_path(tmp_path)
    assert told.value.retry


def test_the_real_fetch_without_network_is_told_in_the_same_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("jgo")
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(OperatorError, match=r"could not be fetched \(ProxyError\)"):
        jars.class_path(tmp_path)


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, repository: Repository) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="name another folder in the environment variable JUN_CACHE"):
        jars.class_path(tmp_path / "file")
    assert repository.asked == []


def test_many_processes_may_fetch_at_once(tmp_path: Path, repository: Repository) -> None:
    found: list[list[Path]] = []
    threads = [threading.Thread(target=lambda: found.append(jars.class_path(tmp_path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all([file.read_bytes() for file in files] == [KAFKA, LOGGING] for files in found)
    assert set(repository.asked) == {"kafka_2.13", "logging"}


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUN_CACHE", "/own")
    monkeypatch.setenv("XDG_CACHE_HOME", "/shared")
    assert jars.cache_folder() == Path("/own")
    monkeypatch.delenv("JUN_CACHE")
    assert jars.cache_folder() == Path("/shared/jun")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert jars.cache_folder() == Path("/home/somebody/.cache/jun")


def test_the_list_pins_one_kafka_with_all_its_parts() -> None:
    listed = jars.read_list()
    of_kafka = {jar.version for jar in listed if jar.group == "org.apache.kafka"}
    assert of_kafka == {jars.kafka_version(listed)}
    assert len({jar.name for jar in listed}) == len(listed)
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in listed)
