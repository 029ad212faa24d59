"""The buckets of one region, by age: minutes within the horizon, then hours, then days, and nothing past 28 days."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING, Final

from streams.measures.engagement.bucket import DAY, HOUR, Bucket, Rows, merge, pack, rows_of, unpack
from streams.measures.engagement.windows import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterator

LENGTHS: Final = (1, HOUR, DAY)
HOURS_KEPT: Final = 2 * DAY
"""How old (in minutes, past the horizon) the hours of a day are when they are merged."""

Key = tuple[int, int]
"""Length and start of a bucket, both in minutes."""


class History:
    """Packed buckets by (length, start), with the changes since they were last written."""

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon
        self.packed: dict[Key, bytes] = {}
        self.changed: set[Key] = set()
        self._open: dict[Key, Bucket] = {}
        self._aged_to = 0
        self._minutes: list[int] = []

    def get(self, start: int, length: int = 1) -> Bucket | None:
        """Give a bucket, to be changed only through `put`."""
        key = (length, start)
        found = self._open.get(key)
        if found is None:
            raw = self.packed.get(key)
            if raw is None:
                return None
            found = self._open[key] = unpack(raw)
        return found

    def put(self, bucket: Bucket) -> None:
        """Set a new or changed bucket."""
        key = (bucket.length, bucket.start)
        self._open[key] = bucket
        self._note(key)
        self.packed[key] = b""
        self.changed.add(key)

    def hold(self, bucket: Bucket) -> None:
        """Take a bucket over that the table has already."""
        key = (bucket.length, bucket.start)
        self._note(key)
        self.packed[key] = pack(bucket)

    def _note(self, key: Key) -> None:
        """Keep the minutes in order, so that leaving ones are found without looking at empty ones."""
        length, start = key
        if length == 1 and key not in self.packed:
            if not self._minutes or start > self._minutes[-1]:
                self._minutes.append(start)
            else:
                insort(self._minutes, start)

    def set_aside(self, minute: int) -> bool:
        """Take a minute's bucket out until it is put or held again; say whether it is yet to be written."""
        key = (1, minute)
        unwritten = key in self.changed
        self.changed.discard(key)
        self._open.pop(key, None)
        del self.packed[key]
        return unwritten

    def restored(self) -> None:
        """Take up what was put into `packed` by a recovery."""
        self._minutes = sorted(start for length, start in self.packed if length == 1)

    def drop(self, key: Key) -> None:
        """Forget a bucket; its entry is to be deleted."""
        if self.packed.pop(key, None) is not None and key[0] == 1:
            del self._minutes[bisect_left(self._minutes, key[1])]
        self._open.pop(key, None)
        self.changed.add(key)

    def flush(self) -> Iterator[tuple[Key, int, bytes | None]]:
        """Give what has changed since the last flush, in a fixed order: key, offset and packed bucket, or None for
        what is gone.
        """
        for key in sorted(self.changed):
            bucket = self._open.get(key)
            if bucket is None or key not in self.packed:
                yield key, -1, None
            else:
                packed = self.packed[key] = pack(bucket)
                yield key, bucket.offset, packed
        self.changed.clear()
        self._open.clear()

    def leaving(self, first: int, last: int, window: int) -> Iterator[Rows]:
        """Give the rows that leave a window of `window` minutes when minutes `first` to `last` do.

        A window within the horizon moves by the minute; the sums of a longer one by the hour, whether its minutes
        have been merged yet or not.
        """
        if window > self.horizon:
            first, last = (first + HOUR) // HOUR * HOUR - HOUR, (last + 1) // HOUR * HOUR - 1
            if last < first:
                return
            for length in (HOUR, DAY):
                for start in range(first // length * length, last + 1, length):
                    yield from self._rows(length, start, first, last)
        at = bisect_left(self._minutes, first)
        while at < len(self._minutes) and self._minutes[at] <= last:
            yield from self._rows(1, self._minutes[at], first, last)
            at += 1

    def _rows(self, length: int, start: int, first: int, last: int) -> Iterator[Rows]:
        bucket = self._read(length, start) if (length, start) in self.packed else None
        if bucket is not None:
            table = bucket.table()
            if length > 1:
                table = table[(table[:, 0] >= first) & (table[:, 0] <= last)]
            if len(table):
                yield rows_of(table)

    def inside(self, minute: int, window: int, rows: Rows) -> Rows:
        """Give those of `rows` that are in the window which ends with `minute`."""
        minutes = rows.minutes if window <= self.horizon else rows.minutes // HOUR * HOUR + HOUR - 1
        kept = minutes > minute - window
        return Rows(rows.minutes[kept], rows.series[kept], rows.counts[kept])

    def _read(self, length: int, start: int) -> Bucket | None:
        found = self._open.get((length, start))
        if found is None:
            raw = self.packed.get((length, start))
            found = unpack(raw) if raw else None
        return found

    def age(self, closed_to: int) -> None:
        """Merge what is older than the horizon, drop what is older than every window; acts once an hour.

        Minutes before `closed_to` must be closed by a marker that is durable, so that no recovery closes one again.
        """
        hour = (closed_to - self.horizon) // HOUR
        if hour <= self._aged_to:
            return
        self._aged_to = hour
        self._merge_into(HOUR, hour * HOUR, 1)
        self._merge_into(DAY, (hour * HOUR - HOURS_KEPT) // DAY * DAY, HOUR)
        for key in [key for key in self.packed if key[0] > 1 and sum(key) <= closed_to - LONGEST - HOUR]:
            self.drop(key)

    def _merge_into(self, length: int, before: int, of: int) -> None:
        groups: dict[int, list[Bucket]] = {}
        for part_length, start in list(self.packed):
            if part_length == of and start < before:
                part = self._read(of, start)
                if part is not None:
                    groups.setdefault(start // length * length, []).append(part)
        for start, parts in groups.items():
            already = self._read(length, start)
            if already is None:
                self.put(merge(start, length, parts))
            for part in parts:
                self.drop((part.length, part.start))

    def buckets(self) -> Iterator[Bucket]:
        """Give all buckets, oldest first; a merged one hides the parts that a crash left beside it."""
        for length, start in sorted(self.packed, key=lambda key: (key[1], -key[0])):
            if length < HOUR and (HOUR, start // HOUR * HOUR) in self.packed:
                continue
            if length < DAY and (DAY, start // DAY * DAY) in self.packed:
                continue
            found = self._read(length, start)
            if found is not None:
                yield found
