"""The exact windows of a region's series as they came, by columns; what belongs to one series is put together when it
is asked for. On most minutes only the narrowest window is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from schemas.activity import SeriesWindow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.activity import Windows

Counts = tuple[int, int, int, int, int]
"""Actors, events, posts, replies and reshares of a series in one window."""

NONE: Final = (0, 0, 0, 0)
NO_ONE: Final = SeriesWindow(NONE, NONE, NONE, NONE, NONE, NONE)


class ExactSeries(Mapping[str, SeriesWindow]):
    """The series of `windows`, and those of `others` of which nothing is known: nobody took part."""

    def __init__(self, windows: Windows, others: Iterable[str] = ()) -> None:
        self._windows = windows
        self._places = {name: place for place, name in enumerate(windows.series)}
        self._others = [name for name in others if name not in self._places]

    def __getitem__(self, name: str) -> SeriesWindow:
        place = self._places.get(name)
        if place is None:
            if name in self._others:
                return NO_ONE
            raise KeyError(name)
        given = self._windows
        actors = tuple(column[place] for column in given.actors)
        return SeriesWindow(
            actors=actors,
            posts=tuple(column[place] for column in given.posts),
            replies=tuple(column[place] for column in given.replies),
            reshares=tuple(column[place] for column in given.reshares),
            events=tuple(column[place] for column in given.events),
            returning=tuple(people - column[place] for people, column in zip(actors, given.new, strict=True)),
        )

    def __iter__(self) -> Iterator[str]:
        yield from self._windows.series
        yield from self._others

    def __len__(self) -> int:
        return len(self._places) + len(self._others)

    def narrowest(self) -> dict[str, Counts]:
        """Give the counts of every series in the narrowest window."""
        given = self._windows
        counts: dict[str, Counts] = {}
        if given.series:
            columns = (given.actors[0], given.events[0], given.posts[0], given.replies[0], given.reshares[0])
            counts = dict(zip(given.series, zip(*columns, strict=True), strict=True))
        return counts | dict.fromkeys(self._others, (0, 0, 0, 0, 0))


def narrowest(series: Mapping[str, SeriesWindow]) -> dict[str, Counts]:
    """Give the counts of every series in the narrowest window."""
    if isinstance(series, ExactSeries):
        return series.narrowest()
    return {
        name: (one.actors[0], one.events[0], one.posts[0], one.replies[0], one.reshares[0])
        for name, one in series.items()
    }
