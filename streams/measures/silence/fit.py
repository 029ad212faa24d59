"""The two fits: what a group shares (the pool), and what one region makes of it. Pure functions of histories."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from msgspec import Struct, structs

from streams.measures.silence import drops
from streams.measures.silence.baseline import Baseline, baseline, occupancy
from streams.measures.silence.odds import counts_half_life, counts_levels, gap_peaks, gaps, replay_mixed, slot_levels
from streams.measures.silence.settings import (
    COUNTED,
    DROP_SHARE,
    LARGEST_SHARE,
    LEAST_EVIDENCE,
    TAIL_SHAPE,
    WARM_UP,
    WEEK,
)
from streams.measures.silence.tail import GapTail, Tail, pooled_gaps, pooled_tail, region_gaps, region_tail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streams.measures.calendars import Calendar
    from streams.measures.silence.slots import History, Past


class Pool(Struct, frozen=True, array_like=True):
    """What the regions share as of the minute `at`.

    `shape`: hazard of each cell over a region's level; `gaps`, `silence`, `drop`: tails; `rate`: the median region's
    occupied slots an hour; `share`: mean of the square roots of the regions' time scales (hours).
    """

    at: int
    shape: tuple[float, ...]
    gaps: GapTail
    silence: Tail
    drop: Tail
    rate: float
    share: float


class Fit(Struct, frozen=True, array_like=True):
    """One region's tables as of the minute `at`: `hazard` of a slot and `mean` of a step per cell at level 1.

    `by_counts` says whether the level is that of the counts, `counted` whether drops have a test of their own; `tail`
    divides the hazard. Thresholds are log odds.
    """

    at: int
    slot: int
    by_counts: bool
    counted: bool
    hazard: tuple[float, ...]
    mean: tuple[float, ...]
    dispersion: float
    tail: float
    silence: Tail
    drop: Tail
    threshold: float
    drop_threshold: float


class Standing(NamedTuple):
    """The level, which stands still in a gap, the sums behind it, and the drop test's, as a replay leaves them.

    Also the odds of silence and of a drop, infinite where they aren't replayed.
    """

    level: float
    done: float
    expected: float
    counted: drops.Counted
    odds: float
    mixed: float


class Study:
    """A region's history, seen through a pooled shape."""

    def __init__(self, past: Past, shape: NDArray[np.float64], prior_rate: float = 0.0) -> None:
        seen = occupancy(past, prior_rate)
        if seen is None:
            raise ValueError("wanted a history with an occupied slot, got one without: don't study it")
        self.past = past
        self.base: Baseline = baseline(past, seen, shape)
        self.counted = self.base.rate >= COUNTED
        hazard, self.means = self._unseen(shape, prior_rate)
        if self.base.by_counts:
            levels = counts_levels(past, self.means, counts_half_life(self.base.mean.tolist(), past.step))
        else:
            levels = slot_levels(past, hazard)
        self.level, self.done, self.expected = levels.now, levels.done, levels.expected
        self.x = hazard * levels.slots * past.seen
        self.first, self.after, self.gaps = gaps(past, np.where(past.occupied, 0.0, self.x))
        self.weeks = max(float(past.seen.sum()) * past.slot - WARM_UP, past.slot) / WEEK

    def _unseen(self, shape: NDArray[np.float64], prior_rate: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give each slot's hazard and each quarter hour's mean; in busy regions by a baseline blind to their week.

        A baseline of a region's own cells finds its own weeks less surprising than those to come, and thresholds set
        from them would be too low. A sparse region's cells are the pool's, so that it hardly knows its own weeks.
        """
        past = self.past
        hazard, means = self.base.hazard[past.cells], self.base.mean[past.step_cells]
        if not self.counted:
            return hazard, means
        for after in range(len(past.counts), 0, -WEEK // past.step):
            first = max(0, after - WEEK // past.step)
            others = past.blind(first, after)
            seen = occupancy(others, prior_rate)
            if seen is None:
                continue
            base = baseline(others, seen, shape)
            slots = slice(first * past.step // past.slot, after * past.step // past.slot)
            hazard[slots] = base.hazard[past.cells[slots]]
            means[first:after] = base.mean[past.step_cells[first:after]]
        return hazard, means

    def replay(self, tail: float) -> tuple[NDArray[np.float64], float, float]:
        """Give the past peaks of the log odds that are compared with the threshold, and the odds at the end.

        Those are of silence and of a drop; infinite where drops have a test of their own, whose gaps are short.
        """
        warm_up = WARM_UP // self.past.slot
        if not self.counted:
            replayed = replay_mixed(self.past, self.x, tail, warm_up)
            return np.array(replayed.peaks), replayed.silence, replayed.drop
        empty = self.past.seen & ~self.past.occupied
        hours = np.where(empty, self.past.hours, 0.0)
        found = gap_peaks(np.where(empty, self.x, 0.0) / tail, hours, self.first, self.after)
        return found[self.after > warm_up], math.inf, math.inf

    def drop_peaks(self) -> tuple[NDArray[np.float64], drops.Counted]:
        """Give the past peaks of the drop test and where it stands; nothing where drops aren't counted."""
        if not self.counted:
            return np.zeros(0), drops.Counted()
        found, state = drops.replay(self.past, self.means, self.base.dispersion, WARM_UP)
        return np.array(found), state


def scale(tail: Tail, gap: float, level: float) -> float:
    """Give how many hours one more unit of log threshold costs a region."""
    return tail.mean * gap / level


def look(history: History, calendar: Calendar, until: int, resolution: int) -> Past:
    """Lay a history before the minute `until` on the grid that suits its rate."""
    return history.past(calendar, until + calendar.phase, resolution=resolution)


def fit_pool(at: int, pasts: Sequence[Past]) -> Pool | None:
    """Fit what regions share; None where none of them has ever been active."""
    found = [(past, seen) for past in pasts if (seen := occupancy(past))]
    if not found:
        return None
    shape = np.mean([seen.hazard / seen.level for _, seen in found], axis=0)
    studies = [Study(past, shape) for past, _ in found]
    gap_tail = pooled_gaps([study.gaps for study in studies])
    tails = [region_gaps(study.gaps, gap_tail) for study in studies]
    silences = [study.replay(tail)[0] for study, tail in zip(studies, tails, strict=True)]
    silence = pooled_tail(silences, [study.weeks for study in studies])
    counted = [study for study in studies if study.counted]
    # A tenth of alpha is too far out for a heavy tail: drops would never be found in a small group. With the same tail
    # for all there is nothing to be gained by more peaks.
    drop = pooled_tail([study.drop_peaks()[0] for study in counted], [study.weeks for study in counted], wanted=0)
    drop = structs.replace(drop, shape=TAIL_SHAPE)
    roots = [
        scale(region_tail(found, study.weeks, silence), tail, study.base.level) ** 0.5
        for study, tail, found in zip(studies, tails, silences, strict=True)
    ]
    return Pool(
        at=at,
        shape=tuple(shape.tolist()),
        gaps=gap_tail,
        silence=silence,
        drop=drop,
        rate=float(np.median([seen.level for _, seen in found])),
        share=float(np.mean(roots)),
    )


def fit_region(at: int, past: Past, pool: Pool, alpha: float, *, young: bool) -> tuple[Fit, Standing] | None:
    """Fit one region's tables and thresholds for `alpha` false alarms a week; None where it was never active.

    A region whose detection takes longer gets more of the false alarms, by the square root of its time scale over the
    group's mean and at most LARGEST_SHARE times alpha: that shortens the longest delays. Where slots of a hazard x an
    hour are empty, R grows to e^(x t) / x; the threshold asks for LEAST_EVIDENCE of the x t, whatever alpha allows.
    """
    if not (past.occupied & past.seen).any():
        return None
    study = Study(past, np.array(pool.shape), pool.rate if young else 0.0)
    base = study.base
    tail = region_gaps(study.gaps, pool.gaps)
    peaks, odds, mixed = study.replay(tail)
    silence = region_tail(peaks, study.weeks, pool.silence)
    drop_peaks, counted = study.drop_peaks()
    drop = region_tail(drop_peaks, study.weeks, pool.drop)
    share = min(scale(silence, tail, base.level) ** 0.5 / pool.share, LARGEST_SHARE)
    fitted = Fit(
        at=at,
        slot=past.slot,
        by_counts=base.by_counts,
        counted=study.counted,
        hazard=tuple(base.hazard.tolist()),
        mean=tuple(base.mean.tolist()),
        dispersion=base.dispersion,
        tail=tail,
        silence=silence,
        drop=drop,
        threshold=max(
            silence.threshold(alpha * share * (1 - DROP_SHARE if study.counted else 1)),
            LEAST_EVIDENCE + math.log(tail / base.level),
        ),
        drop_threshold=drop.threshold(alpha * DROP_SHARE),
    )
    return fitted, Standing(study.level, study.done, study.expected, counted, odds, mixed)
