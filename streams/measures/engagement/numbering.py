"""Numbers for people and series of one region, in order of appearance, so that a repeat gives the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SEGMENT: Final = 1_024
"""Names in one table entry; only the segments that have grown are written again."""


class Numbers:
    """Names by number and numbers by name."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.by_name: dict[str, int] = {}
        self._written = 0

    def number(self, name: str) -> int:
        """Give the name's number; a new name gets the next one."""
        found = self.by_name.get(name)
        if found is None:
            found = self.by_name[name] = len(self.names)
            self.names.append(name)
        return found

    def of(self, names: list[str]) -> list[int]:
        """Give the number of each name."""
        known = self.by_name
        try:
            return [known[name] for name in names]
        except KeyError:
            for name in names:
                if name not in known:
                    self.number(name)
            return [known[name] for name in names]

    def flush(self) -> Iterator[tuple[int, list[str]]]:
        """Give the segments that have grown since the last flush."""
        if self._written == len(self.names):
            return
        for segment in range(self._written // SEGMENT, (len(self.names) - 1) // SEGMENT + 1):
            yield segment, self.names[segment * SEGMENT : (segment + 1) * SEGMENT]
        self._written = len(self.names)

    def restore(self, segments: dict[int, list[str]]) -> None:
        """Set the names from their segments."""
        self.names = [name for number in range(len(segments)) for name in segments[number]]
        self.by_name = {name: number for number, name in enumerate(self.names)}
        self._written = len(self.names)
