"""`jun boards`: the boards of Grafana."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)

from ops import alert_files
from ops.config.document import shown_name
from ops.grafana import files
from streams.errors import OperatorError


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
    changed = alert_files.write(made)
    print("\n".join(f"wrote {shown_name(file.absolute())}" for file in changed) or "nothing has changed")  # noqa: T201 (the answer)


def check() -> None:
    """Tell whether the boards that are shipped are what the program makes."""
    stale = alert_files.drift(files.shipped())
    if stale:
        raise OperatorError(
            "boards as the program makes them",
            f"these differ: {', '.join(file.name for file in stale)}",
            "run `jun boards write`",
            retry=False,
        )
    print("the boards are good")  # noqa: T201 (the answer)
