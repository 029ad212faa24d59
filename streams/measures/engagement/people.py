"""The people of one region: their numbers, across a change of the key of the pseudonyms.

While two keys overlap, an event says its actor's pseudonym under both. The number that the former one has becomes that
of the new one, so that nobody is counted twice in any window. Both stand in one table entry, so that no crash parts
them; the former is forgotten when no event can come under it any more, and with it the link between the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streams.measures.engagement.numbering import SEGMENT, Numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

LINK: Final = "\t"
"""Between the new name, the former one and the minute of the first event that had both."""


class People(Numbers):
    """Numbers of people, of whom some have a former name."""

    __slots__ = ("_links", "_relinked")

    def __init__(self) -> None:
        super().__init__()
        self._links: dict[int, tuple[str, str, int]] = {}
        self._relinked: set[int] = set()

    def link(self, former: str, name: str, minute: int) -> None:
        """Note that somebody was called `former` until now; `minute` (since the epoch) is that of the event."""
        if name in self:
            return  # was linked when it came first
        known = self.get(former)
        number = self[name] if known is None else known
        self[name] = self[former] = number
        self._links[number] = (name, former, minute)
        self._write(number, f"{name}{LINK}{former}{LINK}{minute}")

    def forget(self, before: int) -> bool:
        """Forget former names of links before a minute: events under them would be too late. Say if there were any."""
        old = [number for number, (_, _, minute) in self._links.items() if minute < before]
        for number in old:
            name, former, _ = self._links.pop(number)
            del self[former]
            self._write(number, name)
        return bool(old)

    def flush(self) -> Iterator[tuple[int, list[str]]]:
        """Give the segments that have grown or changed since the last flush."""
        grown = dict(super().flush())
        for segment in sorted(self._relinked - grown.keys()):
            yield segment, self.names[segment * SEGMENT : (segment + 1) * SEGMENT]
        yield from grown.items()
        self._relinked.clear()

    def restore(self, segments: dict[int, list[str]]) -> None:
        """Set the names, and the links, from their segments."""
        super().restore(segments)
        self._links.clear()
        self._relinked.clear()
        for number, written in enumerate(self.names):
            name, former, minute = [*written.split(LINK), "", ""][:3]
            if minute.isdecimal():
                del self[written]
                self[name] = self[former] = number
                self._links[number] = (name, former, int(minute))

    def _write(self, number: int, written: str) -> None:
        self.names[number] = written
        self._relinked.add(number // SEGMENT)
