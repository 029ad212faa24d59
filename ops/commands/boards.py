"""`jun boards`: the boards of Grafana."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)

from ops.commands.page import give_all, refuse_drift
from ops.grafana import files


def write(folder: Path | None = None, *, prometheus: str = files.PROMETHEUS, boards: str = files.IN_GRAFANA) -> None:
    """Write the boards and the provisioning that puts them and their data source into Grafana.

    Parameters
    ----------
    folder
        Where to; without one, the files that are shipped are made anew from the program.
    prometheus
        Address at which Grafana finds Prometheus.
    boards
        Folder in which Grafana finds the boards.
    """
    if folder is None:
        made = files.shipped()
    else:
        made = {folder / name: text for name, text in files.installation(prometheus, boards).items()}
    give_all(made)


def check() -> None:
    """Tell whether the boards that are shipped are what the program makes."""
    refuse_drift(files.shipped(), "the boards", "jun boards write")
