"""Ports: two parts of one `jun up` must not want the same one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ops.config.problems import Problem
from ops.config.rules.kafka import servers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ops.config.locate import Path
    from schemas.config import Config

_EVERYWHERE: Final = frozenset({"", "0.0.0.0", "::", "[::]"})  # noqa: S104 (compared with, not bound to)


def problems(config: Config, sources: Sequence[tuple[int, Any]]) -> Iterator[Problem]:
    """Give the ports that are wanted twice; `sources` are the sources' settings with their indexes."""
    taken: list[tuple[str, int, str]] = []
    for path, host, port, owner in _wanted(config, sources):
        for other_host, other_port, other in taken:
            if port == other_port and _overlap(host, other_host):
                yield Problem(path, f"is {port}, which {other} wants as well; choose another port.")
                break
        taken.append((host, port, owner))


def _wanted(config: Config, sources: Sequence[tuple[int, Any]]) -> Iterator[tuple[Path, str, int, str]]:
    if config.kafka.embedded:
        host, _, number = servers(config)[0].rpartition(":")
        if number.isdecimal():
            yield ("kafka", "bootstrap_servers"), host, int(number), "the embedded broker (kafka.bootstrap_servers)"
    if config.exporter.port:
        yield ("exporter", "port"), config.exporter.host, config.exporter.port, "the exporter (exporter.port)"
    for index, settings in sources:
        port = getattr(settings, "port", 0)
        if isinstance(port, int) and port:
            owner = f'the source "{getattr(settings, "name", index + 1)}"'
            yield ("source", index, "port"), str(getattr(settings, "host", "127.0.0.1")), port, owner


def _overlap(host: str, other: str) -> bool:
    return _loopback(host) == _loopback(other) or host in _EVERYWHERE or other in _EVERYWHERE


def _loopback(host: str) -> str:
    return "127.0.0.1" if host == "localhost" else host
