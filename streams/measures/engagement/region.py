"""One shard of one region: closes its minutes, revises them for late events, and is restored from its buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec import Struct, msgpack

from schemas.activity import CAMPAIGN_PREFIX, Activity, Windows
from streams.measures.engagement.bucket import DAY, NEW, PEOPLE, SERIES, Bucket, add_rows, rows_of, unpack_ids
from streams.measures.engagement.campaigns import RegionCampaigns
from streams.measures.engagement.figures import chosen_series, series_of, windows_of
from streams.measures.engagement.history import History
from streams.measures.engagement.minute import roll_up
from streams.measures.engagement.numbering import Numbers
from streams.measures.engagement.open_minute import OpenMinute
from streams.measures.engagement.pairs import SERIES_SHIFT
from streams.measures.engagement.people import People
from streams.measures.engagement.redefine import redefined
from streams.measures.engagement.series import SeriesNumbers
from streams.measures.engagement.totals import Totals, TotalsKeeper
from streams.measures.engagement.votes import newcomers, votes_of
from streams.measures.engagement.windows import LONGEST, RegionWindows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from schemas.activity import CampaignCount, SourceState
    from schemas.events import Event
    from streams.measures.campaigns.book import Definition

pack_ids: Final = msgpack.Encoder().encode


class Shape(Struct, frozen=True):
    """Which region and shard this is, and how long (minutes) its minutes can be revised."""

    region: str
    shard: int
    shards: int
    horizon: int


class RegionShard:
    """The state of one shard of a region: names with their numbers, buckets, totals; and the windows, derived."""

    def __init__(
        self, shape: Shape, campaigns_of: Mapping[str, Sequence[str]], definitions: Mapping[str, Definition]
    ) -> None:
        self.shape = shape
        self.people = People()
        self.series = SeriesNumbers(Numbers(), campaigns_of)
        self.windows = RegionWindows()
        self.history = History(shape.horizon)
        self.totals = TotalsKeeper(Totals())
        self.campaigns = RegionCampaigns(definitions)
        self.unpublished: set[int] = set()
        self.ahead: dict[int, Bucket] = {}
        self.unwritten: list[Bucket] = []
        self._campaigns_of = campaigns_of
        self._ids: dict[int, set[str]] = {}

    # -- closing

    def open(self, words: Numbers) -> OpenMinute:
        """Give a new minute for events of this shard, whose words have these numbers."""
        return OpenMinute(self.people, words)

    def close(self, minute: int, events: OpenMinute, offset: int, sources: dict[str, SourceState]) -> Activity | None:
        """Close `minute`; give what is to be published, or None where the table says that it has been already."""
        if events.duplicates:
            self.totals.add(offset, duplicates=events.duplicates)
        if self._enter(minute):
            return None
        rolled = roll_up(minute, events, self.series)
        together = self.series.together(rolled.keys)
        new_day = self.advance(minute)
        pairs, new = self._take_part(minute, rolled.keys, together)
        votes = newcomers(rolled, new, events)
        self.windows.add_minute(rolled.table)
        self._count(minute, rolled.keys, rolled.table, offset)
        self.totals.add(offset, kinds=rolled.kinds)
        self.totals.vote(offset, votes, self.series.numbers.names)
        bucket = Bucket(
            offset=offset,
            start=minute,
            length=1,
            revision=0,
            kinds=rolled.kinds,
            pairs=pairs.tobytes(),
            rows=rolled.table.tobytes(),
            ids=events.ids,
        )
        self.history.put(bucket)
        return self._activity(bucket, sources, self._windows(), self._campaigns(new_day=new_day))

    def _take_part(
        self, minute: int, keys: NDArray[np.int64], together: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Enter the pairs of a minute and those of tags that go with campaigns; give all of them, sorted, and which of
        `keys` are new.
        """
        if not len(together):
            return keys, self.windows.add(minute, keys)
        pairs = np.concatenate([keys, together])
        order = pairs.argsort(kind="stable")
        new = np.empty(len(pairs), bool)
        new[order] = self.windows.add(minute, pairs[order])
        return pairs[order], new[: len(keys)]

    def advance(self, minute: int) -> bool:
        """Let time go on to `minute`; say whether a UTC day has begun since the last one."""
        before = self.windows.minute
        self.series.members()  # numbers the campaigns of new tags
        self.windows.grow(len(self.series.numbers.names))
        self.windows.advance(minute, self.history)
        return minute // DAY > before // DAY

    def _count(self, minute: int, keys: NDArray[np.int64], table: NDArray[np.int32], offset: int) -> None:
        self.campaigns.fold(minute, keys, table, offset, self.series.numbers)

    def _enter(self, minute: int) -> bool:
        """Enter the bucket of a minute that the table held before its time came again; False where there is none."""
        bucket = self.ahead.pop(minute, None)
        if bucket is None:
            return False
        self.advance(minute)
        self.windows.add(minute, bucket.keys())
        self.windows.add_rows(rows_of(bucket.table()), self.history)
        self._count(minute, bucket.keys(), bucket.table(), bucket.offset)
        self.history.hold(bucket)
        if bucket.unpublished:
            self.unpublished.add(minute)
        return True

    def pass_empty(self, minute: int, span: int, sources: dict[str, SourceState]) -> Activity:
        """Close the `span` empty minutes that end with `minute`."""
        campaigns = self._campaigns(new_day=self.advance(minute))
        activity = self._activity(Bucket(-1, minute, 1, 0, {}, b"", b""), sources, self._windows(), campaigns)
        activity.span = span
        return activity

    # -- late events

    def revise(self, event: Event, minute: int, offset: int) -> None:
        """Fold an event whose minute is closed; a repeat counts once."""
        self._enter(minute)
        bucket = self.history.get(minute)
        if bucket is None:
            bucket = Bucket(-1, minute, 1, 0, {}, b"", b"", pack_ids([]))
        elif offset <= bucket.offset:
            return
        ids = self._ids.get(minute)
        if ids is None:
            ids = self._ids[minute] = set(unpack_ids(bucket.ids))
        if event.id in ids:
            self.totals.add(offset, duplicates=1)
            return
        ids.add(event.id)
        alone = self.open(Numbers())
        alone.add(event, offset)
        alone.gather()
        rolled = roll_up(minute, alone, self.series)
        known = bucket.keys()
        fresh = np.isin(rolled.keys, known, assume_unique=True, invert=True)
        after = np.union1d(known, rolled.keys)
        together = np.setdiff1d(self.series.together(after), known, assume_unique=True)
        self.windows.grow(len(self.series.numbers.names))
        keys, wrote = rolled.keys[fresh], rolled.wrote[fresh]
        new = self.windows.add(minute, keys)
        rolled.table[:, PEOPLE] = np.isin(rolled.table[:, SERIES], keys >> SERIES_SHIFT)
        rolled.table[:, NEW] = np.isin(rolled.table[:, SERIES], keys[new] >> SERIES_SHIFT)
        self.windows.add(minute, together)
        self.windows.add_rows(rows_of(rolled.table), self.history)
        self._count(minute, rolled.keys, rolled.table, offset)
        self.totals.add(offset, late=1, kinds=rolled.kinds)
        self.totals.vote(offset, votes_of(alone, keys[new], wrote[new]), self.series.numbers.names)
        kinds = dict(bucket.kinds)
        kinds[event.kind] = kinds.get(event.kind, 0) + 1
        self.history.put(
            Bucket(
                offset=offset,
                start=minute,
                length=1,
                revision=bucket.revision,
                kinds=kinds,
                pairs=np.union1d(after, together).tobytes(),
                rows=add_rows(bucket.table(), rolled.table).tobytes(),
                ids=pack_ids(sorted(ids)),
                unpublished=True,
            )
        )
        self.campaigns.revised(minute)
        self.unpublished.add(minute)

    def refuse(self, offset: int) -> None:
        """Count an event that is later than the horizon."""
        self.totals.add(offset, too_late=1)

    def revisions(self, offset: int, sources: dict[str, SourceState]) -> Iterator[Activity]:
        """Give the minutes that late events have changed since they were published, up to source `offset`."""
        for minute in sorted(self.unpublished):
            bucket = self.history.get(minute)
            if bucket is None:
                self.unpublished.discard(minute)
            elif bucket.offset < offset:
                self.unpublished.discard(minute)
                bucket.revision += 1
                bucket.unpublished = False
                bucket.offset = offset
                self.history.put(bucket)
                self.campaigns.revised(minute)
                yield self._activity(bucket, sources, Windows(), {})

    def flushed(self) -> None:
        """Forget what only spared unpacking since the last flush."""
        self._ids.clear()
        self.unwritten.clear()

    # -- restoring

    def restore(self, closed_to: int, redefined_names: Collection[str]) -> None:
        """Derive the windows from the buckets; those from minute `closed_to` on wait for their closing.

        The buckets were written when the campaigns `redefined_names` had other tags.
        """
        self.series = SeriesNumbers(self.series.numbers, self._campaigns_of)
        self.series.members()  # numbers the campaigns of known tags
        self._redefine(redefined_names)
        self.windows.grow(len(self.series.numbers.names))
        settled = []
        for bucket in self.history.buckets():
            if bucket.start >= closed_to:
                self.ahead[bucket.start] = bucket
                continue
            settled.append(bucket)
            if bucket.unpublished:
                self.unpublished.add(bucket.start)
        self.unwritten = [bucket for minute, bucket in self.ahead.items() if self.history.set_aside(minute)]
        self.history.restored()
        self.windows.restore(
            closed_to - 1,
            np.concatenate([np.empty(0, np.int64), *(bucket.keys() for bucket in settled)]),
            np.concatenate([np.empty(0, np.int32), *(bucket.last_minutes() for bucket in settled)]),
        )
        for bucket in settled:
            self.windows.add_rows(rows_of(bucket.table()), self.history)
        self.campaigns.restore(settled, closed_to, closed_to - LONGEST, self.series.numbers)

    def _redefine(self, names: Collection[str]) -> None:
        numbers = self.series.numbers
        changed = [numbers[series] for name in names if (series := CAMPAIGN_PREFIX + name) in numbers]
        for bucket in list(redefined(self.history.buckets(), changed, self.series)) if changed else ():
            self.history.put(bucket)

    # -- what is published

    def _activity(
        self,
        bucket: Bucket,
        sources: dict[str, SourceState],
        windows: Windows,
        campaigns: dict[str, CampaignCount],
    ) -> Activity:
        whole, series = series_of(bucket, self.series.numbers.names)
        totals = self.totals.totals
        return Activity(
            region=self.shape.region,
            minute=bucket.start,
            revision=bucket.revision,
            events=whole.events,
            actors=whole.actors,
            kinds=bucket.kinds,
            series=series,
            shard=self.shape.shard,
            shards=self.shape.shards,
            windows=windows,
            campaigns=campaigns,
            labels=self.totals.labels(windows.series),
            sources=sources,
            totals=dict(totals.kinds),
            duplicates=totals.duplicates,
            late=totals.late,
            too_late=totals.too_late,
        )

    def _windows(self) -> Windows:
        names = self.series.numbers.names
        chosen = chosen_series(self.windows.every()[: len(names)], self.series.campaigns(), self.series.tags())
        return windows_of(self.windows, chosen, names)

    def _campaigns(self, *, new_day: bool) -> dict[str, CampaignCount]:
        together = self.series.most_together(self.windows.every()[:, -1]) if new_day else {}
        return self.campaigns.published(together)
