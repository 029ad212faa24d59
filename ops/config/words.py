"""What a setting may be and what came instead, in words."""

from __future__ import annotations

import datetime as dt
import types
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

from msgspec import Meta, Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES: Final[dict[Any, str]] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dt.date: "a date such as 2026-05-31",
    dt.datetime: "a moment with its offset from UTC, such as 2026-05-31T08:00:00+02:00",
}
_META: Final = ("gt", "ge", "lt", "le", "pattern", "min_length", "max_length", "tz", "description", "examples")
_NO_SUGGESTION_ABOVE: Final = 64


def bare(kind: Any) -> tuple[Any, Meta]:
    """Take an annotated type apart: the type itself, and what is said of it."""
    if get_origin(kind) is not Annotated:
        return kind, Meta()
    inner, *metas = get_args(kind)
    inner, below = bare(inner)
    metas = [meta for meta in (below, *metas) if isinstance(meta, Meta)]
    said = {name: value for meta in metas for name, value in _said(meta).items()}
    return inner, Meta(**said)


def _said(meta: Meta) -> dict[str, Any]:
    return {name: getattr(meta, name) for name in _META if getattr(meta, name) is not None}


def is_union(kind: Any) -> bool:
    """Tell whether `kind`, without its annotation, is a choice between types."""
    return get_origin(kind) in {Union, types.UnionType}


def is_table(kind: Any) -> bool:
    """Tell whether `kind`, without its annotation, is a struct, spelt as a table."""
    return isinstance(kind, type) and issubclass(kind, Struct)


def wanted(kind: Any) -> str:
    """Say what values `kind` takes: `a whole number from 3 to 300`, `one of PLAIN, SSL`, `a list of text`."""
    inner, meta = bare(kind)
    if is_union(inner):
        return " or ".join(wanted(choice) for choice in get_args(inner) if choice is not type(None))
    if get_origin(inner) is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(inner))
    if get_origin(inner) in {tuple, list}:
        least = f" with at least {meta.min_length} item{'s'[: meta.min_length != 1]}" if meta.min_length else ""
        return f"a list of {_many(get_args(inner)[0])}{least}"
    if is_table(inner) or get_origin(inner) is dict:
        return "a table"
    return NAMES.get(inner, "a value") + _bounds(meta)


def _many(kind: Any) -> str:
    inner, _ = bare(kind)
    if is_table(inner) or get_origin(inner) is dict:
        return "tables"
    plain: dict[Any, str] = {dt.date: "dates", str: "texts"}
    return plain.get(inner) or wanted(kind)


def _bounds(meta: Meta) -> str:
    if meta.pattern:
        return f" that matches {meta.pattern}"
    if meta.max_length:
        return f" of {meta.min_length or 0} to {meta.max_length} characters"
    if meta.ge is not None and meta.le is not None:
        return f" from {meta.ge} to {meta.le}"
    words = [
        f"{word} {bound}"
        for word, bound in (("above", meta.gt), ("of at least", meta.ge), ("below", meta.lt), ("at most", meta.le))
        if bound is not None
    ]
    return " " + " and ".join(words) if words else ""


def came(value: Any, *, shown: bool) -> str:
    """Say what `value` is; a text is quoted only where it may be shown, since secrets get into wrong places."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value) if shown else "a number"
    if isinstance(value, str):
        return f'"{value}"' if shown else "text"
    if isinstance(value, dt.datetime):
        return "a moment" + ("" if value.tzinfo else " without an offset from UTC")
    if isinstance(value, dt.date):
        return f"the date {value}"
    return "a table" if isinstance(value, dict) else "a list" if isinstance(value, list) else type(value).__name__


def suggestion(word: str, known: Sequence[str]) -> str:
    """Give ` Did you mean "x"?` (with the space before it), or nothing where no known word is near."""
    if len(word) > _NO_SUGGESTION_ABOVE:
        return ""
    folded = {choice.casefold(): choice for choice in known}
    near = get_close_matches(word.casefold(), folded, n=1)
    return f' Did you mean "{folded[near[0]]}"?' if near else ""


def sentence(text: str) -> str:
    """Let `text` end like a sentence; the place that msgspec adds is left out, for the fault has its own."""
    text = text.partition(" - at `$")[0].strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
