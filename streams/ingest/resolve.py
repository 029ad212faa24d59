"""Finds out by the directory who an account is: its region, its role, its actor."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from schemas.events import UNASSIGNED, Role
from streams.ingest import times

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.directory import Account, Directory
    from streams.ingest.pseudonyms import Pseudonyms

EVERY_SOURCE: Final = "*"
REMEMBERED: Final = 10_000
"""Accounts whose pseudonym is at hand: most of what comes is from few. They stay within this process."""


class Who(Struct, frozen=True, gc=False):
    """What the directory says of an account on a day; `region` is empty where it says nothing."""

    actor: str
    region: str = ""
    role: Role = "person"


class _Row(Struct, frozen=True, gc=False):
    """One row of the directory for this source; it holds in [begins, ends), in ms."""

    who: Who
    begins: int
    ends: int


def folded(account: str) -> str:
    """Give the form in which accounts are compared: without case, blanks around it or a leading @."""
    return account.strip().removeprefix("@").casefold() or account


class Resolver:
    """The directory as one source sees it."""

    def __init__(self, directory: Directory, source: str, pseudonyms: Pseudonyms) -> None:
        self._source = source
        self._pseudonyms = pseudonyms
        self.shards = {region.name: region.shards for region in directory.region}
        self._zones = {region.name: ZoneInfo(region.time_zone) for region in directory.region}
        self._channels = {channel: region.name for region in directory.region for channel in region.channels}
        self._bots = {
            folded(account)
            for name, colon, account in (bot.partition(":") for bot in directory.bots)
            if colon and name in (source, EVERY_SOURCE)
        }
        self._rows: dict[str, list[_Row]] = {}
        self._stranger = lru_cache(REMEMBERED)(self._not_known)
        # Rows of this very source come before those of every source.
        for wanted in (source, EVERY_SOURCE):
            for account, region in _accounts(directory):
                if account.source == wanted:
                    self._rows.setdefault(folded(account.account), []).append(self._row(account, region))

    def who(self, account: str, at: int) -> Who:
        """Tell who `account` was at `at` (ms); an account that is not known is a person of no known region."""
        account = folded(account)
        rows = self._rows.get(account)
        if rows is None:
            return self._stranger(account)
        role: Role = "bot" if account in self._bots else "person"
        for row in rows:
            if row.begins <= at < row.ends:
                who = row.who
                return who if role == "person" else Who(who.actor, who.region, role)
        # Outside its dates the person is still the same one.
        return Who(rows[0].who.actor, "", role)

    def region(self, named: str, who: Who, channel: str) -> str:
        """Choose the region: what the source says itself, else the account's, else the channel's, else `unassigned`."""
        if named:
            return named if named in self.shards else UNASSIGNED
        if who.region:
            return who.region
        return self._channels.get(f"{self._source}:{channel}", UNASSIGNED) if channel else UNASSIGNED

    def _not_known(self, account: str) -> Who:
        return Who(self._pseudonyms.account(self._source, account), "", "bot" if account in self._bots else "person")

    def _row(self, account: Account, region: str) -> _Row:
        zone: dt.tzinfo = self._zones.get(region, dt.UTC)
        name = folded(account.account)
        actor = (
            self._pseudonyms.person(account.person)
            if account.person
            else self._pseudonyms.account(account.source, name)
        )
        last = account.until
        return _Row(
            Who(actor, region if region in self.shards else "", account.role),
            _midnight(account.since, zone) if account.since else 0,
            _midnight(last + dt.timedelta(days=1), zone) if last and last < dt.date.max else times.LIMIT,
        )


def _accounts(directory: Directory) -> Iterator[tuple[Account, str]]:
    for region in directory.region:
        for account in region.accounts:
            yield account, account.region or region.name
    for account in directory.people:
        yield account, account.region


def _midnight(day: dt.date, zone: dt.tzinfo) -> int:
    """Give the first moment of a local day, in ms; before 1970 it is 0."""
    moment = dt.datetime.combine(day, dt.time.min, tzinfo=zone)
    return max(0, (moment - times.EPOCH) // dt.timedelta(milliseconds=1))
