"""Which processes `jun up` runs, and in which order they are stopped."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from ops.supervision.child import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.config import Loaded

CLOCK: Final = "clock"
JUN: Final = (sys.executable, "-P", "-m", "ops.cli")
"""How a child is called; -P keeps the working folder off the import path."""


def plans(loaded: Loaded, environment: Mapping[str, str]) -> tuple[tuple[Plan, ...], ...]:
    """Give the children in groups, in the order in which they are stopped: sources, worker, exporter.

    A simulation has a clock of its own, which an ingest agent with the real one would overtake.
    """
    names = [str(entry["name"]) for entry in loaded.config.source]
    if not loaded.simulated:
        names.append(CLOCK)

    def plan(name: str, *arguments: str, may_finish: bool = False) -> Plan:
        command = (*JUN, *arguments, "--config", str(loaded.path))
        return Plan(name=name, command=command, environment=dict(environment), may_finish=may_finish)

    return (
        tuple(plan(f"ingest-{name}", "ingest", name, may_finish=True) for name in names),
        (plan("worker", "worker"),),
        (plan("exporter", "exporter"),),
    )
