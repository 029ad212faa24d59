"""Turns the rows and lines of a file into submissions, by a mapping of its columns to our fields."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.codec import UnreadableError, explain_bytes
from schemas.events import KINDS, Kind
from streams.errors import OperatorError
from streams.ingest import times
from streams.ingest.records import MAXIMUM_RECORD
from streams.ingest.submission import Submission, read_submission, submission_of, too_large

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.ingest.records import RawRecord

# Records are bounded where they are cut; Python's own bound of 128 KiB for a field would refuse good ones.
csv.field_size_limit(sys.maxsize)

Format = Literal["csv", "json-lines"]

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Columns(Struct, frozen=True, forbid_unknown_fields=True):
    """Which column holds what; for JSON Lines a path such as `user.name`. Empty where the file does not say it."""

    at: Annotated[str, Meta(description="when it happened")] = ""
    account: Annotated[str, Meta(description="who did it")] = ""
    id: Annotated[str, Meta(description="the source's own id; if empty, the place in the file is the id")] = ""
    text: Annotated[str, Meta(description="text, from which the hashtags are taken")] = ""
    tags: Annotated[str, Meta(description="hashtags: a list, or text with blanks or commas between them")] = ""
    kind: Annotated[str, Meta(description=f"what was done: {', '.join(KINDS)}")] = ""
    region: Annotated[str, Meta(description="name of the region")] = ""
    channel: Annotated[str, Meta(description="channel, whose region the directory may know")] = ""
    reference: Annotated[str, Meta(description="id of what is answered or reshared")] = ""
    target: Annotated[str, Meta(description="account that is reshared, asked or recognised")] = ""


class Mapping:
    """Reads the records of one file; the header comes first, where there is one."""

    def __init__(  # noqa: PLR0913 (they are the settings of a file)
        self,
        columns: Columns,
        *,
        delimiter: str,
        read_time: Callable[[str], int],
        kind: Kind,
        region: str,
        kinds: dict[str, Kind] | None = None,
    ) -> None:
        self._named = {name: column for name, column in msgspec.structs.asdict(columns).items() if column}
        self._delimiter = delimiter
        self._read_time = read_time
        self._constant = {"kind": kind, "region": region} if region else {"kind": kind}
        self._kinds = {said.casefold(): meant for said, meant in (kinds or {}).items()}
        self._width = 0
        self._indexes: dict[str, int] = {}

    def header(self, record: RawRecord, file: str) -> list[str]:
        """Read a CSV file's first record; raises OperatorError where a column of the mapping is missing."""
        try:
            names = [name.strip() for name in self._row(record)]
        except UnreadableError as error:
            raise OperatorError(
                "the header of a CSV file", f"{file} begins otherwise", str(error), retry=False
            ) from error
        self.use_header(names, file)
        return names

    def use_header(self, names: list[str], file: str) -> None:
        """Take a header that is known already."""
        missing = [column for column in self._named.values() if column not in names]
        if missing:
            raise OperatorError(
                f"the columns {', '.join(missing)}",
                # Never the names that it has: where a file has no header, they are what its first record says.
                f"{file} begins with {len(names)} columns, and not all of those",
                "change `columns` of the source, or set its `header` where the file has none",
                retry=False,
            )
        self._width = len(names)
        self._indexes = {field: names.index(column) for field, column in self._named.items()}

    def read(self, record: RawRecord, identity: str) -> Submission | UnreadableError:
        """Read one record; `identity` is that of the file, from which an id is made where no column has one."""
        try:
            if record.size > len(record.raw):
                return too_large(record.size, MAXIMUM_RECORD)
            if not self._named:
                return read_submission(_raw(record))
            loose = self._fields(record) if self._delimiter else self._paths(record)
            return self._submission(loose, f"{identity}:{record.offset}")
        except UnreadableError as error:
            return error

    def _submission(self, loose: dict[str, Any], place: str) -> Submission:
        at = loose.get("at")
        if isinstance(at, str | int | float) and not isinstance(at, bool):
            try:
                loose["at"] = self._read_time(str(at))
            except times.MomentError as error:
                raise UnreadableError("wrong_type", f"{error}, in the column of `at`") from error
        if "id" not in self._named:
            loose["id"] = place
        said = loose.get("kind")
        if isinstance(said, str):
            loose["kind"] = self._kinds.get(said.strip().casefold(), said)
        tags = loose.get("tags")
        if isinstance(tags, str):
            loose["tags"] = [tag for tag in tags.replace(",", " ").replace(";", " ").split() if tag.strip("#＃")]
        return submission_of(self._constant | {name: value for name, value in loose.items() if value not in (None, "")})

    def _fields(self, record: RawRecord) -> dict[str, Any]:
        row = self._row(record)
        if len(row) != self._width:
            raise UnreadableError("wrong_type", f"wanted {self._width} columns as in the header, got {len(row)}")
        return {name: row[index] for name, index in self._indexes.items()}

    def _row(self, record: RawRecord) -> list[str]:
        if record.unclosed:
            raise UnreadableError(
                "unreadable", "wanted a closing quote for each that is opened, got one that stays open"
            )
        raw = _raw(record)
        if b"\0" in raw:
            raise UnreadableError("null_bytes", "wanted text without NUL, got one in a row")
        try:
            return next(csv.reader([raw.decode("utf-8").rstrip("\r\n")], delimiter=self._delimiter), [])
        except UnicodeDecodeError as error:
            raise UnreadableError("not_utf8", f"wanted UTF-8, got a bad byte at {error.start}") from error
        except csv.Error as error:
            raise UnreadableError("unreadable", "wanted a row of a CSV file, got something else") from error

    def _paths(self, record: RawRecord) -> dict[str, Any]:
        raw = _raw(record)
        try:
            loose = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            loose = explain_bytes(raw, error)
        if not isinstance(loose, dict):
            raise UnreadableError("wrong_type", f"wanted a JSON object, got {type(loose).__name__}")
        return {name: _under(loose, path) for name, path in self._named.items()}


def _raw(record: RawRecord) -> bytes:
    return record.raw if record.offset else record.raw.removeprefix(_BYTE_ORDER_MARK)


def _under(value: Any, path: str) -> Any:
    """Follow `user.name` into nested objects; None where there is nothing. A key with a dot in it comes first."""
    if isinstance(value, dict) and path in value:
        return value[path]
    for part in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value
