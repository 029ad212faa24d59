"""The key of a hashtag: one for all forms in which the same tag is written."""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from unicodedata import decomposition, normalize

import regex

from streams.measures.hashtags.alphabet import BODY, JOINERS, MAXIMUM_LENGTH
from streams.measures.hashtags.table import (
    DIGIT_ZEROS,
    DOT_ABOVE,
    DROPPED,
    JOINED,
    LETTERS,
    OLD_LIGATURES,
    SEQUENCES,
    STYLES,
)

LONGEST_EXPANSION: Final = 4
"""Characters of a key that one character of a composed form can become (U+FDF2 is the longest)."""

_LONGEST_WRITTEN: Final = 4 * MAXIMUM_LENGTH
"""No form of 140 composed characters is longer decomposed: one has at most four parts."""

_REMEMBERED: Final = 8_192
_KEPT: Final = regex.compile(rf"[[{BODY}{JOINERS}]--[\p{{Default_Ignorable_Code_Point}}--[{JOINERS}]]]", regex.V1)
_JOINED: Final = regex.compile("|".join(JOINED))
_SEQUENCE: Final = regex.compile("|".join(SEQUENCES))
_SECOND_DOT: Final = regex.compile(rf"(?<=i){DOT_ABOVE}+")
_ARABIC: Final = r"[\p{Arabic}&&\p{L}]"
# Between two Arabic letters the low line is one spelling of the half-space, as the non-joiner is another.
_ARABIC_GAP: Final = regex.compile(rf"(?<={_ARABIC}\p{{M}}*)_+(?={_ARABIC})", regex.V1)
_HEBREW_QUOTE: Final = regex.compile(r"(?<=[\p{Hebrew}&&\p{L}]\p{M}*)['’\"”](?=\p{Hebrew})", regex.V1)
_HEBREW_SIGNS: Final = {"'": "\u05f3", "’": "\u05f3", '"': "\u05f4", "”": "\u05f4"}
_WITHOUT_JOINERS: Final = dict.fromkeys(map(ord, JOINERS))
_TSHEG: Final = "\u0f0b"


class _Table(dict[int, str | None]):
    """What each code point becomes, worked out when it is first met; None where it is left out."""

    def __missing__(self, code: int) -> str | None:
        folded = self[code] = _fold_character(chr(code)) or None
        return folded


def _explicit() -> _Table:
    table = _Table({ord(character): replacement for character, replacement in LETTERS.items()})
    for zero in DIGIT_ZEROS:
        table.update({ord(zero) + value: str(value) for value in range(10)})
    for first, last in DROPPED:
        table.update(dict.fromkeys(range(first, last + 1)))
    return table


def _fold_character(character: str) -> str:
    if not _KEPT.match(character):
        return ""
    drawn = _drawn_as(character)
    if drawn:
        return "".join(_TABLE[ord(part)] or "" for part in drawn)
    # Simple case folding (status C and S of CaseFolding.txt): the full one would make ß and ss the same.
    folded = character.casefold()
    if len(folded) > 1:
        folded = character.lower()
    return folded if len(folded) == 1 else character


def _drawn_as(character: str) -> str:
    """Give the characters of which `character` is a way of drawing them; "" where it stands for itself."""
    style, _, codes = decomposition(character).rpartition("> ")
    if not style:
        return ""
    code = ord(character)
    if style[1:] not in STYLES and not any(first <= code <= last for first, last in OLD_LIGATURES):
        return ""
    characters = "".join(chr(int(part, 16)) for part in codes.split())
    # Of the phrases with spaces in one character (U+FDFA, U+FDFB) no letter is made; spacing harakat are harakat.
    return "" if " " in characters.lstrip(" ") else characters.lstrip(" ")


_TABLE: Final = _explicit()


def fold(written: str) -> str:
    """Give the key of a written form: without number sign, of 1 to 140 characters, equal for equal tags.

    Whatever cannot stand in a tag is left out, with it ':' and '#'. The result is "" where no key can be made of the
    form, which no extracted one is. A key is its own key.
    """
    if written.isalnum() and written.isascii():
        return written.lower() if len(written) <= MAXIMUM_LENGTH else ""
    return _fold(written) if len(written) <= _LONGEST_WRITTEN else ""


@lru_cache(_REMEMBERED)
def _fold(written: str) -> str:
    key = written if written.isascii() else _HEBREW_QUOTE.sub(_hebrew_sign, normalize("NFC", written))
    key = key.translate(_TABLE)
    if not key.isascii():
        key = _JOINED.sub(_separate, normalize("NFC", key)).translate(_WITHOUT_JOINERS)
        key = _SECOND_DOT.sub("", _SEQUENCE.sub(_whole, normalize("NFC", key)))
        key = normalize("NFC", _ARABIC_GAP.sub("", key).rstrip(_TSHEG))
    return key if len(key) <= MAXIMUM_LENGTH else ""


def _separate(match: regex.Match[str]) -> str:
    return JOINED[match.group()]


def _whole(match: regex.Match[str]) -> str:
    return SEQUENCES[match.group()]


def _hebrew_sign(match: regex.Match[str]) -> str:
    return _HEBREW_SIGNS[match.group()]
