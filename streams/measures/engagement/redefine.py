"""What the buckets say of campaigns whose tags are others than when they were written: counted anew from the tags.

People of a campaign are those of its tags. Of events, which may have several of the tags, a bucket knows too little: as
many as have the tag with most of them are sure, and so much is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace
from pyroaring import BitMap

from streams.measures.engagement.bucket import COLUMNS, PEOPLE, SUMS
from streams.measures.engagement.pairs import PERSON, SERIES_SHIFT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from numpy.typing import NDArray

    from streams.measures.engagement.bucket import Bucket
    from streams.measures.engagement.series import SeriesNumbers

NEW = SUMS.stop - 1


def redefined(buckets: Iterable[Bucket], changed: Collection[int], series: SeriesNumbers) -> Iterator[Bucket]:
    """Count the `changed` campaigns (their series) anew in every bucket, oldest first; give the buckets that differ.

    A campaign that is in `changed` and has no tags any more is forgotten.
    """
    members = {campaign: tags for campaign, tags in series.members().items() if campaign in changed}
    dropped = [*changed, *(number for campaign in changed for number in series.pair_series(campaign))]
    seen = {campaign: BitMap() for campaign in members}
    for bucket in buckets:
        keys, lasts, table = bucket.keys(), bucket.last_minutes(), bucket.table()
        stays, rows_stay = ~np.isin(keys >> SERIES_SHIFT, dropped), ~np.isin(table[:, 1], dropped)
        all_keys, all_lasts, tables = [keys[stays]], [lasts[stays]], [table[rows_stay]]
        for campaign, tags in members.items():
            tagged = np.isin(keys >> SERIES_SHIFT, list(tags))
            people, last = _latest(keys[tagged] & PERSON, lasts[tagged])
            rows = _most(table[np.isin(table[:, 1], list(tags))], campaign)
            if len(rows):
                new = BitMap(people) - seen[campaign]
                seen[campaign] |= new
                rows[-1, NEW] = len(new)
                rows[-1, PEOPLE] = len(people) if bucket.length == 1 else 0
            all_keys.append(people | campaign << SERIES_SHIFT)
            all_lasts.append(last)
            tables.append(rows)
        if bucket.length == 1:
            kept = np.sort(np.concatenate(all_keys))
            pairs = np.setdiff1d(series.together(kept), kept, assume_unique=True)
            all_keys.append(pairs)
            all_lasts.append(np.full(len(pairs), bucket.start, np.int32))
        if not stays.all() or len(tables[0]) < len(table) or sum(map(len, all_keys)) > len(keys):
            yield _made(bucket, np.concatenate(all_keys), np.concatenate(all_lasts), np.concatenate(tables))


def _latest(people: NDArray[np.int64], lasts: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Give each of `people` once, sorted, with the last of their minutes."""
    order = np.lexsort((lasts, people))
    people, lasts = people[order], lasts[order]
    newest = np.append(people[1:] != people[:-1], np.ones(min(len(people), 1), bool))
    return people[newest], lasts[newest]


def _most(table: NDArray[np.int32], campaign: int) -> NDArray[np.int32]:
    """Make one row of the campaign for each minute of the rows of its tags, of each sum the largest."""
    minutes, places = np.unique(table[:, 0], return_inverse=True)
    rows = np.zeros((len(minutes), COLUMNS), np.int32)
    np.maximum.at(rows, places, table)
    rows[:, 1], rows[:, NEW], rows[:, PEOPLE] = campaign, 0, 0
    return rows


def _made(bucket: Bucket, keys: NDArray[np.int64], lasts: NDArray[np.int32], table: NDArray[np.int32]) -> Bucket:
    order = keys.argsort()
    table = table[np.lexsort((table[:, 0], table[:, 1]))] if bucket.length == 1 else table
    return replace(
        bucket,
        pairs=keys[order].tobytes(),
        lasts=b"" if bucket.length == 1 else lasts[order].astype(np.int32).tobytes(),
        rows=table.tobytes(),
    )
