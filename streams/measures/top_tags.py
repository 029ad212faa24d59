"""The tags of a region that get labels of their own; all others are one rest, so that labels stay bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from schemas.activity import WINDOWS
from streams.measures.privacy.released import ACTORS, RETURNING, UNTOLD, tell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from schemas.regions import ReleasedWindow
    from streams.measures.privacy.released import ReleasedSeries

OTHER: Final = "__other__"
"""The series of all tags that have none of their own. A tag that is really called so is one of them."""
SIZE: Final = 20
LEAD: Final = (5, 4)
"""A tag that has no label needs more than 5/4 of the people of one that has, to take its place."""
RANKED_BY: Final = tuple(WINDOWS).index("7d")


def top(scores: Mapping[str, int], before: Iterable[str], size: int = SIZE) -> tuple[str, ...]:
    """Choose the `size` tags with the largest scores, those of `before` with a lead; by score, then by name.

    The tags of `before` are all the state that there is. Tags without a score are not chosen.
    """
    ahead, plain = LEAD
    members = frozenset(before)
    # No other tag under the size-th score can be chosen, whatever its name: most of a flood goes before it is sorted.
    least = min(sorted(scores.values(), reverse=True)[:size], default=0)
    weighed = [
        (-score * ahead, False, tag) if tag in members else (-score * plain, True, tag)
        for tag, score in scores.items()
        if score and (score >= least or tag in members)
    ]
    chosen = [tag for _, _, tag in sorted(weighed)[:size]]
    return tuple(tag for _, tag in sorted((-scores[tag], tag) for tag in chosen))


def scores_of(windows: ReleasedSeries) -> dict[str, int]:
    """Give the people of seven days of each released tag, hidden ones as none: by them tags are ranked."""
    people = windows.counts[RANKED_BY, ACTORS]
    scores: dict[str, int] = dict(zip(windows.names, np.where(people > UNTOLD, people, 0).tolist(), strict=True))
    for place in windows.fixed():
        del scores[windows.names[place]]
    scores.pop(OTHER, None)
    return scores


def same_scores(one: ReleasedSeries, other: ReleasedSeries) -> bool:
    """Tell whether both have the same tags with the same scores, so that who was chosen stays chosen."""
    if one.names != other.names:
        return False
    return bool((one.counts[RANKED_BY, ACTORS] == other.counts[RANKED_BY, ACTORS]).all())


def keep_tags(windows: ReleasedSeries, chosen: Sequence[str]) -> dict[str, ReleasedWindow]:
    """Keep the whole, the campaigns and the `chosen` tags of released `windows`, and add the rest as OTHER.

    Only what was released is looked at, so the choice tells nothing else.
    """
    names = [*[windows.names[place] for place in windows.fixed()], *chosen]
    places = {name: place for place, name in enumerate(windows.names)}
    kept = [places.pop(name) for name in names]
    others = list(places.values())
    counts = windows.counts.take(kept, axis=2)
    if others:
        counts = np.concatenate([counts, rest(windows.counts.take(others, axis=2))], axis=2)
        names.append(OTHER)
    return dict(zip(names, tell(counts), strict=True))


def rest(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sum up released tags that get no label of their own, at least one; shapes as of ReleasedSeries.counts.

    Who uses two tags is one person, so of people it is the largest number: at least so many used one of these tags.
    The others are sums of what is shown; an event counts for each of its tags.
    """
    most = np.maximum.reduce(counts, axis=2, keepdims=True)
    sums = np.add.reduce(np.where(counts > UNTOLD, counts, 0), axis=2, keepdims=True)
    sums[:, [ACTORS, RETURNING]] = 0
    return np.maximum(most, sums)  # where nothing is shown, hidden if any is
