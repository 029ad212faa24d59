"""Faults of a configuration: found under a path of keys, told with file and line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from ops.config.locate import Path

if TYPE_CHECKING:
    from collections.abc import Sequence


class Problem(Struct, frozen=True):
    """Something wrong under `path`; `text` is a whole sentence that never shows a secret or an account."""

    path: Path
    text: str


class Fault(Struct, frozen=True, order=True):
    """A problem with its place: `line` from 1, or 0 where the file as a whole is meant."""

    file: str
    line: int
    place: str
    text: str

    def __str__(self) -> str:
        """Give one line in the form that editors and terminals jump to."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.place}: {self.text}" if self.place else f"{where}: {self.text}"


class ConfigError(Exception):
    """The configuration can't be used; trying again helps only after the faults are mended."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = sorted(set(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))


_NAMED: Final = ("region", "campaign", "source")
"""Lists whose entries are told by their names; other entries may hold names of people."""


def spell(path: Path, data: Any) -> str:
    """Write a path for people: `kafka.java`, `campaign[spring].goal`, `region[#2].name` where there is no name."""
    words = ""
    for depth, key in enumerate(path):
        data = _below(data, key)
        if isinstance(key, int):
            name = data.get("name") if isinstance(data, dict) and depth == 1 and path[0] in _NAMED else None
            words += f"[{name}]" if isinstance(name, str) and name else f"[#{key + 1}]"
        else:
            words += f".{key}" if words else key
    return words


def _below(data: Any, key: str | int) -> Any:
    if isinstance(data, dict):
        return data.get(key)
    if isinstance(data, list | tuple) and isinstance(key, int) and key < len(data):
        return data[key]
    return None
