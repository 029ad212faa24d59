"""Gives a page that is made from the program: to a file, or to the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.config.document import shown_name

if TYPE_CHECKING:
    from pathlib import Path


def give(page: str, file: Path | None) -> None:
    """Write `page` to `file` and say so; print it where no file is named."""
    if file is None:
        print(page, end="")  # noqa: T201 (the answer)
        return
    file.write_text(page, encoding="utf-8")
    print(f"wrote {shown_name(file.absolute())}")  # noqa: T201 (the answer)
