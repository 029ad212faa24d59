"""`jun config`: about the configuration itself."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)

from ops.commands.page import give
from ops.config.documentation import document


def docs(*, file: Path | None = None) -> None:
    """Write the page about every setting, made from the program.

    Parameters
    ----------
    file
        Where to, such as docs/configuration.md; to the terminal where none is named.
    """
    give(document(), file)
