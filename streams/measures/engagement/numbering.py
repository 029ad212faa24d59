"""Numbers for people and series of one region, in order of appearance, so that a repeat gives the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SEGMENT: Final = 1_024
"""Names in one table entry; only the segments that have grown are written again."""


class Numbers(dict[str, int]):
    """Numbers by name, to be asked with []: a new name gets the next one. And `names` by number."""

    __slots__ = ("_written", "names")

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self._written = 0

    def __missing__(self, name: str) -> int:
        number = self[name] = len(self.names)
        self.names.append(name)
        return number

    def of(self, names: list[str]) -> list[int]:
        """Give the number of each name."""
        return list(map(self.__getitem__, names))

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
        self.clear()
        self.update((name, number) for number, name in enumerate(self.names))
        self._written = len(self.names)
