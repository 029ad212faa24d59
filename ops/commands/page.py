"""Gives what is made from the program: a page to a file or to the terminal, many files to their places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops import alert_files
from ops.config.document import shown_name
from streams.errors import OperatorError

if TYPE_CHECKING:
    from pathlib import Path


def give(page: str, file: Path | None) -> None:
    """Write `page` to `file` and say so; print it where no file is named."""
    if file is None:
        print(page, end="")  # noqa: T201 (the answer)
        return
    file.write_text(page, encoding="utf-8")
    print(f"wrote {shown_name(file.absolute())}")  # noqa: T201 (the answer)


def give_all(files: dict[Path, str]) -> None:
    """Write the files and say which of them changed."""
    changed = alert_files.write(files)
    print("\n".join(f"wrote {shown_name(file.absolute())}" for file in changed) or "nothing has changed")  # noqa: T201 (the answer)


def refuse_drift(files: dict[Path, str], what: str, command: str) -> None:
    """Say that the files of `what` are as the program makes them; raises OperatorError where one is not.

    `command` makes them anew.
    """
    stale = alert_files.drift(files)
    if stale:
        raise OperatorError(
            f"{what} as the program makes them",
            f"these differ: {', '.join(file.name for file in stale)}",
            f"run `{command}`",
            retry=False,
        )
    print(f"{what} are good")  # noqa: T201 (the answer)
