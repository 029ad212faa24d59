"""Accounts and headcounts from CSV files, when they are too long for TOML."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from ops.config.document import shown_name
from ops.config.problems import Fault
from ops.config.structure import Salvage
from ops.config.words import suggestion
from schemas.directory import Account, Headcount

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path as File

S = TypeVar("S", bound=Struct)


class HeadcountRow(Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the table of headcounts: people of a region from the start of a local day on."""

    region: str
    people: Annotated[int, Meta(ge=0)]
    since: dt.date = dt.date(1970, 1, 1)

    def headcount(self) -> Headcount:
        """Give the row as it stands in the directory."""
        return Headcount(people=self.people, since=self.since)


Rows = list[tuple[int, S]]
"""Rows with the line (from 1) on which each ends."""


def read_accounts(file: File) -> tuple[Rows[Account], list[Fault]]:
    """Read a CSV of accounts; the columns are the settings of an account."""
    return _rows(file, Account, ("source", "account", "region"))


def read_headcounts(file: File) -> tuple[Rows[HeadcountRow], list[Fault]]:
    """Read a CSV of headcounts with the columns region, since and people."""
    return _rows(file, HeadcountRow, ("region", "people"))


_WHOLE_NUMBERS: Final = frozenset({"people"})
_EXTRA: Final = "\0"
"""Key of the cells beyond the last column; no header can be spelt like that."""


def _rows(file: File, kind: type[S], needed: tuple[str, ...]) -> tuple[Rows[S], list[Fault]]:
    shown = shown_name(file)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        return [], [Fault(shown, 0, "", f"is not UTF-8: bad byte at {error.start}. Save it as UTF-8.")]
    except OSError as error:
        return [], [Fault(shown, 0, "", f"can't be read: {error.strerror}.")]
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restkey=_EXTRA)
    try:
        columns = [column.strip() for column in reader.fieldnames or ()]
        faults = _column_faults(shown, columns, kind, needed)
        reader.fieldnames = columns
        rows: Rows[S] = []
        for line, raw in () if faults else _cells(reader):
            row = Salvage(kind, raw)
            faults += [Fault(shown, line, ".".join(map(str, found.path)), found.text) for found in row.problems]
            if row.value is not None:
                rows.append((line, row.value))
    except csv.Error as error:
        return [], [Fault(shown, reader.line_num, "", f"is not valid CSV: {error}.")]
    return rows, faults


def _column_faults(shown: str, columns: list[str], kind: type[Struct], needed: tuple[str, ...]) -> list[Fault]:
    known = [setting.encode_name for setting in msgspec.structs.fields(kind)]
    faults = [
        Fault(
            shown, 1, column, f"is not a column of this table; they are {', '.join(known)}.{suggestion(column, known)}"
        )
        for column in columns
        if column not in known
    ]
    return faults + [
        Fault(shown, 1, column, "is a column that this table needs.") for column in needed if column not in columns
    ]


def _cells(reader: csv.DictReader[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give the filled cells of each row, numbers and dates as TOML would have read them."""
    for row in reader:
        if _EXTRA in row:
            raise csv.Error("this row has more cells than there are columns")
        cells = {column: _typed(column, cell.strip()) for column, cell in row.items() if cell and cell.strip()}
        if cells:
            yield reader.line_num, cells


def _typed(column: str, cell: str) -> Any:
    try:
        if column in _WHOLE_NUMBERS:
            return int(cell)
        if column in {"since", "until"}:
            return dt.date.fromisoformat(cell)
    except ValueError:
        pass  # the struct's own check says what was wanted
    return cell
