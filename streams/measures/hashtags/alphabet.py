"""Which characters a hashtag is made of, as classes for the `regex` package (its version 1 set notation).

The base is twitter-text's alphabet (Regex.java and regexp/hashSigns.js of github.com/twitter/twitter-text): letters,
marks, decimal digits and a list of signs that stand inside words. Added to it, because tags of the languages in
docs/hashtags.md stop short without them: letter-like numbers (〇 of Chinese years is one), the full-width low line,
the half-width katakana middle dot, the canonical twin of the middle dot, and the directional marks that right-to-left
keyboards put into words.
"""

from __future__ import annotations

from typing import Final

MAXIMUM_LENGTH: Final = 140
"""Characters of a key or of a label, as schemas.events.Tag has it."""

SIGNS: Final = (
    "_"  # low line
    "\uff3f"  # full-width low line
    "\u00b7"  # middle dot, Catalan
    "\u0387"  # Greek ano teleia, canonically the middle dot
    "\u05be"  # Hebrew maqaf
    "\u05f3"  # Hebrew geresh
    "\u05f4"  # Hebrew gershayim
    "\u0f0b"  # Tibetan tsheg
    "\u0f0c"  # Tibetan tsheg that does not break
    "\u3003"  # ditto mark
    "\u301c"  # wave dash
    "\uff5e"  # full-width tilde, as which Windows reads the wave dash
    "\u309b"  # voiced sound mark
    "\u309c"  # semi-voiced sound mark
    "\u30a0"  # katakana double hyphen
    "\u30fb"  # katakana middle dot
    "\uff65"  # half-width katakana middle dot
    "\ua67e"  # Cyrillic kavyka
)
"""Signs that stand inside a tag, though they are neither letters nor digits."""

JOINERS: Final = "\u200c\u200d"
"""ZERO WIDTH NON-JOINER and ZERO WIDTH JOINER: they belong to the spelling, so a written form keeps them."""

INVISIBLE: Final = "\u200e\u200f\u061c\u00ad\u2060\ufeff"
"""Marks of direction, soft hyphen, word joiner: they neither end a tag nor belong to its spelling."""

WITHOUT_BODY: Final = "\u0640\u115f\u1160\u3164\uffa0\ufc5e-\ufc63\ufcf2-\ufcf4\ufe70-\ufe7f"
"""Letters by their category only, of which no key remains: tatweel, Hangul fillers, spacing forms of harakat."""

BODY: Final = rf"\p{{L}}\p{{M}}\p{{Nd}}\p{{Nl}}{SIGNS}"
"""Inside of a character class: what a tag may begin and end with."""

MEMBER: Final = rf"[{BODY}{JOINERS}{INVISIBLE}]"
LETTER: Final = rf"[\p{{L}}--[{WITHOUT_BODY}\p{{Default_Ignorable_Code_Point}}]]"
"""What a tag needs at least one of; a number alone is none."""

UNSPACED: Final = r"[\p{Han}\p{Hiragana}\p{Katakana}]"
"""Scripts written without spaces, in which a number sign after a tag closes it (#话题# on Weibo)."""
