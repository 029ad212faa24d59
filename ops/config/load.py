"""Reads `jun.toml`, the regions and their tables, and lays the environment over them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from msgspec import Struct, structs

import ops
from ops.config import environment
from ops.config.document import Document, read_document, shown_name
from ops.config.paths import absolute
from ops.config.problems import ConfigError, Fault, Problem
from ops.config.structure import Salvage
from ops.config.tables import HeadcountRow, Rows, read_accounts, read_headcounts
from ops.config.words import suggestion
from schemas.config import Config
from schemas.directory import Account, Directory, Headcount, Region

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

S = TypeVar("S", bound=Struct)

FILE_NAME: Final = "jun.toml"
SIMULATED: Final = Path(ops.__file__).parent / "simulated" / FILE_NAME
"""The organisation that runs where nothing is configured."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used: every path in it is absolute, but for those of the sources.

    `folder` is what the files' relative paths are relative to: the folder of `path`, or for the packaged simulation,
    which must not write beside the program, the working folder.
    """

    config: Config
    directory: Directory
    folder: Path
    simulated: bool
    path: Path

    @property
    def state(self) -> Path:
        """Folder of checkpoints, logs, keys and the embedded broker's data."""
        return Path(self.config.state.folder)


class File(Generic[S]):
    """One of the two files: what stands in it, and as much of it as could be converted."""

    def __init__(self, kind: type[S], document: Document, values: dict[str, Any]) -> None:
        self.document = document
        self.read = Salvage(kind, values)

    def faults(self, problems: Iterable[Problem]) -> list[Fault]:
        """Give problems of the converted values their place in the file."""
        return self.document.faults(map(self.read.of, problems))

    def names(self, kind: str) -> list[str]:
        """Give the names of the [[kind]] tables, also of those that could not be converted."""
        entries = self.document.values.get(kind)
        tables = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
        return [name for entry in tables if isinstance(name := entry.get("name"), str)]


@dataclass(slots=True)
class Reading:
    """What could be read, and the faults of its structure; rules look at `config` and `directory` all the same."""

    path: Path
    folder: Path
    main: File[Config]
    regions: File[Directory]
    config: Config
    directory: Directory
    accounts_csv: Path | None
    accounts: Rows[Account]
    faults: list[Fault]

    @property
    def simulated(self) -> bool:
        """Whether what flows is made up."""
        return any(entry.get("kind") == "simulated" for entry in self.config.source)


def find(path: Path | None) -> Path:
    """Give the configuration to read: `path`, else ./jun.toml where it exists, else the packaged simulation."""
    if path is not None:
        return path.absolute()
    here = Path.cwd() / FILE_NAME
    return here if here.is_file() else SIMULATED


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read the whole configuration; raises ConfigError with every fault of its structure.

    What it takes more than the files to judge (time zones, calendars, secrets, ports) is `ops.config.check`'s.
    """
    reading = read(path, environ)
    if reading.faults:
        raise ConfigError(reading.faults)
    return Loaded(reading.config, reading.directory, reading.folder, reading.simulated, reading.path)


def read(path: Path | None, environ: Mapping[str, str] | None = None) -> Reading:
    """Read as much as can be read, and collect the faults of structure."""
    path = find(path)
    folder = Path.cwd() if path == SIMULATED else path.parent
    document, faults = read_document(path)
    values, wrong = environment.apply(document.values, os.environ if environ is None else environ)
    main = File(Config, document, values)
    faults += [*wrong, *document.faults(main.read.problems)]
    config = absolute(main.read.value or Config(), folder, path.parent)

    regions_path = Path(config.directory)
    if document.readable or regions_path.is_file():
        regions_document, wrong = read_document(regions_path)
        faults += wrong
    else:
        regions_document = Document(file=regions_path, shown=shown_name(regions_path))
    regions = File(Directory, regions_document, regions_document.values)
    faults += regions_document.faults(regions.read.problems)
    directory = regions.read.value or Directory()

    beside = regions_path.parent
    accounts_csv = beside / directory.accounts_csv if directory.accounts_csv else None
    accounts, wrong = read_accounts(accounts_csv) if accounts_csv else ([], [])
    faults += wrong
    headcounts, wrong = _headcounts(beside, directory, regions) if directory.headcounts_csv else ([], [])
    faults += wrong
    directory = _merge(directory, accounts, headcounts)
    return Reading(path, folder, main, regions, config, directory, accounts_csv, accounts, faults)


def _headcounts(folder: Path, directory: Directory, regions: File[Directory]) -> tuple[Rows[HeadcountRow], list[Fault]]:
    file = folder / directory.headcounts_csv
    rows, faults = read_headcounts(file)
    known = regions.names("region")
    faults += [
        Fault(shown_name(file), line, "region", f'"{row.region}" is not a region.{suggestion(row.region, known)}')
        for line, row in rows
        if row.region not in known
    ]
    return rows, faults


def _merge(directory: Directory, accounts: Rows[Account], headcounts: Rows[HeadcountRow]) -> Directory:
    by_region: dict[str, list[Headcount]] = {}
    for _, row in headcounts:
        by_region.setdefault(row.region, []).append(row.headcount())
    return structs.replace(
        directory,
        people=(*directory.people, *(account for _, account in accounts)),
        region=tuple(_with_headcounts(region, by_region.get(region.name, [])) for region in directory.region),
    )


def _with_headcounts(region: Region, rows: list[Headcount]) -> Region:
    if not rows:
        return region
    own = region.headcount
    before = [Headcount(people=own)] if isinstance(own, int) and own else [] if isinstance(own, int) else [*own]
    return structs.replace(region, headcount=tuple(sorted((*before, *rows), key=lambda row: row.since)))
