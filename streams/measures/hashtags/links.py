"""Number signs in a text that begin no hashtag: in the address of a page, and in Slack's reference to a channel."""

from __future__ import annotations

from typing import Final

import regex

_PATH: Final = (
    r"(?:[!#-'*-;=?-Z\[\]_a-z~|\\^]|[\p{L}\p{M}\p{N}--[\p{ASCII}\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]]"
    r"|\([!#-'*-;=?-Z\[\]_a-z~|]*+\))*+"
)
_DOMAIN: Final = (
    r"(?<![\w@.\-])(?:[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\.){1,9}"
    r"(?:[a-z]{2}|com|org|net|edu|gov|mil|int|info|biz|name|app|dev|cloud|online|site|shop|store|news|blog|live|social"
    r"|tech|media|video|xyz|cat|eus|gal|asia|museum|travel|jobs|coop|world|today|page|link)(?::\d{1,5})?/"
)
# With a scheme the rest of the word is an address; without one only a known kind of domain and a slash make it one,
# as in twitter-text, whose whole list of top-level domains is shortened here to the two-letter and the common ones.
_ADDRESS: Final = rf"(?i:(?:(?<![a-z0-9])[a-z][a-z0-9+.\-]{{1,15}}+://|{_DOMAIN}){_PATH})"
# Slack's reference to a channel: <#C024BE7LR> or <#C024BE7LR|general>.
_CHANNEL: Final = r"<#[CG][A-Z0-9]{8,}(?:\|[^<>\n]*)?>"
_REFERENCE: Final = regex.compile(rf"{_CHANNEL}|{_ADDRESS}", regex.V1)

INSIDE_A_REFERENCE: Final = frozenset("</?=+-~.,:;!$%'()*@[]|\\^#")
"""Characters after which a number sign may belong to a reference (one after a letter or digit begins no tag anyway)."""


class References:
    """The references in a text, asked about number signs from left to right."""

    def __init__(self, text: str) -> None:
        self._spans = [match.span() for match in _REFERENCE.finditer(text)]
        self._next = 0

    def __contains__(self, start: int) -> bool:
        """Say whether the number sign at `start` belongs to a reference; `start` may not be less than the last one."""
        while self._next < len(self._spans) and self._spans[self._next][1] <= start:
            self._next += 1
        return self._next < len(self._spans) and self._spans[self._next][0] < start
