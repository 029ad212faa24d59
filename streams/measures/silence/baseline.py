"""What a region usually does: hazard and mean count of each cell, shrunk to the shape that its group shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streams.measures.calendars import CELLS
from streams.measures.silence.settings import (
    CERTAIN,
    COUNTED,
    DAY,
    FULL,
    HOUR,
    LARGEST_HAZARD,
    MANY,
    SHAPE_WEIGHT,
    SMOOTH_WEIGHT,
    SMOOTHING,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.measures.silence.slots import Past

_apart = np.minimum(np.arange(24), 24 - np.arange(24))
_weights = np.exp(-0.5 * (_apart / SMOOTHING) ** 2)
_KERNEL = (_weights / _weights.sum())[(np.arange(24)[None, :] - np.arange(24)[:, None]) % 24]


def smooth(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smooth 72 cells over the 24 hours of each day type, around the clock."""
    smoothed: NDArray[np.float64] = np.matmul(cells.reshape(3, 24), _KERNEL.T).reshape(CELLS)
    return smoothed


def sharpen(
    slots: NDArray[np.float64], sums: NDArray[np.float64], weight: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give each cell its own slots and sums, beside the smoothed ones with a weight of so many slots."""
    return slots + weight, sums + weight * smooth(sums) / np.maximum(smooth(slots), 1e-9)


def tally(cells: NDArray[np.intp], weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Count how often each cell occurs, or sum its weights."""
    return np.bincount(cells, weights=weights, minlength=CELLS).astype(np.float64)


class Occupancy(NamedTuple):
    """Slots seen and occupied per cell, with smoothed ones; `hazard` per hour and cell; `level` is its mean in time."""

    seen: NDArray[np.float64]
    occupied: NDArray[np.float64]
    hazard: NDArray[np.float64]
    level: float
    share: float


def occupancy(past: Past, prior_rate: float = 0.0) -> Occupancy | None:
    """Count a past's slots; None where none was seen occupied.

    `prior_rate` (occupied slots an hour) is what the group's median region has; a young region counts one occupied
    slot at that rate beside its own.
    """
    seen = tally(past.cells[past.seen])
    occupied = tally(past.cells[past.seen & past.occupied])
    if not occupied.sum():
        return None
    share = float(occupied.sum() / seen.sum())
    smooth_seen, smooth_occupied = sharpen(seen, occupied, SMOOTH_WEIGHT / past.hours)
    p = np.minimum((smooth_occupied + 0.3 * share) / (smooth_seen + 0.3), CERTAIN)
    hazard = -np.log1p(-p) / past.hours
    level = float((seen * hazard).sum() / seen.sum())
    if prior_rate > 0:
        exposure = float(seen.sum()) * past.hours
        pulled = (occupied.sum() + 1) / (exposure + 1 / prior_rate)
        level *= float(pulled / (occupied.sum() / exposure))
    return Occupancy(smooth_seen, smooth_occupied, hazard, level, share)


def mean_counts(past: Past) -> NDArray[np.float64]:
    """Give the mean events of a step per cell.

    Counts above 3 means + 3 are cut to it, so that one storm does not raise what is expected.
    """
    cells, counts = past.step_cells[past.step_seen], past.counts[past.step_seen]
    slots = tally(cells)
    mean = np.full(CELLS, np.inf)
    for _ in range(4):
        sums = tally(cells, np.minimum(counts, 3 * mean[cells] + 3))
        seen, sums = sharpen(slots, sums, SMOOTH_WEIGHT * HOUR / past.step)
        mean = sums / seen
    return mean


def dispersion(counts: NDArray[np.float64], expected: NDArray[np.float64], *, low: bool) -> float:
    """Give the k of negative binomial counts, whose variance is m + m^2/k, by moments.

    With `low` the variance is twice the mean square of what falls short of the mean: that side tells how probable an
    empty slot is, where storms would have it wrong.
    """
    if low:
        square = 2 * np.minimum(counts - expected, 0) ** 2
    else:
        square = (np.minimum(counts, 3 * expected + 3) - expected) ** 2
    scale = float((expected**2).sum())
    return scale / max(float((square - expected).sum()), 1e-3 * scale) if scale else 1.0


class Baseline(NamedTuple):
    """`hazard`: of a slot (no unit) per cell at level 1; `mean`: events of a step per cell; `rate` of events
    a day; `level`: hazard per hour over all time; `dispersion` is that of the counts; `by_counts` says whether the
    level is followed by them.
    """

    slot: int
    by_counts: bool
    hazard: NDArray[np.float64]
    mean: NDArray[np.float64]
    dispersion: float
    level: float
    rate: float


def baseline(past: Past, seen: Occupancy, shape: NDArray[np.float64]) -> Baseline:
    """Shrink a region's cells to its level times the pooled shape, where slots are often empty, or to its counts.

    Where the mean of a slot is MANY or more, the prior probability of an empty slot is that of a negative binomial
    count, since empty slots are then too rare to be counted.
    """
    mean = mean_counts(past)
    usual = mean[past.step_cells]
    steps = past.step_seen
    if past.slot < past.step:
        fine = np.repeat(steps, 3)
        low = dispersion(past.fives[fine], np.repeat(usual / 3, 3)[fine], low=True)
    else:
        low = dispersion(past.counts[steps], usual[steps], low=True)
    weight = SHAPE_WEIGHT / past.hours
    per_slot = mean * past.slot / past.step
    empty = np.exp(-seen.level * shape * past.hours)
    empty = np.where(per_slot >= MANY, (1 + per_slot / low) ** -low, empty)
    p_empty = (seen.seen - seen.occupied + weight * empty) / (seen.seen + weight)
    floor = (0.01 * seen.level + 1e-5) * past.hours
    hazard = np.clip(-np.log(np.maximum(p_empty, 1e-12)), floor, LARGEST_HAZARD)
    rate = float(past.counts[past.step_seen].sum() / max(past.step_seen.sum(), 1) * DAY / past.step)
    level = float(hazard[past.cells[past.seen]].mean() / past.hours)
    whole = dispersion(past.counts[steps], usual[steps], low=False)
    return Baseline(past.slot, rate >= COUNTED or seen.share > FULL, hazard, mean, whole, level, rate)
