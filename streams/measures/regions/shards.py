"""Joins the shards of a busy region: their people are disjoint, so counts add up, once all have closed a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from schemas.activity import (
    ActivityFigures,
    CampaignCount,
    FiguresRecord,
    SourceChange,
    SourceState,
    Windows,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from streams.measures.regions.state import RegionState

MINUTE = 60_000
UNSET = -2
COLUMNS = ("actors", "new", "events", "posts", "replies", "reshares")


def join(state: RegionState, record: FiguresRecord) -> Iterator[FiguresRecord]:
    """Take a record of one shard; give what all shards have brought now, joined, in an order of its own.

    Minutes come in their order, and after each the changes of sources that were told while it was the last closed one,
    by shard: whichever partition was quicker, what is judged is the same.
    """
    _forget_shards(state, record.shards)
    if record.shards == 1:
        yield record
        return
    shard = record.shard
    if isinstance(record, ActivityFigures) and record.minute <= state.closed.get(shard, UNSET):
        return  # a late revision, or what a crash has published again
    state.waiting.setdefault(shard, []).append(record)
    state.closed[shard] = max(state.closed.get(shard, UNSET), _closed_by(record))
    if len(state.closed) < record.shards:
        return
    upto = min(state.closed.values())
    minutes = {_closed_by(one) for one in _waiting(state) if isinstance(one, ActivityFigures) and one.minute <= upto}
    settled = {
        _closed_by(one): None
        for one in _waiting(state)
        if isinstance(one, SourceChange) and _is_settled(state, one, upto)
    }
    for minute in sorted({*minutes, *settled}):
        if minute in minutes:
            yield _joined(state, minute)
        for place in sorted(state.waiting):
            for one in state.waiting[place]:
                if isinstance(one, SourceChange) and _closed_by(one) == minute and _is_settled(state, one, upto):
                    state.shard_sources[place] = one.sources
                    yield msgspec.structs.replace(one, sources=_merged(state.shard_sources))
    for waiting in state.waiting.values():
        waiting[:] = [
            one
            for one in waiting
            if (one.minute > upto if isinstance(one, ActivityFigures) else not _is_settled(state, one, upto))
        ]


def _forget_shards(state: RegionState, shards: int) -> None:
    """Forget shards that there are no more: nobody would ever hear that they have closed a minute."""
    for gone in [shard for shard in state.closed if shard >= shards]:
        del state.closed[gone]
        state.waiting.pop(gone, None)
        state.shard_sources.pop(gone, None)


def _waiting(state: RegionState) -> Iterator[FiguresRecord]:
    for waiting in state.waiting.values():
        yield from waiting


def _closed_by(record: FiguresRecord) -> int:
    """Give the last minute that was closed when a record was published, itself included."""
    return record.minute if isinstance(record, ActivityFigures) else record.watermark // MINUTE - 1


def _is_settled(state: RegionState, change: SourceChange, upto: int) -> bool:
    """Say whether nothing can come any more that would have come before a change of sources."""
    closed = _closed_by(change)
    return closed <= upto and all(closed < state.closed[shard] for shard in range(change.shard))


def _joined(state: RegionState, minute: int) -> ActivityFigures:
    activities = {
        shard: [one for one in state.waiting[shard] if isinstance(one, ActivityFigures)]
        for shard in sorted(state.waiting)
    }
    parts = {shard: part for shard, waiting in activities.items() if (part := _at(waiting, minute)) is not None}
    state.shard_sources.update({shard: part.sources for shard, part in parts.items()})
    return _sum(minute, list(parts.values()))


def _merged(sources: Mapping[int, Mapping[str, SourceState]]) -> dict[str, SourceState]:
    """Merge how the shards see their sources: where one says down, it is."""
    merged: dict[str, SourceState] = {}
    for _, of_shard in sorted(sources.items()):
        for source, state in of_shard.items():
            if source not in merged or state.status == "down":
                merged[source] = state
    return merged


def _at(waiting: list[ActivityFigures], minute: int) -> ActivityFigures | None:
    """Give a shard's activity that covers the minute; of one that ends later only the windows are of use."""
    for one in sorted(waiting, key=lambda one: one.minute):
        if one.minute == minute:
            return one
        if one.minute - one.span < minute < one.minute:
            return msgspec.structs.replace(one, minute=minute, events=0, actors=0, kinds={})
    return None


def _sum(minute: int, parts: list[ActivityFigures]) -> ActivityFigures:
    return ActivityFigures(
        region=parts[0].region,
        minute=minute,
        revision=max(part.revision for part in parts),
        events=sum(part.events for part in parts),
        actors=sum(part.actors for part in parts),
        kinds=_add(part.kinds for part in parts),
        span=min(part.span for part in parts),
        windows=_windows([part.windows for part in parts]),
        campaigns=_campaigns([part.campaigns for part in parts]),
        labels={tag: label for part in parts for tag, label in part.labels.items()},
        sources=_merged({place: part.sources for place, part in enumerate(parts)}),
        totals=_add(part.totals for part in parts),
        duplicates=sum(part.duplicates for part in parts),
        late=sum(part.late for part in parts),
        too_late=sum(part.too_late for part in parts),
    )


def _add(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in counts:
        for name, count in one.items():
            total[name] = total.get(name, 0) + count
    return total


def _campaigns(parts: list[dict[str, CampaignCount]]) -> dict[str, CampaignCount]:
    """Add up campaigns of one definition; a shard that counts by another one, or is yet to tell, leaves it out."""
    joined = {}
    for name, first in parts[0].items():
        of_shards = [part[name] for part in parts if name in part]
        if len(of_shards) == len(parts) and len({one.definition for one in of_shards}) == 1:
            joined[name] = CampaignCount(
                definition=first.definition,
                people=sum(one.people for one in of_shards),
                posts=sum(one.posts for one in of_shards),
                counted_from=max(one.counted_from for one in of_shards),
                together=_add(one.together for one in of_shards),
            )
    return joined


def _windows(parts: list[Windows]) -> Windows:
    names = list(dict.fromkeys(name for part in parts for name in part.series))
    columns: dict[str, list[list[int]]] = {}
    for column in COLUMNS:
        rows: list[list[int]] = []
        for part in parts:
            where = [names.index(name) for name in part.series]
            for window, values in enumerate(getattr(part, column)):
                if window == len(rows):
                    rows.append([0] * len(names))
                for place, value in zip(where, values, strict=True):
                    rows[window][place] += value
        columns[column] = rows
    return Windows(names, **columns)
