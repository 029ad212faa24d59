"""Notifications: names, regions, teams, hours, time zones, addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.config.problems import Problem
from ops.config.rules.regions import time_zones
from ops.config.rules.secrets import within
from ops.config.words import suggestion
from streams.measures.calendars import parse_working_hours

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from schemas.config import Config, Notification
    from schemas.directory import Directory


def problems(config: Config, directory: Directory, environ: Mapping[str, str], folder: Path) -> Iterator[Problem]:
    """Give what is wrong with the receivers of messages."""
    names: dict[str, int] = {}
    for index, one in enumerate(config.notification):
        path = ("notification", index)
        if names.setdefault(one.name, index) != index:
            yield Problem(
                (*path, "name"), f"is the name of notification {names[one.name] + 1} as well; names must differ."
            )
        yield from _scope(one, index, directory)
        yield from _hours(one, index)
        if not one.url.file and not one.url.environment:
            yield Problem((*path, "url"), "has neither a file nor an environment variable.")
        yield from within(one, path, environ, folder)


def _scope(one: Notification, index: int, directory: Directory) -> Iterator[Problem]:
    known = {
        "regions": [region.name for region in directory.region],
        "teams": sorted({region.team for region in directory.region if region.team}),
    }
    for setting, names in (("regions", one.regions), ("teams", one.teams)):
        for position, name in enumerate(names):
            if name not in known[setting]:
                text = f'"{name}" is not a {setting[:-1]} of the directory.{suggestion(name, known[setting])}'
                yield Problem(("notification", index, setting, position), text)


def _hours(one: Notification, index: int) -> Iterator[Problem]:
    try:
        spans = parse_working_hours(one.quiet_hours)
    except ValueError:
        yield Problem(("notification", index, "quiet_hours"), f'must be like 22:00-07:00, but is "{one.quiet_hours}".')
    else:
        if sum(end - start for start, end in spans) >= 1440:
            yield Problem(("notification", index, "quiet_hours"), "leaves no hour in which anything is told.")
    if one.time_zone not in time_zones():
        near = suggestion(one.time_zone, sorted(time_zones()))
        text = f'"{one.time_zone}" is not a time zone of the IANA database.{near}'
        yield Problem(("notification", index, "time_zone"), text)
