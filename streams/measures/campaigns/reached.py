"""What a campaign has reached, as far as released figures tell: bounds that hold, and how sure the middle is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import Struct

from streams.measures.privacy import HIDDEN, bounds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.regions import Released


class Reached(Struct, frozen=True, array_like=True):
    """People or posts: at least `low`, at most `high`; the middle is off by a deviation of sqrt(`variance`)."""

    low: int = 0
    high: int = 0
    variance: float = 0.0

    @property
    def likely(self) -> float:
        """The middle of the bounds."""
        return (self.low + self.high) / 2

    @property
    def deviation(self) -> float:
        """How far the middle is off, as a standard deviation."""
        return math.sqrt(self.variance)


def reached(counts: Iterable[Released], group: int, *, of_people: bool) -> Reached:
    """Add up released counts of one campaign over regions; `group` is the step of release.

    A count is as likely to be any of the values that it can stand for, which has the variance (n² - 1) / 12 over n
    values. Hidden people are 0 to group - 1. Hidden posts can be any number, and count as none: only posts that may
    be shown can reach a goal.
    """
    low = high = 0
    variance = 0.0
    for count in counts:
        if count == HIDDEN and not of_people:
            continue
        least, most = bounds(count, group)
        low += least
        high += most
        variance += ((most - least + 1) ** 2 - 1) / 12
    return Reached(low, high, variance)
