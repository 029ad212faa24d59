"""The exact windows of a region's series as they came, by columns; those of a window are taken when it is renewed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from schemas.activity import SeriesWindow, Windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NONE: Final = (0, 0, 0, 0)
NO_ONE: Final = SeriesWindow(NONE, NONE, NONE, NONE, NONE, NONE)


class ExactSeries(Mapping[str, SeriesWindow]):
    """The series of `windows`, and those of `others` of which nothing is known: nobody took part."""

    def __init__(self, windows: Windows, others: Iterable[str] = ()) -> None:
        self._windows = windows
        self._known = len(windows.series)
        self.names: tuple[str, ...] = tuple(windows.series)
        if others:
            self.names = tuple(dict.fromkeys((*self.names, *others)))

    @classmethod
    def of(cls, series: Mapping[str, SeriesWindow]) -> ExactSeries:
        """Take series one by one; of one that tells nothing of returning people there are none."""
        if isinstance(series, cls):
            return series
        rows = list(series.values())
        returning = [one.returning or (0,) * len(one.actors) for one in rows]
        new = [
            [a - b for a, b in zip(one.actors, back, strict=True)] for one, back in zip(rows, returning, strict=True)
        ]
        columns = (
            [one.actors for one in rows],
            new,
            [one.events for one in rows],
            [one.posts for one in rows],
            [one.replies for one in rows],
            [one.reshares for one in rows],
        )
        return cls(Windows(list(series), *([list(row) for row in zip(*column, strict=True)] for column in columns)))

    def __getitem__(self, name: str) -> SeriesWindow:
        if name not in self.names:
            raise KeyError(name)
        place = self.names.index(name)
        if place >= self._known:
            return NO_ONE
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
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def columns(self, window: int) -> tuple[list[int], list[int], list[int], list[int], list[int], list[int]]:
        """Give the actors of a window, then its events, posts, replies, reshares and new people, each by series."""
        given = self._windows
        others = [0] * (len(self.names) - self._known)
        if not self._known:
            return others, others, others, others, others, others
        return (
            given.actors[window] + others,
            given.events[window] + others,
            given.posts[window] + others,
            given.replies[window] + others,
            given.reshares[window] + others,
            given.new[window] + others,
        )
