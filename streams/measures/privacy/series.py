"""The release of the exact counts of one window, those of all series at once."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np

from streams.measures.privacy.released import ACTORS, COLUMNS, RETURNING, UNTOLD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streams.measures.privacy.exact import ExactSeries

RETURNING_FROM: Final = 2
"""Place of the narrowest window of which returning people are shown: 7 days.

Who returns belongs to two groups at once. Told of hours and days, that was the one thing found (docs/privacy.md) by
which a small group could be worked out from large ones.
"""

EVENTS: Final = 1
NEW: Final = 5
"""New people among the exact counts, where the released ones have those who return."""
PARTS: Final = slice(2, 5)
"""Posts, replies and reshares, which are parts of the events."""
NEVER_SMALLEST: Final = np.iinfo(np.int64).max


def release_window(exact: Sequence[ExactSeries], window: int, group: int) -> NDArray[np.int64]:
    """Release the exact counts of a window; shape (COLUMNS, series), those of one region after those of another.

    Where its people are hidden, so is all that they did. Where nobody took part, what is counted nonetheless (bots,
    mails opened) has no people to count behind it and is hidden.
    """
    columns = list(zip(*[one.columns(window) for one in exact], strict=True))
    counts = np.array(list(chain.from_iterable(chain.from_iterable(columns))), np.int64).reshape(COLUMNS, -1)
    released = steps(counts, group)
    _hide_second(released[PARTS])
    people = released[ACTORS]
    few = (people <= UNTOLD).nonzero()[0]
    if len(few):
        done = released[EVENTS:RETURNING, few]
        released[EVENTS:RETURNING, few] = np.maximum(np.minimum(done, UNTOLD), people[few])
    released[RETURNING] = UNTOLD
    if window >= RETURNING_FROM:
        released[RETURNING] = _returning(counts[ACTORS] - counts[NEW], counts[ACTORS], group)
    return released


def steps(counts: NDArray[np.int64], group: int) -> NDArray[np.int64]:
    """Give of each count what steps.step gives."""
    released: NDArray[np.int64] = np.maximum(counts - counts % group, np.minimum(counts, UNTOLD))
    return released


def _hide_second(parts: NDArray[np.int64]) -> None:
    """Where one part of the events is hidden alone, hide the next smallest as well; of equals the first.

    This looks at what would be shown only, so that the choice itself tells nothing of the exact counts.
    """
    alone = ((parts == UNTOLD).sum(axis=0) == 1) & (parts.max(axis=0) > UNTOLD)
    smallest = np.where(parts > UNTOLD, parts, NEVER_SMALLEST).argmin(axis=0)
    places = alone.nonzero()[0]
    parts[smallest[places], places] = UNTOLD


def _returning(returning: NDArray[np.int64], people: NDArray[np.int64], group: int) -> NDArray[np.int64]:
    """Release the returning people only where they and the new ones are both a group.

    So `hidden` does not say which of the two are few. That nobody came back would say that two groups of people have
    nobody in common, and with the headcount how large one of them is; that few did, that somebody is new.
    """
    both = np.minimum(returning, people - returning) >= group
    return np.where(both, steps(returning, group), UNTOLD)
