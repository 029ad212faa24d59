"""The headcount of a region as of a local day: the denominator of participation."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from schemas.directory import Headcount
from streams.measures.days import local_day

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.directory import Account, Region

ALWAYS: Final = dt.date(1970, 1, 1)
PEOPLE: Final = frozenset({"leader", "person"})
"""Roles of accounts that belong to one of the people; the others speak for an office or are machines."""


class Headcounts:
    """How many people a region has on each day; a number holds from its local midnight on until the next one."""

    def __init__(self, region: Region) -> None:
        """Take the numbers of the directory; raises ValueError where a day has two."""
        given = region.headcount
        rows = (Headcount(given),) if isinstance(given, int) else sorted(given, key=lambda row: row.since)
        self.zone: dt.tzinfo = ZoneInfo(region.time_zone)
        self._days = [row.since for row in rows]
        self._people = [row.people for row in rows]
        for one, other in zip(self._days, self._days[1:], strict=False):
            if one == other:
                raise ValueError(f"wanted one headcount of a region for each day, got two since {one}: remove one")

    def on(self, day: dt.date) -> int:
        """Give the people of the region on a local day; 0 before the first number, which means not known."""
        place = bisect_right(self._days, day)
        return self._people[place - 1] if place else 0

    def at(self, moment: int) -> int:
        """Give the people of the region at a moment (ms since the epoch), by the day that it is there."""
        return self.on(local_day(moment, self.zone))


def counted(accounts: Iterable[Account]) -> dict[str, tuple[Headcount, ...]]:
    """Count the people of each region from the rows of a directory that lists them all: a headcount by date.

    A row holds from `since` to the end of `until`, so that who moves leaves one region and joins the other on a local
    day of each. A person with several accounts in a region counts once; without `person`, each account is one.
    """
    stays: dict[str, dict[str, list[tuple[dt.date, dt.date]]]] = {}
    for row in accounts:
        if row.region and row.role in PEOPLE:
            who = f"person {row.person}" if row.person else f"account {row.source}:{row.account}"
            ends = row.until + dt.timedelta(days=1) if row.until and row.until < dt.date.max else dt.date.max
            stays.setdefault(row.region, {}).setdefault(who, []).append((row.since or ALWAYS, ends))
    return {region: _by_date(people.values()) for region, people in stays.items()}


def _by_date(people: Iterable[list[tuple[dt.date, dt.date]]]) -> tuple[Headcount, ...]:
    changes: dict[dt.date, int] = {}
    for stays in people:
        for begins, ends in _joined(stays):
            changes[begins] = changes.get(begins, 0) + 1
            if ends < dt.date.max:
                changes[ends] = changes.get(ends, 0) - 1
    present = 0
    rows: list[Headcount] = []
    for day in sorted(changes):
        present += changes[day]
        if not rows or rows[-1].people != present:
            rows.append(Headcount(present, day))
    return tuple(rows)


def _joined(stays: list[tuple[dt.date, dt.date]]) -> list[tuple[dt.date, dt.date]]:
    """Join the stays that overlap or touch; those that end before they begin are none."""
    joined: list[tuple[dt.date, dt.date]] = []
    for begins, ends in sorted(stay for stay in stays if stay[0] < stay[1]):
        if joined and begins <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(ends, joined[-1][1])
        else:
            joined.append((begins, ends))
    return joined
