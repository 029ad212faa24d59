"""One TOML file: its values, and where they stand."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path as File
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct, field

from ops.config.locate import Path, line_of, locate
from ops.config.problems import Fault, Problem, spell

if TYPE_CHECKING:
    from collections.abc import Iterable

_POSITION: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class Document(Struct, frozen=True):
    """The raw values of a file under their keys, with the line of each; `shown` is the file's name in messages."""

    file: File
    shown: str
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
    readable: bool = False

    def fault(self, problem: Problem) -> Fault:
        """Give the problem its place in this file."""
        return Fault(self.shown, line_of(self.lines, problem.path), spell(problem.path, self.values), problem.text)

    def faults(self, problems: Iterable[Problem]) -> list[Fault]:
        """Give each problem its place in this file."""
        return [self.fault(problem) for problem in problems]


def shown_name(file: File) -> str:
    """Name a file for messages: from the working folder where it is below it, else in full."""
    try:
        return str(file.relative_to(File.cwd()))
    except ValueError:
        return str(file)


def read_document(file: File) -> tuple[Document, list[Fault]]:
    """Read a TOML file; where it can't be read the document is empty and the fault says why."""
    empty = Document(file=file, shown=shown_name(file))
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        return empty, [Fault(empty.shown, 0, "", f"is not UTF-8: bad byte at {error.start}. Save it as UTF-8.")]
    except OSError as error:
        return empty, [Fault(empty.shown, 0, "", f"can't be read: {error.strerror}.")]
    text = text.replace("\r\n", "\n")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return empty, [_syntax(empty.shown, str(error), text)]
    return Document(file=file, shown=empty.shown, values=values, lines=locate(text), readable=True), []


def _syntax(shown: str, message: str, text: str) -> Fault:
    position = _POSITION.search(message)
    line = int(position[1]) if position and position[1] else text.count("\n") + 1
    said = _POSITION.sub("", message)
    return Fault(shown, line, "", f"is not valid TOML: {said}.")
