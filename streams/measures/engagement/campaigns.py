"""Who has taken part in each campaign of one region since its first local day: exact sets of the numbers of people.

A set is one roaring bitmap, at most 8 KiB for each 65,536 people of the region, and only ever grows. It is an entry of
its own in the table, with the source offset up to which it has been folded.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

from msgspec import Struct, msgpack
from pyroaring import BitMap

from schemas.activity import CAMPAIGN_PREFIX, CampaignCount
from streams.measures.campaigns.book import Definition
from streams.measures.engagement.bucket import SUMS
from streams.measures.engagement.pairs import PERSON, SERIES_SHIFT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from streams.measures.engagement.bucket import Bucket

POSTS: Final = SUMS.start + 1
"""The column of posts in a bucket's table."""
MINUTE_COLUMN: Final = 0
SERIES_COLUMN: Final = 1


class Tally(Struct, array_like=True):
    """The table entry of a campaign, folded up to source `offset`; `people` is a roaring bitmap in its portable form.

    Nothing before minute `counted_from` is in it.
    """

    offset: int
    definition: Definition
    counted_from: int
    posts: int
    people: bytes


class Count:
    """One campaign as it is counted. Records up to source offset `restored` are in it already."""

    def __init__(self, definition: Definition, counted_from: int, *, restored: int = -1) -> None:
        self.definition = definition
        self.counted_from = counted_from
        self.people = BitMap()
        self.posts = 0
        self.restored = restored
        self.changed = True

    def covers(self, minute: int) -> bool:
        """Say whether the minute lies in the campaign's days."""
        return self.definition.begins <= minute < self.definition.ends

    def fold(self, people: NDArray[np.int64], posts: int, offset: int) -> None:
        """Take what the record at source `offset` has brought. People are a set: they can't be counted twice."""
        self.add(people, posts if offset > self.restored else 0)

    def add(self, people: NDArray[np.int64], posts: int) -> None:
        """Count numbers of people, and posts."""
        before = len(self.people)
        self.people |= BitMap(array("I", people.astype("uint32").tobytes()))  # six times as fast as from numpy's own
        self.posts += posts
        self.changed = self.changed or posts > 0 or len(self.people) > before


class RegionCampaigns:
    """The campaigns of one shard of a region; `definitions` by name, as they are configured now."""

    def __init__(self, definitions: Mapping[str, Definition]) -> None:
        self._counts = {name: Count(one, one.begins) for name, one in definitions.items()}
        self._stored: dict[str, Tally] = {}
        self._gone: set[str] = set()

    def fold(
        self, minute: int, keys: NDArray[np.int64], table: NDArray[np.int32], offset: int, numbers: Mapping[str, int]
    ) -> None:
        """Take what a minute has brought: sorted pairs of series and person, and rows of sums; `numbers` by series."""
        for name, count in self._counts.items():
            number = numbers.get(CAMPAIGN_PREFIX + name)
            if number is not None and count.covers(minute):
                rows = table[:, SERIES_COLUMN] == number
                if rows.any():
                    count.fold(of_series(keys, number), int(table[rows, POSTS].sum()), offset)

    def revised(self, minute: int) -> None:
        """Have the counts that may hold the minute written with it.

        Its bucket is folded further than they are from now on. Read back without a marker, with counts that were
        written before, it would be taken for one that they do not hold.
        """
        for count in self._counts.values():
            count.changed = count.changed or count.covers(minute)

    def published(self, together: Mapping[str, dict[str, int]]) -> dict[str, CampaignCount]:
        """Give what is published of each campaign; `together` has, by campaign, the tags that go with it."""
        return {
            name: CampaignCount(
                definition=count.definition.mark,
                people=len(count.people),
                posts=count.posts,
                counted_from=count.counted_from,
                together=together.get(name, {}),
            )
            for name, count in self._counts.items()
        }

    # -- the table

    def flush(self, folded_to: int) -> Iterator[tuple[str, Tally | None]]:
        """Give by name what has changed since the last flush, and None for a campaign that there is no more.

        `folded_to` is the source offset up to which all is folded. While the table has an entry that was folded further
        than that, which holds against a new one, the new one is given again each time.
        """
        for name, count in self._counts.items():
            before = self._stored.get(name)
            if count.changed:
                tally = Tally(folded_to, count.definition, count.counted_from, count.posts, count.people.serialize())
                count.changed = before is not None and before.offset > folded_to
                if not count.changed:
                    self._stored[name] = tally
                yield name, tally
        for name in sorted(self._gone):
            yield name, None
        self._gone.clear()

    def hold(self, name: str, tally: Tally) -> None:
        """Take a table entry over; `restore` makes of all of them what is counted now."""
        self._stored[name] = tally

    def restore(self, buckets: Iterable[Bucket], closed_to: int, oldest: int, numbers: Mapping[str, int]) -> None:
        """Go on from the entries. What a changed definition counts besides is taken from the buckets.

        `buckets` end before minute `closed_to` and are complete from minute `oldest` on. Where a changed definition has
        other tags, or leaves out what has been counted, all of it is counted anew from them.
        """
        self._gone = {name for name in self._stored if name not in self._counts}
        missing: dict[str, list[tuple[int, int]]] = {}
        for name, count in self._counts.items():
            stored = self._stored.get(name)
            if stored is not None and goes_on(stored.definition, count.definition, closed_to):
                count.people = BitMap.deserialize(stored.people)
                count.posts, count.restored = stored.posts, stored.offset
                count.changed = stored.definition != count.definition
                count.counted_from = max(count.definition.begins, min(stored.counted_from, oldest))
                missing[name] = gaps(stored.definition, count.definition, oldest, closed_to)
            elif count.definition.begins < closed_to:
                count.counted_from = max(count.definition.begins, oldest)
                missing[name] = [(count.counted_from, min(count.definition.ends, closed_to))]
        if any(missing.values()):
            self._count_again(buckets, missing, numbers)

    def _count_again(
        self, buckets: Iterable[Bucket], missing: Mapping[str, list[tuple[int, int]]], numbers: Mapping[str, int]
    ) -> None:
        for bucket in buckets:
            keys, lasts, table = bucket.keys(), bucket.last_minutes(), bucket.table()
            for name, stretches in missing.items():
                number = numbers.get(CAMPAIGN_PREFIX + name)
                for begin, end in stretches if number is not None else ():
                    inside = (lasts >= begin) & (lasts < end) & (keys >> SERIES_SHIFT == number)
                    rows = (table[:, MINUTE_COLUMN] >= begin) & (table[:, MINUTE_COLUMN] < end)
                    rows &= table[:, SERIES_COLUMN] == number
                    self._counts[name].add(keys[inside] & PERSON, int(table[rows, POSTS].sum()))


def of_series(keys: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """Give the people of one series out of sorted pairs."""
    low, high = keys.searchsorted((number << SERIES_SHIFT, (number + 1) << SERIES_SHIFT))
    return keys[low:high] & PERSON


def goes_on(old: Definition, new: Definition, closed_to: int) -> bool:
    """Say whether all that has been counted by `old` before minute `closed_to` counts by `new` as well."""
    if old.tags != new.tags:
        return False
    begins, ends = old.begins, min(old.ends, closed_to)
    return begins >= ends or (new.begins <= begins and ends <= new.ends)


def gaps(old: Definition, new: Definition, oldest: int, closed_to: int) -> list[tuple[int, int]]:
    """Give the stretches of minutes from `oldest` to before `closed_to` that `new` counts and `old` has not."""
    begins, ends = old.begins, max(old.begins, min(old.ends, closed_to))
    stretches = [(new.begins, min(begins, new.ends, closed_to)), (max(ends, new.begins), min(new.ends, closed_to))]
    return [(max(begin, oldest), end) for begin, end in stretches if max(begin, oldest) < end]


encode_tally: Final = msgpack.Encoder().encode
decode_tally: Final = msgpack.Decoder(Tally).decode
