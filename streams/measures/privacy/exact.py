"""The exact windows of a region's series as they came, by columns; those of a window are taken when it is renewed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np

from schemas.activity import SeriesWindow, Windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

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

    def counts(self, window: int) -> NDArray[np.int64]:
        """Give actors, events, posts, replies and reshares of a window; shape (5, series)."""
        given = self._windows
        if not self._known:
            return np.zeros((5, len(self.names)), np.int64)
        columns = given.actors, given.events, given.posts, given.replies, given.reshares
        flat = np.array([*chain.from_iterable([column[window] for column in columns])], np.int64)
        return self._with_others(flat.reshape(len(columns), self._known))

    def returning(self, window: int) -> NDArray[np.int64]:
        """Give the returning people of a window by series."""
        given = self._windows
        if not self._known:
            return np.zeros(len(self.names), np.int64)
        return self._with_others(np.array(given.actors[window], np.int64) - np.array(given.new[window], np.int64))

    def _with_others(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        others = len(self.names) - self._known
        if not others:
            return counts
        return np.concatenate([counts, np.zeros((*counts.shape[:-1], others), np.int64)], axis=-1)
