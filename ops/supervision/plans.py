"""Which processes `jun up` runs, and in which order they are stopped."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING, Final

from ops.supervision.child import Plan
from streams.ingest.push import PushSettings
from streams.ingest.source import settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.config import Loaded

CLOCK: Final = "clock"
LONGEST: Final = 80
"""Characters of a child's name, which is the name of its log file."""
JUN: Final = (sys.executable, "-P", "-m", "ops.cli")
"""How a child is called; -P keeps the working folder off the import path."""


def plans(loaded: Loaded, environment: Mapping[str, str]) -> tuple[tuple[Plan, ...], ...]:
    """Give the children in groups, in the order in which they are stopped: sources, worker, what shows and tells.

    A simulation has a clock of its own, which an ingest agent with the real one would overtake.
    """
    groups = _processes(loaded)
    if not loaded.simulated:
        groups.append([CLOCK])

    ports = itertools.count(loaded.config.health.port)

    def plan(name: str, *arguments: str, may_finish: bool = False) -> Plan:
        command = (*JUN, *arguments, "--config", str(loaded.path))
        # one setting for all would have them want one port
        health = {"JUN_HEALTH__PORT": str(next(ports))} if loaded.config.health.port else {}
        return Plan(name=name, command=command, environment={**environment, **health}, may_finish=may_finish)

    notify = (plan("notify", "notify"),) if loaded.config.notification else ()
    return (
        tuple(plan(f"ingest-{'-'.join(names)}"[:LONGEST], "ingest", *names, may_finish=True) for names in groups),
        (plan("worker", "worker"),),
        (plan("exporter", "exporter"), *notify),
    )


def _processes(loaded: Loaded) -> list[list[str]]:
    """Give the names of the sources by process: those that are called at one address share a server."""
    groups: dict[object, list[str]] = {}
    for entry in loaded.config.source:
        settings = settings_of(entry)
        shared = (settings.host, settings.port) if isinstance(settings, PushSettings) and settings.port else None
        groups.setdefault(shared or settings.name, []).append(settings.name)
    return list(groups.values())
