"""The directory: the regions with their time, calendar, headcount and accounts, as `regions.toml` spells it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from schemas.events import Role

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class Headcount(Struct, frozen=True, forbid_unknown_fields=True):
    """How many people belong to the region from the start of a local day on."""

    people: Annotated[int, Meta(ge=0, description="number of people")]
    since: Annotated[dt.date, Meta(description="first local day for which it holds")] = dt.date(1970, 1, 1)


class PlannedQuiet(Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}):
    """A stretch in which nothing is expected: maintenance, an office closed."""

    start: Annotated[dt.datetime, Meta(tz=True, description="first moment, with its offset from UTC")]
    end: Annotated[dt.datetime, Meta(tz=True, description="first moment after it, with its offset from UTC")]
    reason: Annotated[str, Meta(description="why, in words")] = "planned"


class Account(Struct, frozen=True, forbid_unknown_fields=True):
    """An account that speaks for a region or belongs to one of its people.

    Accounts with one `person` are one actor. `since` and `until` bound the local days for which the row holds, for
    people who change their region.
    """

    source: Annotated[str, Meta(description="name of the source the account is on; * for every source")]
    account: Annotated[str, Meta(description="the account, as the source gives it")]
    region: Annotated[str, Meta(description="name of the region")] = ""
    role: Annotated[Role, Meta(description="office, leader, person or bot")] = "person"
    person: Annotated[str, Meta(description="one key for all accounts of a person")] = ""
    since: Annotated[dt.date | None, Meta(description="first day of the row")] = None
    until: Annotated[dt.date | None, Meta(description="last day of the row")] = None


class Region(Struct, frozen=True, forbid_unknown_fields=True):
    """One regional office and its people: the unit of everything."""

    name: Annotated[
        str,
        Meta(
            min_length=1, max_length=64, description="key of the region, as it stands in labels; lower case, no spaces"
        ),
    ]
    title: Annotated[str, Meta(description="name for people")] = ""
    time_zone: Annotated[str, Meta(description="IANA time zone", examples=["Europe/Madrid"])] = "UTC"
    weekend: Annotated[tuple[Weekday, ...], Meta(description="days of the weekend")] = ("saturday", "sunday")
    holidays: Annotated[
        str, Meta(description="country, or country-subdivision, of the holiday calendar", examples=["ES-AN"])
    ] = ""
    quiet_on_holidays: Annotated[bool, Meta(description="whether holidays count as days of the weekend")] = False
    own_days: Annotated[tuple[dt.date, ...], Meta(description="further days off")] = ()
    working_hours: Annotated[
        str, Meta(description="local hours in which anything is expected; empty for all", examples=["08:00-17:30"])
    ] = ""
    headcount: Annotated[
        int | tuple[Headcount, ...], Meta(description="number of people, or a table of numbers by date")
    ] = 0
    team: Annotated[str, Meta(description="who is told of its alerts")] = ""
    shards: Annotated[int, Meta(ge=1, le=64, description="partitions over which its actors are spread")] = 1
    planned_quiet: Annotated[tuple[PlannedQuiet, ...], Meta(description="stretches in which nothing is expected")] = ()
    accounts: Annotated[tuple[Account, ...], Meta(description="accounts of the office and its people")] = ()
    channels: Annotated[
        tuple[str, ...], Meta(description="source:channel pairs whose posts belong here", examples=[["slack:C0123"]])
    ] = ()


class Directory(Struct, frozen=True, forbid_unknown_fields=True):
    """All regions, and where the tables of accounts and headcounts are, when they are too long for TOML."""

    region: Annotated[tuple[Region, ...], Meta(description="one [[region]] for each")] = ()
    accounts_csv: Annotated[str, Meta(description="CSV file: source, account, region, role, person, since, until")] = ""
    headcounts_csv: Annotated[str, Meta(description="CSV file: region, since, people")] = ""
    bots: Annotated[tuple[str, ...], Meta(description="source:account of accounts that are not people")] = ()
    people: Annotated[
        tuple[Account, ...], Meta(description="accounts that stand under no region; those of accounts_csv are added")
    ] = field(default=())
