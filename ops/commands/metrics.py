"""`jun metrics`: about the metrics of the exporter."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)

from ops.commands.page import give
from ops.exporter.documentation import document


def docs(*, file: Path | None = None) -> None:
    """Write the page about every metric, rule and alert, made from the program.

    Parameters
    ----------
    file
        Where to, such as docs/metrics.md; to the terminal where none is named.
    """
    give(document(), file)
