"""Joins the shards of a busy region: their people are disjoint, so counts add up, once all have closed a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from schemas.activity import Activity, CampaignCount, SeriesMinute, SourceState, Windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streams.measures.regions.state import RegionState

COLUMNS = ("actors", "new", "events", "posts", "replies", "reshares")


def join(state: RegionState, activity: Activity) -> Iterator[Activity]:
    """Take the activity of one shard; give the joined activity of every minute that all shards have closed now."""
    if activity.shards == 1:
        yield activity
        return
    shard = activity.shard
    state.waiting.setdefault(shard, []).append(activity)
    state.closed[shard] = max(state.closed.get(shard, -1), activity.minute)
    if len(state.closed) < activity.shards:
        return
    closed = min(state.closed.values())
    minutes = sorted({one.minute for waiting in state.waiting.values() for one in waiting if one.minute <= closed})
    for minute in minutes:
        parts = [_at(state.waiting[shard], minute) for shard in sorted(state.waiting)]
        yield _sum(minute, [part for part in parts if part is not None])
    for waiting in state.waiting.values():
        waiting[:] = [one for one in waiting if one.minute > closed]


def _at(waiting: list[Activity], minute: int) -> Activity | None:
    """Give a shard's activity that covers the minute; of one that ends later only the windows are of use."""
    for one in sorted(waiting, key=lambda one: one.minute):
        if one.minute == minute:
            return one
        if one.minute - one.span < minute < one.minute:
            return msgspec.structs.replace(one, minute=minute, events=0, actors=0, kinds={}, series={})
    return None


def _sum(minute: int, parts: list[Activity]) -> Activity:
    series: dict[str, SeriesMinute] = {}
    for part in parts:
        for name, one in part.series.items():
            had = series.get(name, SeriesMinute(0, 0))
            series[name] = SeriesMinute(had.events + one.events, had.actors + one.actors)
    sources: dict[str, SourceState] = {}
    for part in parts:
        for source, state in part.sources.items():
            if source not in sources or state.status == "down":
                sources[source] = state
    return Activity(
        region=parts[0].region,
        minute=minute,
        revision=max(part.revision for part in parts),
        events=sum(part.events for part in parts),
        actors=sum(part.actors for part in parts),
        kinds=_add(part.kinds for part in parts),
        series=series,
        span=min(part.span for part in parts),
        windows=_windows([part.windows for part in parts]),
        campaigns=_campaigns([part.campaigns for part in parts]),
        labels={tag: label for part in parts for tag, label in part.labels.items()},
        sources=sources,
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
    joined = Windows(series=names)
    for column in COLUMNS:
        rows: list[list[int]] = []
        for part in parts:
            where = [names.index(name) for name in part.series]
            for window, values in enumerate(getattr(part, column)):
                if window == len(rows):
                    rows.append([0] * len(names))
                for place, value in zip(where, values, strict=True):
                    rows[window][place] += value
        joined = msgspec.structs.replace(joined, **{column: rows})
    return joined
