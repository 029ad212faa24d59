"""`jun metrics`: about the metrics of the exporter."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)

from ops.config.document import shown_name
from ops.exporter.documentation import document


def docs(*, file: Path | None = None) -> None:
    """Write the page about every metric, rule and alert, made from the program.

    Parameters
    ----------
    file
        Where to, such as docs/metrics.md; to the terminal where none is named.
    """
    page = document()
    if file is None:
        print(page, end="")  # noqa: T201 (the answer)
        return
    file.write_text(page, encoding="utf-8")
    print(f"wrote {shown_name(file.absolute())}")  # noqa: T201 (the answer)
