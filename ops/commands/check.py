"""`jun check`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)

from ops.config import ConfigError
from ops.config.check import check as find_faults
from ops.config.document import shown_name
from ops.config.load import SIMULATED, find


def check(*, config: Path | None = None) -> None:
    """Read the configuration and tell all its faults at once, each with file and line.

    Parameters
    ----------
    config
        File of the configuration; ./jun.toml where none is named.
    """
    refuse_faults(config)
    file = find(config)
    print("the simulated organisation is good" if file == SIMULATED else f"{shown_name(file)} is good")  # noqa: T201 (the answer)


def refuse_faults(config: Path | None) -> None:
    """Raise ConfigError with every fault, where there is any."""
    faults = find_faults(config)
    if faults:
        raise ConfigError(faults)
