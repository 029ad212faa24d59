"""Compiles and runs the peers in Java, with jars from the same resolver as the broker's."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import jgo

from benchmarks.load import WORK
from ops.broker.java import find_java

SOURCES: Final = Path(__file__).parent / "peers" / "java"
ECJ: Final = "org.eclipse.jdt:ecj:3.39.0"
"""Eclipse's compiler, for a Java that has none of its own."""
RELEASE: Final = "17"
HEAP: Final = "2g"
OPENED: Final = ("java.util", "java.lang", "java.time", "java.util.concurrent", "java.net", "java.nio")
"""What Flink's serialisers look into."""


def jars(name: str) -> list[Path]:
    """Give the class path of the coordinates in peers/java/`name`.txt and all that they need, fetched where missing."""
    wanted = SOURCES / f"{name}.txt"
    known = WORK / f"{name}.classpath"
    if known.exists() and known.stat().st_mtime > wanted.stat().st_mtime:
        files = [Path(line) for line in known.read_text("utf-8").splitlines()]
        if all(file.exists() for file in files):
            return files
    files = _resolve(wanted.read_text("utf-8").split())
    known.write_text("\n".join(map(str, files)), "utf-8")
    return files


def _resolve(endpoints: list[str]) -> list[Path]:
    """Resolve each endpoint with what it needs; of an artifact that two need, the first version is taken."""
    chosen = {}
    for endpoint in endpoints:
        for artifact in jgo.resolve(endpoint):
            chosen.setdefault((artifact.groupId, artifact.artifactId), artifact)
    return [Path(artifact.resolve()) for artifact in chosen.values()]


def compiled(name: str, main_class: str) -> list[Path]:
    """Compile the sources that `main_class` needs against the jars of `name`; give the class path to run it."""
    class_path = jars(name)
    classes = WORK / "classes" / main_class
    common = [SOURCES / f"{common}.java" for common in ("Event", "Rows", "RegionMinute")]
    sources = [*common, SOURCES / f"{main_class}.java"]
    if main_class == "StreamsDsl":
        sources.append(SOURCES / "StreamsHeap.java")
    built = classes / f"{main_class}.class"
    if not built.exists() or built.stat().st_mtime < max(source.stat().st_mtime for source in sources):
        shutil.rmtree(classes, ignore_errors=True)
        classes.mkdir(parents=True)
        subprocess.run(
            [
                *_compiler(), "--release", RELEASE, "-nowarn", "-d", str(classes),
                "-cp", os.pathsep.join(map(str, class_path)), *map(str, sources),
            ],
            check=True,
        )  # fmt: skip
    return [classes, *class_path]


def _compiler() -> list[str]:
    java = find_java()
    beside = java.resolve().with_name("javac")
    if beside.exists():
        return [str(beside)]
    return [str(java), "-jar", str(jgo.resolve(ECJ)[0].resolve())]


def command(name: str, main_class: str, *arguments: str) -> list[str]:
    """Give the command that runs a peer."""
    class_path = os.pathsep.join(map(str, compiled(name, main_class)))
    opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
    return [str(find_java()), "-XX:+UseSerialGC", f"-Xmx{HEAP}", *opened, "-cp", class_path, main_class, *arguments]
