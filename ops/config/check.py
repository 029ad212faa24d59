"""Every fault of a configuration at once, in sentences with file and line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from ops.config.document import shown_name
from ops.config.load import Reading, read
from ops.config.problems import Fault, Problem
from ops.config.rules import accounts, campaigns, kafka, keys, notifications, ports, regions, secrets, sources
from streams.ingest.source import Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ops.config.locate import Path as Keys
    from schemas.directory import Account

_TOGETHER: Final = frozenset({"kafka", "topics", "time", "exporter"})
"""Sections whose settings are compared with each other: with one of them misread, comparing would invent faults."""


def check(path: Path | None = None, environ: Mapping[str, str] | None = None) -> list[Fault]:
    """Give all faults, in the order of files and lines; an empty list means that `jun up` can start."""
    environ = os.environ if environ is None else environ
    reading = read(path, environ)
    names = reading.regions.names("region")
    problems = [*_of_config(reading, environ), *campaigns.problems(reading.config, names, _with_goals(reading))]
    if not reading.main.document.readable:
        problems = []
    faults = [*reading.faults, *reading.main.faults(problems), *_of_accounts(reading, names)]
    if reading.regions.document.readable:
        faults += reading.regions.faults(_of_regions(reading))
    return sorted(set(faults))


def _of_config(reading: Reading, environ: Mapping[str, str]) -> Iterator[Problem]:
    config = reading.config
    good, problems = sources.settings(config)
    yield from problems
    yield from sources.names(config)
    if not any(fault.place.partition(".")[0] in _TOGETHER for fault in reading.faults):
        yield from kafka.problems(config)
        yield from ports.problems(config, good)
    yield from notifications.problems(config, reading.directory, environ, reading.folder)
    if reading.simulated:
        return  # `jun up` makes the keys of the simulation itself
    yield from secrets.problems(config, environ)
    yield from keys.problems(config.privacy, reading.directory)
    surroundings = Surroundings(config, reading.directory, reading.folder, _no_clock)
    for index, settings in good:
        wrong = [*secrets.within(settings, ("source", index), environ, reading.folder)]
        yield from wrong or sources.ready(settings, ("source", index), surroundings)
    if "source" not in reading.main.document.values:
        yield Problem((), "has no [[source]]: name at least one place to read from.")
    elif not config.privacy.pseudonym_key.file and not config.privacy.pseudonym_key.environment:
        text = "is missing: sources need it to make pseudonyms. Make one with `jun key` and name its file here."
        yield Problem(("privacy", "pseudonym_key"), text)


def _no_clock() -> int:
    return 0


def _with_goals(reading: Reading) -> list[int]:
    """Give the indexes of the campaigns whose table has a goal, even one that says nothing."""
    raw = reading.main.document.values.get("campaign", [])
    indexes = range(len(reading.config.campaign))
    return [at for at in indexes if "goal" in raw[reading.main.read.original(("campaign", at))[1]]]


def _of_regions(reading: Reading) -> Iterator[Problem]:
    yield from regions.problems(reading.config, reading.directory)
    if "region" not in reading.regions.document.values:
        yield Problem((), "has no [[region]]: describe at least one.")


def _of_accounts(reading: Reading, names: list[str]) -> Iterator[Fault]:
    directory = reading.directory
    rows = [
        _in_toml(reading, ("region", index, "accounts", position), account, region.name)
        for index, region in enumerate(directory.region)
        for position, account in enumerate(region.accounts)
    ]
    written = len(directory.people) - len(reading.accounts)
    rows += [_in_toml(reading, ("people", index), account) for index, account in enumerate(directory.people[:written])]
    if reading.accounts_csv:
        shown = shown_name(reading.accounts_csv)
        rows += [_in_csv(shown, line, account) for line, account in reading.accounts]
    yield from accounts.faults(rows, names, reading.main.names("source"))


def _in_toml(reading: Reading, path: Keys, account: Account, home: str = "") -> accounts.Placed:
    def fault(setting: str, text: str) -> Fault:
        return reading.regions.faults([Problem((*path, setting), text)])[0]

    at = fault("account", "")
    return accounts.Placed(account=account, place=f"{at.file}:{at.line}", fault=fault, home=home)


def _in_csv(shown: str, line: int, account: Account) -> accounts.Placed:
    def fault(setting: str, text: str) -> Fault:
        return Fault(shown, line, setting, text)

    return accounts.Placed(account=account, place=f"{shown}:{line}", fault=fault)
