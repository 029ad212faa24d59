"""`jun up`."""

from __future__ import annotations

import asyncio
from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)

from rich.console import Console

from ops.commands.check import refuse_faults
from ops.config import load
from ops.log import set_up
from ops.supervision.parts import assemble
from ops.supervision.single import only_one
from ops.up import run


def up(*, config: Path | None = None) -> None:
    """Run the whole line on this machine: embedded broker, sources, worker, exporter, and a live table of the regions.

    Without a configuration a small simulated organisation runs. Ctrl-C stops everything in order; twice hurries.

    Parameters
    ----------
    config
        File of the configuration; ./jun.toml where none is named.
    """
    refuse_faults(config)
    loaded = load(config)
    with only_one(loaded.state), _log_file(loaded.state / "logs").open("a", encoding="utf-8") as stream:
        set_up(stream)  # the terminal is the table's
        asyncio.run(run(assemble(loaded, Console())))


def _log_file(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "up.log"
