"""What is shown of one region: a pure function of its latest status, the directory and the bounds on labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from ops.exporter import families as f
from ops.exporter.campaigns import of_region
from ops.exporter.text import line
from schemas.activity import CAMPAIGN_PREFIX, WHOLE, WINDOWS
from schemas.events import KINDS
from schemas.regions import VERDICTS
from streams.measures.privacy import RETURNING_FROM

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ops.exporter.families import Series
    from ops.exporter.family import Family
    from schemas.directory import Region
    from schemas.regions import RegionStatus, Released, ReleasedWindow

Sample = tuple["Family", tuple[str, ...], float]
"""A metric, the values of its labels, its value."""

TAGS_IN: Final = 10
"""A tag comes onto the page when it is among so many of its region by people in the longest window,"""
TAGS_OUT: Final = 15
"""and leaves it when it is no longer among so many, so that two tags of about one size don't change places forever."""
REST: Final = "__other__"
"""What the region agent may call the sum of all tags that it doesn't name; always shown."""
RETURNING: Final = "returning"
RETURNING_WINDOWS: Final = frozenset(list(WINDOWS)[RETURNING_FROM:])
WEEKLY_SECONDS: Final = 72 * 3600


class Shown(Struct, frozen=True):
    """A region on the page: its lines by the name of the metric, how many, and its tags, shown or left out."""

    lines: dict[str, str]
    series: int
    tags: frozenset[str]
    tags_left_out: int


def show(
    region: Region,
    status: RegionStatus | None,
    campaigns: Collection[str],
    sources: Collection[str],
    before: Shown | None = None,
) -> Shown:
    """Write all lines of a region; `campaigns` and `sources` bound those labels, `before` is what was shown last."""
    tags = [series for series in status.windows if _is_tag(series)] if status else []
    chosen = choose_tags(status, before.tags if before else frozenset()) if status else frozenset()
    written: dict[str, list[str]] = {}
    series = 0
    for family, values, value in samples(region, status, campaigns, sources, chosen):
        written.setdefault(family.name, []).append(line(family, values, value))
        series += 1
    lines = {name: "".join(these) for name, these in written.items()}
    return Shown(lines, series, chosen, len(tags) - len(chosen))


def choose_tags(status: RegionStatus, before: frozenset[str]) -> frozenset[str]:
    """Choose the tags of a region that are shown: the largest, and those shown `before` that are still large."""

    def size(tag: str) -> tuple[int, str]:
        longest = status.windows[tag].actors[-1:]
        return -longest[0] if longest and isinstance(longest[0], int) else 1, tag

    ranked = sorted((series for series in status.windows if _is_tag(series) and series != REST), key=size)
    kept = {tag for tag in ranked[TAGS_IN:TAGS_OUT] if tag in before}
    return frozenset({*ranked[:TAGS_IN], *kept, *({REST} & status.windows.keys())})


def samples(
    region: Region,
    status: RegionStatus | None,
    campaigns: Collection[str],
    sources: Collection[str],
    tags: Collection[str],
) -> Iterator[Sample]:
    """Give every sample of a region. Without a status it is unknown, with its counters at zero.

    A counter that appears at zero lets a query see its first increase.
    """
    yield from beside_windows(region, status, campaigns, sources)
    if status is None:
        return
    for info, series, key, released in windows(region.name, status, campaigns, tags):
        yield from info
        yield from of_windows(series, key, released)


def beside_windows(
    region: Region, status: RegionStatus | None, campaigns: Collection[str], sources: Collection[str]
) -> Iterator[Sample]:
    """Give every sample of a region but those of the rolling windows."""
    name = region.name
    key = (name,)
    yield f.REGION_INFO, (name, region.team, region.time_zone, region.title or name), 1
    verdict = status.verdict if status else "unknown"
    for each in VERDICTS:
        yield f.VERDICT, (name, each), int(each == verdict)
    yield f.DUPLICATES, key, status.duplicates if status else 0
    yield f.LATE, key, status.late if status else 0
    yield f.TOO_LATE, key, status.too_late if status else 0
    if status is None:
        return
    yield f.VERDICT_SINCE, key, status.since / 1000
    yield f.REGION_WATERMARK, key, status.watermark / 1000
    yield f.REGION_CLOCK, key, status.clock / 1000
    if status.last_event_at:
        yield f.LAST_EVENT, key, status.last_event_at / 1000
    yield from _released(f.HEADCOUNT, f.HEADCOUNT_HIDDEN, key, status.headcount)
    yield from _evidence(key, status)
    for source, state in sorted(status.sources.items()):
        if source in sources and state.status != "ended":
            yield f.SOURCE_OF_REGION, (name, source), int(state.status != "down")
    for kind in KINDS:
        if kind in status.events_total:
            yield from _released(f.KINDS_TOTAL, f.KINDS_HIDDEN, (kind, name), status.events_total[kind])
    yield from of_region(name, status, campaigns)


def _evidence(key: tuple[str], status: RegionStatus) -> Iterator[Sample]:
    evidence = status.evidence
    yield f.EMPTY, key, evidence.empty_seconds
    yield f.EXPECTED, key, evidence.expected_events
    yield f.ODDS, key, evidence.odds
    yield f.THRESHOLD, key, evidence.threshold
    yield f.PROMISED, key, evidence.promised_detection_seconds
    yield f.HELD, key, int(evidence.held_until > 0)
    yield f.WEEKLY, key, int(evidence.weekly_check or evidence.promised_detection_seconds > WEEKLY_SECONDS)


def windows(
    name: str, status: RegionStatus, campaigns: Collection[str], tags: Collection[str]
) -> Iterator[tuple[tuple[Sample, ...], Series, tuple[str, ...], ReleasedWindow]]:
    """Give each series over rolling windows that is shown: samples about it, its metrics, its labels, its counts."""
    for series, window in sorted(status.windows.items()):
        if series == WHOLE:
            yield (), f.WHOLE_SERIES, (name,), window
        elif (campaign := series.removeprefix(CAMPAIGN_PREFIX)) != series:
            if campaign in campaigns:
                yield (), f.CAMPAIGN_SERIES, (campaign, name), window
        elif series in tags:
            info = f.TAG_INFO, (status.labels.get(series, series), name, series), 1
            yield (info,), f.TAG_SERIES, (name, series), window


def _is_tag(series: str) -> bool:
    return series != WHOLE and not series.startswith(CAMPAIGN_PREFIX)


def of_windows(series: Series, key: tuple[str, ...], released: ReleasedWindow) -> Iterator[Sample]:
    """Give the samples of one series over the rolling windows: its counts, and where one of them is hidden."""
    hidden = dict.fromkeys(WINDOWS, 0)
    for field, family in series.counts.items():
        counts: tuple[Released, ...] = getattr(released, field)
        for window, count in zip(WINDOWS, counts, strict=False):  # a count may be of no window at all
            if isinstance(count, int):
                yield family, (*key, window), count
            elif field != RETURNING or window in RETURNING_WINDOWS:  # of others returning people are never shown
                hidden[window] = 1
    for window, flag in hidden.items():
        yield series.hidden, (*key, window), flag


def _released(shown: Family, hidden: Family, key: tuple[str, ...], count: Released) -> Iterator[Sample]:
    if isinstance(count, int):
        yield shown, key, count
    yield hidden, key, int(not isinstance(count, int))
