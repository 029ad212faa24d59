"""Regions: names, time zones, calendars, hours, headcounts, channels."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final
from zoneinfo import available_timezones

import holidays

from ops.config.problems import Problem
from ops.config.words import suggestion
from schemas.events import UNASSIGNED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.config.locate import Path
    from schemas.config import Config
    from schemas.directory import Directory, Region

_HOURS: Final = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d-(?:(?:[01]\d|2[0-3]):[0-5]\d|24:00)")


def problems(config: Config, directory: Directory) -> Iterator[Problem]:
    """Give what is wrong with the regions."""
    names: dict[str, int] = {}
    channels: dict[str, str] = {}
    for index, region in enumerate(directory.region):
        path = ("region", index)
        if names.setdefault(region.name, index) != index:
            yield Problem(
                (*path, "name"), f"is the name of region {names[region.name] + 1} as well; names must differ."
            )
        yield from _name(region, index)
        yield from _calendar(region, index)
        yield from _people(region, index, config.topics.partitions)
        for position, channel in enumerate(region.channels):
            if channels.setdefault(channel, region.name) != region.name:
                text = f'"{channel}" belongs to the region "{channels[channel]}" already; a channel has one region.'
                yield Problem((*path, "channels", position), text)
    yield from _pairs(config, directory)


def _name(region: Region, index: int) -> Iterator[Problem]:
    path = ("region", index, "name")
    if region.name == UNASSIGNED:
        yield Problem(path, f'"{UNASSIGNED}" is kept for accounts that no region knows; choose another name.')
    if region.name != region.name.lower() or re.search(r"[\s\x00-\x1f]", region.name):
        yield Problem(path, f'must be lower case without spaces or control characters, but is "{region.name}".')


def _calendar(region: Region, index: int) -> Iterator[Problem]:
    path = ("region", index)
    if region.time_zone not in time_zones():
        near = suggestion(region.time_zone, sorted(time_zones()))
        yield Problem((*path, "time_zone"), f'"{region.time_zone}" is not a time zone of the IANA database.{near}')
    if region.holidays:
        yield from _holidays(region.holidays, index)
    elif region.quiet_on_holidays:
        yield Problem((*path, "quiet_on_holidays"), "is set, but the region has no `holidays`: name its calendar.")
    if region.working_hours:
        start, _, end = region.working_hours.partition("-")
        if not _HOURS.fullmatch(region.working_hours) or start == end:
            text = f'must be hours such as 08:00-17:30, but is "{region.working_hours}".'
            yield Problem((*path, "working_hours"), text)
    for position, stretch in enumerate(region.planned_quiet):
        if stretch.end <= stretch.start:
            yield Problem((*path, "planned_quiet", position, "to"), "must be after `from`.")


def _holidays(calendar: str, index: int) -> Iterator[Problem]:
    path = ("region", index, "holidays")
    country, _, subdivision = calendar.partition("-")
    known = _countries()
    if country not in known:
        near = suggestion(country, list(known))
        yield Problem(path, f'"{calendar}": there is no holiday calendar of the country "{country}".{near}')
    elif subdivision and subdivision not in known[country]:
        parts = ", ".join(known[country]) or "none"
        yield Problem(path, f'"{calendar}": {country} has no subdivision "{subdivision}"; it has {parts}.')


def _people(region: Region, index: int, partitions: int) -> Iterator[Problem]:
    path = ("region", index)
    if isinstance(region.headcount, int):
        if region.headcount < 0:
            yield Problem((*path, "headcount"), f"must be at least 0, but is {region.headcount}.")
    else:
        days = [row.since for row in region.headcount]
        for day in sorted({day for day in days if days.count(day) > 1}):
            yield Problem((*path, "headcount"), f"has two numbers since {day}; a day has one.")
    if region.shards > partitions:
        text = f"is {region.shards}, more than the {partitions} partitions of topics.partitions."
        yield Problem((*path, "shards"), text)


def _pairs(config: Config, directory: Directory) -> Iterator[Problem]:
    """Check what is spelt as source:something."""
    sources = [name for entry in config.source if isinstance(name := entry.get("name"), str)]
    pairs: list[tuple[Path, str]] = [
        (("region", index, "channels", position), pair)
        for index, region in enumerate(directory.region)
        for position, pair in enumerate(region.channels)
    ]
    pairs += [(("bots", position), pair) for position, pair in enumerate(directory.bots)]
    for path, pair in pairs:
        source, colon, rest = pair.partition(":")
        if not (source and colon and rest):
            yield Problem(path, "must be a source and what it is on that source, with a colon between them.")
        elif source != "*" and source not in sources:
            yield Problem(path, f'"{source}" is not the name of a source.{suggestion(source, sources)}')


@cache
def time_zones() -> frozenset[str]:
    """Give the names of all time zones."""
    return frozenset(available_timezones())


@cache
def _countries() -> dict[str, list[str]]:
    return holidays.list_supported_countries(include_aliases=True)
