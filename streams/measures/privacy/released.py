"""What has been released of a region's series, by columns; what belongs to one series is put together when asked for.

A region's fifty series are released at once each minute, by array, and told one by one only when somebody is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from schemas.activity import CAMPAIGN_PREFIX, WHOLE, WINDOWS
from schemas.regions import ReleasedWindow
from streams.measures.privacy.steps import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from schemas.regions import Released

UNTOLD: Final = 1
"""How `hidden` stands among counts. Shown ones are 0 or at least a group, so it is more than none, less than any."""

COLUMNS: Final = 6
"""The columns of ReleasedWindow, in its order: actors, events, posts, replies, reshares, returning."""
ACTORS: Final = 0
RETURNING: Final = 5

_UNKNOWN: Final = np.full((len(WINDOWS), COLUMNS, 1), UNTOLD, np.int64)
_WORD: Final = np.array(HIDDEN, dtype=object)


class ReleasedSeries(Mapping[str, ReleasedWindow]):
    """The released windows of series by name; `counts` of shape (windows, COLUMNS, series), never written to."""

    def __init__(self, names: tuple[str, ...] = (), counts: NDArray[np.int64] | None = None) -> None:
        self.names = names
        self.counts: NDArray[np.int64] = np.empty((len(WINDOWS), COLUMNS, 0), np.int64) if counts is None else counts

    @classmethod
    def of(cls, windows: Mapping[str, ReleasedWindow]) -> ReleasedSeries:
        """Take them as they are told."""
        told = [[list(map(_count, column)) for column in columns_of(one)] for one in windows.values()]
        return cls(tuple(windows), np.array(told, np.int64).transpose(2, 1, 0).copy()) if told else cls()

    def __getitem__(self, name: str) -> ReleasedWindow:
        return tell(self.counts[:, :, [self.place(name)]])[0]

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def place(self, name: str) -> int:
        """Give the place of a series among the names; raises KeyError where it is none of them."""
        try:
            return self.names.index(name)
        except ValueError:
            raise KeyError(name) from None

    def fixed(self) -> list[int]:
        """Give the places of the whole and the campaigns, which are there whatever their size; all others are tags."""
        if f"\n{CAMPAIGN_PREFIX}" not in "\n".join(self.names):  # most often no campaign, and so no look at each name
            return [self.names.index(WHOLE)] if WHOLE in self.names else []
        return [place for place, name in enumerate(self.names) if name == WHOLE or name.startswith(CAMPAIGN_PREFIX)]

    def beside(self, given: tuple[str, ...], first: int, none: int) -> tuple[tuple[str, ...], Iterable[int]]:
        """Give the names of a release of the series `given`, those first, and the place of each among all regions'.

        The series here have the places from `first` on, one that is not known has `none`. A campaign that is not given
        is not counted any more, and left out.
        """
        here = range(first, first + len(self.names))
        if given == self.names:
            return self.names, here
        left = dict(zip(self.names, here, strict=True))
        places = [left.pop(name, none) for name in given]
        more = [name for name in left if not name.startswith(CAMPAIGN_PREFIX)]
        return (*given, *more), places + [left[name] for name in more]

    def only(self, places: list[int]) -> ReleasedSeries:
        """Leave out all series but those at `places`."""
        return ReleasedSeries(tuple([self.names[place] for place in places]), self.counts.take(places, axis=2))

    def without(self, series: Collection[str]) -> ReleasedSeries:
        """Leave out some series."""
        return self.only([place for place, name in enumerate(self.names) if name not in series])

    def plain(self) -> dict[str, list[list[Released]]]:
        """Give what is encoded as the windows by name are."""
        return dict(zip(self.names, _words(self.counts).transpose(2, 1, 0).tolist(), strict=True))


def joined(released: Sequence[ReleasedSeries]) -> NDArray[np.int64]:
    """Put the counts of regions beside each other, and a hidden series at the end."""
    return np.concatenate([*(one.counts for one in released), _UNKNOWN], axis=2)


def tell(counts: NDArray[np.int64]) -> list[ReleasedWindow]:
    """Put together the windows of each series of `counts`, of shape (windows, COLUMNS, series)."""
    windows, _, series = counts.shape
    columns = list(zip(*_words(counts).reshape(windows, -1).tolist(), strict=True))
    return list(map(ReleasedWindow, *(columns[place * series : (place + 1) * series] for place in range(COLUMNS))))


def columns_of(window: ReleasedWindow) -> tuple[Sequence[Released], ...]:
    """Give the columns in their order."""
    return window.actors, window.events, window.posts, window.replies, window.reshares, window.returning


def _words(counts: NDArray[np.int64]) -> NDArray[np.object_]:
    return np.where(counts == UNTOLD, _WORD, counts)


def _count(released: Released) -> int:
    return UNTOLD if isinstance(released, str) else released


def encode_hook(value: object) -> object:
    """Let msgspec write released series as the windows by name."""
    if isinstance(value, ReleasedSeries):
        return value.plain()
    raise NotImplementedError(f"wanted released series, got {type(value).__name__}: msgspec can't write it")


def decode_hook(wanted: type, value: Any) -> object:
    """Let msgspec read them back; raises msgspec.ValidationError where they are not that."""
    if wanted is ReleasedSeries:
        return ReleasedSeries.of(msgspec.convert(value, dict[str, ReleasedWindow]))
    raise NotImplementedError(f"wanted to read released series, got {wanted.__name__}: msgspec can't read it")
