"""docs/configuration.md, made from the structs, so that it can't say anything else than the program."""

from __future__ import annotations

import datetime as dt
import re
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import msgspec
from msgspec import NODEFAULT, Struct

from ops.config.environment import variables
from ops.config.words import bare, is_table, is_union, wanted
from schemas.config import Campaign, Config, Goal, Notification, Secret
from schemas.directory import Account, Directory, Headcount, PlannedQuiet, Region
from streams.ingest.source import kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE: Final = Path("docs/configuration.md")

UNITS: Final = (
    "seconds",
    "seconds of live time",
    "minutes",
    "days",
    "bytes",
    "people",
    "posts",
    "items",
    "per second",
    "per minute",
    "per week",
    "0 to 1",
)
"""What may stand in brackets in a description as its unit."""

_BRACKETS: Final = re.compile(r" \(([^()]+)\)")

_START: Final = """\
# Configuration

This page is made from the program by `jun config docs`; a test holds the two together. `jun check` reads the whole
configuration and tells every fault at once, with file and line.

Jun reads `jun.toml` in the working folder, or the file given by `--config`. Without either it runs a small simulated
organisation. Relative paths begin at the folder of `jun.toml`.

**Environment.** A variable wins over the file: `JUN_`, the section, two low lines, the setting, in capitals, such as
`JUN_KAFKA__BOOTSTRAP_SERVERS` for `bootstrap_servers` in `[kafka]`. Lists and tables of their own (sources, campaigns,
regions) are set in files only. `JUN_DEBUG=1` lets Jun log more and show where an error came from.

**Secrets** are never in the configuration, only where they are: `{ file = "keys/pseudonym.key" }` or
`{ environment = "JUN_PSEUDONYM_KEY" }`. A file of a secret must not be readable by others (`chmod o=`).
"""

_SOURCES: Final = """\
## `[[source]]`: where events come from

One table for each place to read from. `kind` says what it is; the other settings depend on it.
"""

_CSV: Final = """\
## Tables of accounts and headcounts

`accounts_csv` and `headcounts_csv` of the directory name CSV files (UTF-8, comma, a header line). Their columns are the
settings above: `source`, `account`, `region`, `role`, `person`, `since`, `until` for accounts, and `region`, `since`,
`people` for headcounts. Empty cells take the default; dates are spelt `2026-05-31`.
"""


def document() -> str:
    """Give the text of the page."""
    sections = [
        _START,
        f"## `jun.toml`\n\n{_about(Config)}\n\n{_table(Config)}",
        *(_section(name, kind) for name, kind in _sections()),
        _section("[campaign]", Campaign),
        f"`goal` of a campaign: {_about(Goal)}\n\n{_table(Goal)}",
        _section("[notification]", Notification),
        f"`{{ file, environment }}` of a secret: {_about(Secret)}\n\n{_table(Secret)}",
        _SOURCES,
        *(section for name, kind in kinds().items() for section in _source(name, kind.settings)),
        f"## `regions.toml`\n\n{_about(Directory)}\n\n{_table(Directory)}",
        _section("[region]", Region),
        f"A number in `headcount`: {_about(Headcount)}\n\n{_table(Headcount)}",
        f"An entry of `planned_quiet`: {_about(PlannedQuiet)}\n\n{_table(PlannedQuiet)}",
        f"An entry of `accounts` or `people`: {_about(Account)}\n\n{_table(Account)}",
        _CSV,
        _variables(),
    ]
    return "\n\n".join(section.strip() for section in sections) + "\n"


def _sections() -> Iterator[tuple[str, type[Struct]]]:
    for setting in msgspec.structs.fields(Config):
        kind, _ = bare(setting.type)
        if is_table(kind):
            yield setting.encode_name, kind


def _section(name: str, kind: type[Struct]) -> str:
    return f"## `[{name}]`\n\n{_about(kind)}\n\n{_table(kind)}"


def _source(name: str, settings: type[Struct]) -> Iterator[str]:
    """Give the section of a kind of source, and one for each table inside it."""
    yield f'### `kind = "{name}"`\n\n{_about(settings)}\n\n{_table(settings)}'
    for setting in msgspec.structs.fields(settings):
        inner, _ = bare(setting.type)
        for part in (inner, *get_args(inner)):
            if is_table(part) and part is not Secret:
                yield f"`{setting.encode_name}` of the kind {name}: {_about(part)}\n\n{_table(part)}"


def _about(kind: type[Struct]) -> str:
    return " ".join(cleandoc(kind.__doc__ or "").split())


def _table(kind: type[Struct]) -> str:
    rows = [
        "| setting | what it is | takes | unit | default | example |",
        "|---|---|---|---|---|---|",
        *(_row(setting) for setting in msgspec.structs.fields(kind) if not _is_section(setting)),
    ]
    return "\n".join(rows)


def _is_section(setting: msgspec.structs.FieldInfo) -> bool:
    kind, meta = bare(setting.type)
    return is_table(kind) and meta.description is None


def _row(setting: msgspec.structs.FieldInfo) -> str:
    kind, meta = bare(setting.type)
    description, unit = described(meta.description or "")
    default = _default(setting)
    example = _spelt(meta.examples[0]) if meta.examples else ""
    takes = wanted(setting.type)
    if is_union(kind) and type(None) in get_args(kind):
        takes, default = takes.replace(" or nothing", ""), "none"
    cells = (f"`{setting.encode_name}`", description, takes, unit, default, example)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def described(description: str) -> tuple[str, str]:
    """Take a description and the unit that it has in brackets apart."""
    for found in _BRACKETS.finditer(description):
        if found[1] in UNITS:
            return description[: found.start()] + description[found.end() :], found[1]
    return description, ""


def _default(setting: msgspec.structs.FieldInfo) -> str:
    if setting.default is not NODEFAULT:
        return _spelt(setting.default)
    if setting.default_factory is not NODEFAULT:
        return "none"
    return "**required**"


def _spelt(value: Any) -> str:
    """Write a value as TOML does, in code quotes; empty text and lists are told as such."""
    if value is None:
        return "none"
    return f"`{toml(value)}`" if value not in ("", (), []) else "empty"


def toml(value: Any) -> str:
    """Write a plain value as TOML does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(item) for item in value)}]"
    if isinstance(value, str):
        return f'"{value}"'
    return value.isoformat() if isinstance(value, dt.date) else f"{value}"


def _variables() -> str:
    lines = [f"| `{name}` | `{'.'.join(path)}` |" for name, (path, _) in variables().items()]
    return "\n".join(["## Variables", "", "| variable | setting |", "|---|---|", *lines])
