"""The detector over history, with silences put in: false alarms a week and delays. Chance comes from the seed alone."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from streams.measures.silence.detector import Detector
from streams.measures.silence.settings import DAY, FORECAST, QUARTER, WEEK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schemas.directory import Region
    from streams.measures.silence.fit import Pool
    from streams.measures.silence.machine import Machine


class Delays(Struct, frozen=True):
    """Hours from the start of a silence to its alert; one that was not found counts with all the time there was."""

    median: float | None
    p90: float | None
    detected_share: float | None


class Result(Struct, frozen=True):
    """What the detector did in the test: of all regions together, or of one."""

    false_alarms_per_region_week: float
    alerts: int
    delay_hours: Delays
    region_weeks: float


class Report(Struct, frozen=True):
    """The result of all regions, of each, and when the alerts were (minutes since the epoch)."""

    total: Result
    regions: dict[str, Result]
    alert_minutes: dict[str, list[int]]
    delays: dict[str, list[float]]


class Plan(Struct, frozen=True):
    """What to try: the test begins at the minute `train_until`; `inject` silences per region of which `keep` is left.

    `every` is how many minutes an entry of the series counts, its minute being the last of them; `outages` are known
    ones, as (first minute, minute after).
    """

    train_until: int
    alpha: float = 0.1
    inject: int = 0
    keep: float = 0.0
    seed: int = 1
    every: int = 1
    outages: tuple[tuple[int, int], ...] = ()

    @property
    def resolution(self) -> int:
        """The shortest slot that such entries allow."""
        return next((length for length in (1, 5, 15, 60) if length >= self.every), 60)


def chance(seed: int, *names: object) -> np.random.Generator:
    """Make a source of chance that depends on nothing but its arguments."""
    digest = blake2b(repr((seed, *names)).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def starts(plan: Plan, region: str, after: int, holes: Sequence[tuple[int, int]] = ()) -> list[int]:
    """Draw the minutes at which a region's silences begin; a third of the test, at most 28 days, is left for them.

    None begins in an outage or in one of the `holes`, in which nobody watched.
    """
    first = plan.train_until
    last = max(after - min(FORECAST, (after - first) // 3), first + 1)
    outages = _merged((*plan.outages, *holes))
    watched = _observed(first, last, outages)
    if watched <= 0:
        return []
    drawn = first + chance(plan.seed, region, "starts").integers(0, watched, plan.inject)
    for start, end in outages:
        drawn[drawn >= max(start, first)] += max(0, end - max(start, first))
    return sorted(drawn.tolist())


class _Run:
    """One region's series and what is done with it."""

    def __init__(
        self, name: str, series: Sequence[tuple[int, int]], plan: Plan, watched: Sequence[tuple[int, int]]
    ) -> None:
        self.name = name
        self.first, self.after = watched[0][0], watched[-1][1]
        self.minutes = [minute for minute, _ in series]
        self.events = [events for _, events in series]
        holes = ((before[1], after[0]) for before, after in pairwise(watched))
        self.outages = _merged((*plan.outages, *holes))
        self.alerts: list[int] = []
        self.delays: list[tuple[float, bool]] = []
        self.forks: list[tuple[int, Machine]] = []
        self.weeks = _observed(plan.train_until, self.after, self.outages) / WEEK
        self.starts = starts(plan, name, self.after, self.outages)

    def observed(self, first: int, after: int) -> list[tuple[int, int, bool]]:
        """Cut a stretch of minutes at the outages: (first, after, observed)."""
        found: list[tuple[int, int, bool]] = []
        at = first
        for start, end in self.outages[bisect_right(self.outages, first, key=lambda outage: outage[1]) :]:
            if start >= after:
                break
            if start > at:
                found.append((at, start, True))
            found.append((max(start, at), min(end, after), False))
            at = end
        return found if at >= after else [*found, (at, after, True)]


def _merged(outages: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Give outages in order of time, those that overlap or touch as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(outages):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif start < end:
            found.append((start, end))
    return found


def _observed(first: int, after: int, outages: Sequence[tuple[int, int]]) -> int:
    """Give the minutes of a stretch outside the outages, which are merged."""
    return after - first - sum(max(0, min(end, after) - max(start, first)) for start, end in outages)


def backtest(
    series: Mapping[str, Sequence[tuple[int, int]]],
    regions: Sequence[Region],
    plan: Plan,
    watched: Mapping[str, Sequence[tuple[int, int]]] | None = None,
) -> Report:
    """Run the detector over series of (minute, events), in order of time, events above 0; minutes since the epoch.

    `watched` are the stretches in which each region was watched, as (first minute, minute after); what lies between
    them is no evidence. Without it all regions were from the first to the last minute of all of them. Injected
    silences begin at random in the test, but leave a third of it (at most four weeks) for finding them; each is tried
    on a copy of its region, so that they don't meet.
    """
    if watched is None:
        begin = min(minutes[0][0] for minutes in series.values() if minutes)
        end = max(minutes[-1][0] for minutes in series.values() if minutes) + 1
        watched = dict.fromkeys(series, ((begin, end),))
    detector = Detector(regions, plan.alpha, plan.resolution)
    runs = [_Run(name, series[name], plan, watched[name]) for name in sorted(series)]
    pools: list[Pool] = []
    for day in range(min(run.first for run in runs) // DAY * DAY, max(run.after for run in runs), DAY):
        for run in runs:
            first, after = max(day, run.first), min(day + DAY, run.after)
            if first < after:
                _live(detector, run, first, after, plan)
        newest = pools[-1].at if pools else -1
        pools.extend(pool for pool in detector.pools if pool.at > newest)
    for run in runs:
        run.delays = [_try(machine, run, start, plan, pools) for start, machine in run.forks]
    return Report(
        total=_result([run for run in runs if run.weeks > 0]),
        regions={run.name: _result([run]) for run in runs},
        alert_minutes={run.name: run.alerts for run in runs},
        delays={run.name: [hours for hours, _ in run.delays] for run in runs},
    )


def _live(detector: Detector, run: _Run, first: int, after: int, plan: Plan) -> None:
    """Feed a region what really happened, note new incidents, and copy it where a silence will begin."""
    at = first
    low, high = bisect_left(run.minutes, first), bisect_left(run.minutes, after)
    stops = sorted({*run.minutes[low:high], *(start for start in run.starts if first <= start < after), after})
    happened = dict(zip(run.minutes[low:high], run.events[low:high], strict=True))

    def tell(minute: int, events: int, observed: bool, span: int) -> None:
        incident = detector.advance(run.name, minute, events, observed, span).state.incident
        if incident >= plan.train_until and run.alerts[-1:] != [incident]:
            run.alerts.append(incident)

    for stop in stops:
        for start, end, observed in run.observed(at, stop) if stop > at else ():
            tell(end - 1, 0, observed, end - start)
        at = stop
        if stop < after:
            run.forks.extend((stop, detector.machine(run.name).copy()) for start in run.starts if start == stop)
        if stop in happened:
            tell(stop, happened[stop], run.observed(stop, stop + 1)[0][2], 1)
            at = stop + 1


def _try(machine: Machine, run: _Run, start: int, plan: Plan, pools: Sequence[Pool]) -> tuple[float, bool]:
    """Let a copy of a region fall silent at the minute `start`: the hours until it is called so, and whether it was."""
    if machine.is_silent():
        return 0.0, True
    end = min(run.after, start + FORECAST)
    draw = chance(plan.seed, run.name, start, plan.keep)
    at = start
    for index in range(bisect_left(run.minutes, start), bisect_left(run.minutes, end)):
        minute, events = run.minutes[index], run.events[index]
        before = max(0.0, start - (minute - plan.every + 1)) / plan.every
        left = int(draw.binomial(events, before + (1 - before) * plan.keep))
        if left:
            found = _empty(machine, run, at, minute, pools)
            if found < 0:
                machine.observe(minute, left, pools, observed=run.observed(minute, minute + 1)[0][2], span=1)
                found = minute if machine.is_silent() else -1
            if found >= 0:
                return (found + 1 - start) / 60, True
            at = minute + 1
    found = _empty(machine, run, at, end, pools)
    return ((found + 1 if found >= 0 else end) - start) / 60, found >= 0


def _empty(machine: Machine, run: _Run, first: int, after: int, pools: Sequence[Pool]) -> int:
    """Let nothing happen for a while: the minute whose end brought the alert, or -1."""
    for start, end, observed in run.observed(first, after) if after > first else ():
        for minute in range(start, end, QUARTER):
            stop = min(minute + QUARTER, end)
            machine.observe(stop - 1, 0, pools, observed=observed, span=stop - minute)
            if machine.is_silent():
                return machine.state.alerted
    return -1


def _result(runs: Sequence[_Run]) -> Result:
    weeks = sum(run.weeks for run in runs)
    alerts = sum(len(run.alerts) for run in runs)
    return Result(
        alerts / weeks if weeks > 0 else 0.0, alerts, _delays([one for run in runs for one in run.delays]), weeks
    )


def _delays(delays: Sequence[tuple[float, bool]]) -> Delays:
    if not delays:
        return Delays(None, None, None)
    hours = [hours for hours, _ in delays]
    median, p90 = np.percentile(hours, (50, 90)).tolist()
    return Delays(median, p90, sum(found for _, found in delays) / len(delays))
