"""Writes plain values as YAML that people can read; reading YAML is left to the programs that it is for."""

from __future__ import annotations

import json
import re
from typing import Any, Final

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?::[A-Za-z0-9_]+)*")
_NO_LETTER: Final = re.compile(r"[\x7f-\U0010ffff]")
_MEANS_SOMETHING: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def block(value: dict[str, Any] | list[Any], indent: int = 0) -> str:
    """Write a mapping or a list, in which there are mappings, lists, texts and integers; an entry to a line."""
    pad = " " * indent
    if isinstance(value, dict):
        return "".join(f"{pad}{_scalar(key)}:{_below(item, indent + 2)}" for key, item in value.items())
    # the first line of an entry begins where its pad ends, behind the dash
    return "".join(f"{pad}- {_item(item, indent + 2)}" for item in value)


def _item(item: Any, indent: int) -> str:
    return block(item, indent)[indent:] if isinstance(item, dict | list) and item else f"{_scalar(item)}\n"


def _below(item: Any, indent: int) -> str:
    if isinstance(item, dict | list) and item:
        return f"\n{block(item, indent)}"
    if isinstance(item, str) and _is_paragraph(item):
        return " |-\n" + "".join(f"{' ' * indent}{line}\n" for line in item.split("\n"))
    return f" {_scalar(item)}\n"


def _scalar(item: Any) -> str:
    """Write a text plainly where it can only be a text, else in quotes that need no escapes, else as JSON."""
    if isinstance(item, str) and _PLAIN.fullmatch(item) and item.lower() not in _MEANS_SOMETHING:
        return item
    if isinstance(item, str) and item.isprintable() and "'" not in item and ('"' in item or "\\" in item):
        return f"'{item}'"
    return _NO_LETTER.sub(_escape, json.dumps(item, ensure_ascii=False))


def _is_paragraph(text: str) -> bool:
    """Tell whether the lines of a text can stand as they are, below each other."""
    lines = text.split("\n")
    return len(lines) > 1 and lines[0][:1].strip() != "" and all(line and line.isprintable() for line in lines)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return character if character.isprintable() else f"\\U{ord(character):08x}"
