"""Ports: two parts of one `jun up` must not want the same one, but for sources that are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ops.config.problems import Problem
from ops.config.rules.kafka import servers
from streams.ingest.push import PushSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ops.config.locate import Path
    from schemas.config import Config

_EVERYWHERE: Final = frozenset({"", "0.0.0.0", "::", "[::]"})  # noqa: S104 (compared with, not bound to)


def problems(config: Config, sources: Sequence[tuple[int, Any]]) -> Iterator[Problem]:
    """Give the ports that are wanted twice; `sources` are the sources' settings with their indexes."""
    taken: list[_Wanted] = []
    for wanted in _wanted(config, sources):
        for other in taken:
            if wanted.port != other.port or not _overlap(wanted.host, other.host):
                continue
            if wanted.host != other.host or not (wanted.place and other.place):
                yield Problem(wanted.path, f"is {wanted.port}, which {other.owner} wants as well; choose another port.")
                break
            if wanted.place == other.place:
                yield Problem(
                    (*wanted.path[:-1], "path"),
                    f"is {wanted.place} on port {wanted.port}, which {other.owner} wants as well; choose another path.",
                )
                break
        taken.append(wanted)


class _Wanted(NamedTuple):
    """A port that a part wants; sources that are called share one, each with a `place`, its path."""

    path: Path
    host: str
    port: int
    owner: str
    place: str = ""


def _wanted(config: Config, sources: Sequence[tuple[int, Any]]) -> Iterator[_Wanted]:
    if config.kafka.embedded:
        host, _, number = servers(config)[0].rpartition(":")
        if number.isdecimal():
            owner = "the embedded broker (kafka.bootstrap_servers)"
            yield _Wanted(("kafka", "bootstrap_servers"), host, int(number), owner)
    if config.exporter.port:
        owner = "the exporter (exporter.port)"
        yield _Wanted(("exporter", "port"), config.exporter.host, config.exporter.port, owner)
    for index, settings in sources:
        port = getattr(settings, "port", 0)
        if isinstance(port, int) and port:
            owner = f'the source "{getattr(settings, "name", index + 1)}"'
            place = settings.place if isinstance(settings, PushSettings) else ""
            host = str(getattr(settings, "host", "127.0.0.1"))
            yield _Wanted(("source", index, "port"), host, port, owner, place)


def _overlap(host: str, other: str) -> bool:
    return _loopback(host) == _loopback(other) or host in _EVERYWHERE or other in _EVERYWHERE


def _loopback(host: str) -> str:
    return "127.0.0.1" if host == "localhost" else host
