"""The release of the windows of all series, those of several regions at once: an array costs what a number does."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from schemas.activity import WHOLE
from streams.measures.privacy.released import ACTORS, RETURNING, UNTOLD, ReleasedSeries, joined
from streams.measures.privacy.series import release_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.measures.privacy.exact import ExactSeries

WIDEST: Final = -1
"""Place of the widest window, by which a tag is judged."""


def release_windows(
    exact: Sequence[ExactSeries], held: Sequence[ReleasedSeries], due: Sequence[bool], group: int
) -> list[ReleasedSeries]:
    """Release all series of each region: the whole, those that are given, and tags that are only known from before.

    Windows that are `due` are released from the `exact` counts, the others as they were `held`. Each shows at least
    what the next narrower one shows, which follows from that one and tells nothing new.
    """
    regions: list[tuple[str, ...]] = []
    places: list[int] = []
    given: list[int] = []
    known = 0
    unknown = sum(map(len, held))
    for one, before in zip(exact, held, strict=True):
        first = one.names if one.names[:1] == (WHOLE,) else tuple(dict.fromkeys((WHOLE, *one.names)))
        begin = len(places)
        given += range(begin, begin + len(first)) if first is one.names else [begin + first.index(n) for n in one.names]
        names, there = before.beside(first, known, unknown)
        places += there
        known += len(before)
        regions.append(names)
    counts = joined(held).take(places, axis=2)
    for window, is_due in enumerate(due):
        if is_due:
            counts[window] = UNTOLD
            counts[window][:, given] = release_window(exact, window, group)
    shared = counts[:, :RETURNING]
    for narrower, wider in pairwise(shared):
        np.maximum(narrower, wider, out=wider)
    stay: list[bool] = (counts[WIDEST, ACTORS] > UNTOLD).tolist()
    found = []
    begin = 0
    for names in regions:
        end = begin + len(names)
        found.append(_shown(ReleasedSeries(names, counts[:, :, begin:end]), stay[begin:end]))
        begin = end
    return found


def _shown(released: ReleasedSeries, stay: list[bool]) -> ReleasedSeries:
    """Leave out the tags that do not `stay`: too few people have used them in the widest window."""
    if all(stay):
        return ReleasedSeries(released.names, released.counts.copy())
    for place in released.fixed():
        stay[place] = True
    return released.only([place for place, stays in enumerate(stay) if stays])
