"""From numbers to what is published: the series of a minute by name, and the rolling windows of the chosen series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from schemas.activity import TAG_LIMIT, WHOLE, WINDOWS, SeriesMinute, Windows
from streams.measures.engagement.bucket import PEOPLE, SUMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streams.measures.engagement.bucket import Bucket
    from streams.measures.engagement.windows import RegionWindows

WEEK_PLACE: Final = tuple(WINDOWS).index("7d")
RANK_SHIFT: Final = 32


def series_of(bucket: Bucket, names: Sequence[str]) -> tuple[SeriesMinute, dict[str, SeriesMinute]]:
    """Give the whole region's events and people in the minute, and those of every other series by name."""
    table = bucket.table()
    series = dict(
        zip(
            [names[number] for number in table[:, 1].tolist()],
            map(SeriesMinute, table[:, SUMS.start].tolist(), table[:, PEOPLE].tolist()),
            strict=True,
        )
    )
    return series.pop(WHOLE, SeriesMinute(0, 0)), series


def chosen_series(people: NDArray[np.int64], campaigns: Sequence[int], tags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Choose what is published: the whole, the campaigns, and the tags with the most people in 7 days, then in 28.

    `people` has shape (series, windows); `tags` says which series are tags. Of equal tags the elder ones are chosen;
    they are given in order of their numbers. By 7 days top tags are ranked as well. By a shorter window one person with
    as many new tags as are published could push out, on a quiet day, all that many people use.
    """
    alive = ((people[:, -1] > 0) & tags).nonzero()[0]
    if len(alive) > TAG_LIMIT:
        rank = (people[alive, WEEK_PLACE] << RANK_SHIFT) + people[alive, -1]
        ordered = rank.copy()
        ordered.partition(len(alive) - TAG_LIMIT)
        border = ordered[len(alive) - TAG_LIMIT]
        above = alive[rank > border]
        alive = np.concatenate([above, alive[rank == border][: TAG_LIMIT - len(above)]])
        alive.sort()
    return np.concatenate([np.array([0, *campaigns], np.int64), alive])


def windows_of(windows: RegionWindows, chosen: NDArray[np.int64], names: Sequence[str]) -> Windows:
    """Give the rolling windows of the chosen series."""
    people, sums = windows.at(chosen)
    return Windows(
        series=[names[number] for number in chosen.tolist()],
        actors=people.tolist(),
        new=sums[4].tolist(),
        events=sums[0].tolist(),
        posts=sums[1].tolist(),
        replies=sums[2].tolist(),
        reshares=sums[3].tolist(),
    )
