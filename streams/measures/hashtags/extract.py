"""Hashtags of a text, as they were written.

Passes twitter-text's conformance cases and goes on where twitter-text stops; docs/hashtags.md lists where.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from unicodedata import normalize

import regex

from streams.measures.hashtags.alphabet import (
    BODY,
    INVISIBLE,
    JOINERS,
    LETTER,
    MAXIMUM_LENGTH,
    MEMBER,
    UNSPACED,
)
from streams.measures.hashtags.fold import LONGEST_EXPANSION, fold
from streams.measures.hashtags.links import INSIDE_A_REFERENCE, References

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBER_SIGNS: Final = frozenset("#＃")
_START: Final = rf"[#＃](?![\ufe0f\u20e3])({MEMBER}+)"
# A mark belongs to the character that it stands on, so that a text means the same composed and decomposed.
_TAG: Final = regex.compile(rf"(?<![&[{BODY}{JOINERS}]--\p{{M}}]\p{{M}}*){_START}", regex.V1)
_TAG_ANYWHERE: Final = regex.compile(_START, regex.V1)
# Most tags are ASCII words between spaces and emoji. Where all number signs of a text are such, nothing else is to be
# asked, and this finds them in a fraction of the time; a test holds it to what the whole rules find.
_EMOJI: Final = "\u2600-\u27bf\U0001f000-\U0001faff"
_PLAIN: Final = re.compile(rf"#(?<![^\s{_EMOJI}]#)([0-9_]*[A-Za-z][A-Za-z0-9_]*)(?![^\s{_EMOJI}.,!?;)])")
_LETTER: Final = regex.compile(LETTER, regex.V1)
_UNSPACED: Final = regex.compile(UNSPACED, regex.V1)
_HEBREW: Final = r"[\p{Hebrew}&&\p{L}]"
_HEBREW_REST: Final = regex.compile(
    rf"(?<={_HEBREW}\p{{M}}*)(?:['’]{_HEBREW}{MEMBER}*|[\"”]{_HEBREW}\p{{M}}*(?!{_HEBREW}))", regex.V1
)
# No shorter form needs its length looked at, folded or not.
_SHORT: Final = MAXIMUM_LENGTH // LONGEST_EXPANSION
_TRIMMED: Final = JOINERS + INVISIBLE
_WITHOUT_INVISIBLE: Final = dict.fromkeys(map(ord, INVISIBLE))


class Hashtag(NamedTuple):
    """A tag as it was written, without the number sign, and its place in the text.

    `start` is the index of the number sign, `end` one past the last character, both in characters.
    """

    written: str
    start: int
    end: int


def extract(text: str) -> list[str]:
    """Give the written forms of the hashtags in `text`, in order, without the number sign; repeats stay."""
    signs = text.count("#")
    if "＃" not in text:
        if not signs:
            return []
        plain: list[str] = _PLAIN.findall(text)
        if len(plain) == signs and (len(text) <= MAXIMUM_LENGTH or max(map(len, plain)) <= MAXIMUM_LENGTH):
            return plain
    return [tag[0] for tag in _found(text)]


def extract_with_indices(text: str) -> list[Hashtag]:
    """Give the hashtags in `text`, in order, with their places."""
    return [Hashtag(*tag) for tag in _found(text)]


def _found(text: str) -> Iterator[tuple[str, int, int]]:
    references: References | None = None
    for match in _TAG.finditer(text):
        start, end = match.span()
        if start and text[start - 1] in INSIDE_A_REFERENCE:
            references = references or References(text)
            if start in references:
                continue
        body: str = match[1]
        written, end = _as_written(text, body, end)
        if not written:
            continue
        yield written, start, end
        if text[end : end + 1] in _NUMBER_SIGNS:
            yield from _run_on(text, body, end)


def _run_on(text: str, body: str, end: int) -> Iterator[tuple[str, int, int]]:
    """Give the tags that follow the tag `body`, which ends at `end`, without a space between.

    In scripts that have no spaces the second number sign closes the tag, and what follows is text.
    """
    while (match := _TAG_ANYWHERE.match(text, end)) and not _UNSPACED.search(body + match[1]):
        start = end
        body = match[1]
        written, end = _as_written(text, body, match.end())
        if not written:
            return
        yield written, start, end


def _as_written(text: str, body: str, end: int) -> tuple[str, int]:
    """Give the written form of the tag whose characters `body` end at `end`, and its end; "" where it is no tag."""
    if body.isascii():
        if not body.isalpha() and body.replace("_", "0").isdecimal():
            return "", end
        written = body
    else:
        while rest := _HEBREW_REST.match(text, end):
            body += rest[0]
            end = rest.end()
        trimmed = body.rstrip(_TRIMMED)
        end -= len(body) - len(trimmed)
        written = trimmed.lstrip(_TRIMMED).translate(_WITHOUT_INVISIBLE)
        if not _LETTER.search(written):
            return "", end
    if text.startswith("://", end) or (len(written) > _SHORT and not _fits(written)):
        return "", end
    return written, end


def _fits(written: str) -> bool:
    return len(normalize("NFC", written)) <= MAXIMUM_LENGTH and bool(fold(written))
