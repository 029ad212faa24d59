"""Reading and writing messages: one typed pass for today's version, a slower one that explains or upgrades the rest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import msgspec

from schemas.deadletter import Reason
from schemas.events import KINDS, MAXIMUM_TAGS, PLAIN, EventRecord
from schemas.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PLAIN_TEXT: Final = re.compile(PLAIN)
ESCAPE: Final = b"\\"
"""In JSON a control character is written with it."""
NAMES: Final = ("id", "region", "actor", "source", "formerly")
"""The fields, of whatever kind of record, that must not have control characters, besides all of `regions`."""
QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'")
LARGEST_SECONDS: Final = 1e12

encode: Final = msgspec.json.Encoder().encode


class UnreadableError(Exception):
    """A message that can't be taken: `reason` is the label, the text what was wanted and what came.

    Trying again can't help: the bytes stay what they are.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason


class Reader(Generic[T]):
    """Decodes one kind of value; an older version is upgraded, what can't be read raises UnreadableError.

    `check` raises it too, for what is in no record without an ESCAPE.
    """

    def __init__(self, wanted: Any, check: Callable[[T], None] = lambda _: None) -> None:
        self._check = check
        self.decode_today = msgspec.json.Decoder(wanted).decode
        self._wanted = wanted

    def read(self, raw: bytes) -> T:
        """Decode `raw`, today's version or the one before."""
        try:
            value: T = self.decode_today(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return self._read_slowly(raw, error)
        if ESCAPE in raw:
            self._check(value)
        return value

    def _read_slowly(self, raw: bytes, error: Exception) -> T:
        loose = explain_bytes(raw, error)
        version = loose.get("v")
        if not isinstance(version, int) or isinstance(version, bool):
            raise UnreadableError("wrong_type", f"wanted a version number in `v`, got {type(version).__name__}")
        if version > VERSION:
            raise UnreadableError(
                "new_version", f"wanted version {VERSION} or {VERSION - 1}, got {version}: update this process"
            )
        if version < VERSION - 1:
            raise UnreadableError(
                "old_version", f"wanted version {VERSION} or {VERSION - 1}, got {version}: too old to read"
            )
        if version == VERSION - 1:
            try:
                upgraded: T = msgspec.convert(upgrade(loose), self._wanted)
            except msgspec.ValidationError as late:
                raise UnreadableError(reason_of(loose, late), without_input(late)) from late
            self._check(upgraded)
            return upgraded
        raise UnreadableError(reason_of(loose, error), without_input(error)) from error


def without_input(error: Exception) -> str:
    """Say a decoder's error without what it quotes of the input, which may be about somebody."""
    return QUOTED.sub("(not shown)", str(error))


def check_names(value: Any) -> None:
    """Raise UnreadableError for a record with a control character in a name: keys of tables are made of names."""
    named = [(f"$.{name}", getattr(value, name, "")) for name in NAMES]
    named += [(f"$.regions[{place}]", name) for place, name in enumerate(getattr(value, "regions", ()))]
    for path, name in named:
        if not PLAIN_TEXT.match(name):
            raise UnreadableError("wrong_type", f"wanted no control characters in a name, but there is one in `{path}`")


def explain_bytes(raw: bytes, error: Exception) -> dict[str, Any]:
    """Read `raw` as a JSON object, or say which of the things that JSON must be it is not."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as bad:
        raise UnreadableError("not_utf8", f"wanted UTF-8, got a bad byte at {bad.start}") from error
    try:
        loose = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as bad:
        reason: Reason = "null_bytes" if "\0" in text else "not_json"
        raise UnreadableError(reason, f"wanted a JSON object: {bad}") from error
    if not isinstance(loose, dict):
        raise UnreadableError("wrong_type", f"wanted a JSON object, got {type(loose).__name__}") from error
    return loose


def upgrade(loose: dict[str, Any]) -> dict[str, Any]:
    """Turn a message of the version before into today's: `ts` in seconds becomes `at` in milliseconds."""
    now = {**loose, "v": VERSION}
    seconds = now.pop("ts", None)
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and abs(seconds) < LARGEST_SECONDS:
        now.setdefault("at", round(seconds * 1000))
    return now


def reason_of(loose: dict[str, Any], error: Exception) -> Reason:
    """Name the fault of a JSON object that a typed decoder refused with `error`."""
    tags = loose.get("tags")
    if isinstance(tags, list) and len(tags) > MAXIMUM_TAGS:
        return "too_many_tags"
    if not loose.get("id") and "`id`" in str(error):
        return "no_id"
    if "kind" in loose and isinstance(loose["kind"], str) and loose["kind"] not in KINDS:
        return "unknown_kind"
    return "wrong_type"


event_reader: Final[Reader[EventRecord]] = Reader(EventRecord, check_names)
