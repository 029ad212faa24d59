"""Buckets of event time: what one region did in a closed minute, or in an hour or day of merged minutes.

A bucket is kept packed, as the bytes that are its table entry; numbers stand for people and series. A minute's bucket
knows its event ids and its exact pairs of series and person, so that a late event can still revise it. When it is
older than the horizon it is merged: ids are forgotten, of every pair the last minute stays, of sums one row an hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec import Struct, msgpack
from numpy.typing import NDArray

from streams.measures.engagement.pairs import SERIES_SHIFT

if TYPE_CHECKING:
    from collections.abc import Iterable


HOUR: Final = 60
DAY: Final = 1_440

COLUMNS: Final = 8
"""Of a packed row, all int32: minute, series, events, posts, replies, reshares, new people, people in the minute."""
SERIES: Final = 1
SUMS: Final = slice(2, 7)
NEW: Final = 6
PEOPLE: Final = 7


class Rows(Struct, frozen=True, gc=False):
    """Sums of series in minutes: `minutes` and `series` of shape (n,), `counts` of shape (n, windows.METRICS)."""

    minutes: NDArray[np.int32]
    series: NDArray[np.int64]
    counts: NDArray[np.int64]


class Bucket(Struct, array_like=True, gc=False, tag=0):
    """What a region did from minute `start` (since the epoch) on for `length` minutes.

    `offset` is the source offset up to which it has been folded. `pairs` is packed int64, sorted; `lasts`, for merged
    buckets, packed int32, the last minute of each pair. `rows` is packed int32 of shape (n, COLUMNS). `ids` is a packed
    list of text. `unpublished` says that a late event changed it after it was last published.
    """

    offset: int
    start: int
    length: int
    revision: int
    kinds: dict[str, int]
    pairs: bytes
    rows: bytes
    ids: bytes = b""
    lasts: bytes = b""
    unpublished: bool = False

    def table(self) -> NDArray[np.int32]:
        """Give the rows as an array of shape (n, COLUMNS)."""
        return np.frombuffer(self.rows, np.int32).reshape(-1, COLUMNS)

    def keys(self) -> NDArray[np.int64]:
        """Give the sorted distinct pairs."""
        return np.frombuffer(self.pairs, np.int64)

    def last_minutes(self) -> NDArray[np.int32]:
        """Give the last minute of each pair."""
        if self.length == 1:
            return np.full(len(self.pairs) // 8, self.start, np.int32)
        return np.frombuffer(self.lasts, np.int32)


class PackedMinute(Struct, array_like=True, gc=False, tag=1):
    """A bucket of one minute without what follows from the rest: its pairs are `persons` (packed int32) by `series`
    (packed int32), of each as many as its row counts people. `counts` is packed int32 of shape (n, 6), or uint16 where
    all of them are small. Two thirds of the memory and of the changelog that the bucket would take.
    """

    offset: int
    start: int
    revision: int
    kinds: dict[str, int]
    persons: bytes
    series: bytes
    counts: bytes
    ids: bytes
    unpublished: bool


SMALL: Final = 1 << 16
COUNTS: Final = slice(2, COLUMNS)
_encode: Final = msgpack.Encoder().encode
_decode: Final = msgpack.Decoder(Bucket | PackedMinute).decode


def pack(bucket: Bucket) -> bytes:
    """Pack a bucket for the table. One whose rows do not count its pairs, as merging leaves them, stays whole."""
    table, keys = bucket.table(), bucket.keys()
    if bucket.length > 1 or not np.array_equal(table[:, SERIES].repeat(table[:, PEOPLE]), keys >> SERIES_SHIFT):
        return _encode(bucket)
    counts = table[:, COUNTS]
    return _encode(
        PackedMinute(
            offset=bucket.offset,
            start=bucket.start,
            revision=bucket.revision,
            kinds=bucket.kinds,
            persons=keys.astype(np.int32).tobytes(),  # the lower half of a pair
            series=table[:, SERIES].tobytes(),
            counts=counts.astype(np.uint16 if counts.max(initial=0) < SMALL else np.int32).tobytes(),
            ids=bucket.ids,
            unpublished=bucket.unpublished,
        )
    )


def unpack(raw: bytes) -> Bucket:
    """Unpack what `pack` gave; raises msgspec.DecodeError where it is not that."""
    packed = _decode(raw)
    if isinstance(packed, Bucket):
        return packed
    series = np.frombuffer(packed.series, np.int32)
    wide = len(packed.counts) == len(packed.series) * (COLUMNS - 2)
    table = np.empty((len(series), COLUMNS), np.int32)
    table[:, 0] = packed.start
    table[:, SERIES] = series
    table[:, COUNTS] = np.frombuffer(packed.counts, np.int32 if wide else np.uint16).reshape(-1, COLUMNS - 2)
    persons = np.frombuffer(packed.persons, np.int32)
    return Bucket(
        offset=packed.offset,
        start=packed.start,
        length=1,
        revision=packed.revision,
        kinds=packed.kinds,
        pairs=(series.astype(np.int64).repeat(table[:, PEOPLE]) << SERIES_SHIFT | persons).tobytes(),
        rows=table.tobytes(),
        ids=packed.ids,
        unpublished=packed.unpublished,
    )


unpack_ids: Final = msgpack.Decoder(list[str]).decode


def rows_of(table: NDArray[np.int32]) -> Rows:
    """Turn packed rows of shape (n, COLUMNS) into Rows."""
    return Rows(table[:, 0], table[:, 1].astype(np.int64), table[:, SUMS].astype(np.int64))


def merge(start: int, length: int, parts: Iterable[Bucket]) -> Bucket:
    """Merge buckets that lie in [start, start + length) into one: a function of its parts in any order."""
    ordered = sorted(parts, key=lambda part: (part.start, part.length))
    pairs = np.concatenate([part.keys() for part in ordered])
    lasts = np.concatenate([part.last_minutes() for part in ordered])
    order = np.lexsort((lasts, pairs))
    pairs, lasts = pairs[order], lasts[order]
    newest = np.append(pairs[1:] != pairs[:-1], np.ones(min(len(pairs), 1), bool))
    kinds: dict[str, int] = {}
    for part in ordered:
        for kind, count in part.kinds.items():
            kinds[kind] = kinds.get(kind, 0) + count
    return Bucket(
        offset=max(part.offset for part in ordered),
        start=start,
        length=length,
        revision=0,
        kinds=kinds,
        pairs=pairs[newest].tobytes(),
        rows=_rows_by_hour(np.concatenate([part.table() for part in ordered])).tobytes(),
        lasts=lasts[newest].tobytes(),
    )


def _rows_by_hour(table: NDArray[np.int32]) -> NDArray[np.int32]:
    """Sum rows of one series in one hour; the row stands at the hour's last minute, with which it leaves a window."""
    hours = table[:, 0] // HOUR
    order = np.lexsort((table[:, 1], hours))
    table, hours = table[order], hours[order]
    first = np.flatnonzero(np.diff(hours, prepend=-1) | np.diff(table[:, 1], prepend=-1))
    if not len(first):
        return table
    summed = np.add.reduceat(table, first, axis=0, dtype=np.int32)
    summed[:, 0] = hours[first] * HOUR + HOUR - 1
    summed[:, 1] = table[first, 1]
    summed[:, PEOPLE] = 0
    return summed


def add_rows(have: NDArray[np.int32], more: NDArray[np.int32]) -> NDArray[np.int32]:
    """Add packed rows of one minute to those that it has, in order of the series."""
    both = np.concatenate([have, more])
    both = both[np.argsort(both[:, 1], kind="stable")]
    first = np.flatnonzero(np.diff(both[:, 1], prepend=-1))
    summed = np.add.reduceat(both, first, axis=0, dtype=np.int32)
    summed[:, :2] = both[first, :2]
    return summed
