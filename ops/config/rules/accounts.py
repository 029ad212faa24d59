"""Accounts: a known source and region, one row for each account and day. No message shows an account."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec import Struct

from ops.config.problems import Fault
from ops.config.words import suggestion
from schemas.directory import Account

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Placed(Struct, frozen=True):
    """An account with where it stands: `home` is the region under which it is written, if it is."""

    account: Account
    place: str
    fault: Callable[[str, str], Fault]
    home: str = ""


def faults(rows: Sequence[Placed], regions: Sequence[str], sources: Sequence[str]) -> Iterator[Fault]:
    """Give what is wrong with the accounts."""
    for row in rows:
        yield from _row(row, regions, sources)
    by_account: dict[tuple[str, str], list[Placed]] = {}
    for row in rows:
        by_account.setdefault((row.account.source, row.account.account.casefold()), []).append(row)
    for same in by_account.values():
        ordered = sorted(same, key=lambda row: row.account.since or dt.date.min)
        for earlier, later in pairwise(ordered):
            if (earlier.account.until or dt.date.max) >= (later.account.since or dt.date.min):
                text = f"is the same account as in {earlier.place} on the same days; part them by `since` or `until`."
                yield later.fault("account", text)


def _row(row: Placed, regions: Sequence[str], sources: Sequence[str]) -> Iterator[Fault]:
    account = row.account
    region = account.region or row.home
    if row.home and account.region not in {"", row.home}:
        yield row.fault("region", f'is "{account.region}", but the account stands under "{row.home}".')
    elif not region:
        yield row.fault("region", "is missing: an account belongs to a region.")
    elif region not in regions:
        yield row.fault("region", f'"{region}" is not a region.{suggestion(region, regions)}')
    if account.source != "*" and account.source not in sources:
        yield row.fault(
            "source", f'"{account.source}" is not the name of a source.{suggestion(account.source, sources)}'
        )
    if account.since and account.until and account.until < account.since:
        yield row.fault("until", f"is {account.until}, before `since` ({account.since}).")
