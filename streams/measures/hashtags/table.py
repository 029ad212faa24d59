"""The fold table: which characters and sequences of a hashtag mean the same, and where that is said.

Everything that is not here is told apart: accents, ß and ss, dotless ı and i, hiragana and katakana, traditional and
simplified characters, the hamza, the nukta. docs/hashtags.md gives the reason and an example beside every rule.

Sources:
- UnicodeData.txt, fields 2 and 5 (category, decomposition type), and CaseFolding.txt, as the running Python has them
  in `unicodedata` and `str.casefold`. For characters assigned by Unicode 14, which every supported Python has, these
  values never change (Unicode Character Encoding Stability Policies, "Normalization" and "Case Folding").
- DerivedNumericType and UnicodeData.txt field 6 for DIGIT_ZEROS, as of Unicode 17.
- The Unicode Standard, chapters 9.1 (Hebrew), 9.2 (Arabic), 12.1 (Devanagari), 12.2 (Bengali), 12.9 (Malayalam) and
  16.1 (Thai).
- ISIRI 6219 (Persian information interchange): U+06A9 and U+06CC are the Persian kaf and yeh.
- Unicode's JIS0208.TXT against Microsoft's CP932.TXT for the wave dash.
"""

from __future__ import annotations

from typing import Final

STYLES: Final = frozenset({"wide", "narrow", "initial", "medial", "final", "isolated", "font"})
"""Decomposition types that say how a letter is drawn; the others (super, sub, fraction, compat …) say more."""

OLD_LIGATURES: Final = (
    (0xFB00, 0xFB06),  # ﬀ ﬁ ﬂ ﬃ ﬄ ﬅ ﬆ
    (0xFB13, 0xFB17),  # Armenian
    (0x0132, 0x0133),  # Ĳ ĳ
    (0x013F, 0x0140),  # Ŀ ŀ
    (0x01C4, 0x01CC),  # Ǆ … ǌ
    (0x01F1, 0x01F3),  # Ǳ ǲ ǳ
)
"""First and last code points of two letters in one, kept in Unicode for older codes; their type is `compat`."""

LETTERS: Final = {
    "\u0643": "\u06a9",  # Arabic kaf: Persian kaf
    "\u064a": "\u06cc",  # Arabic yeh: Persian yeh
    "\u0130": "i",  # İ is the capital of i alone
    "\u0387": "\u00b7",  # ano teleia: middle dot
    "\u0f0c": "\u0f0b",  # the tsheg that does not break: tsheg
    "\uff5e": "\u301c",  # full-width tilde: wave dash
}
"""Single characters, before any other rule."""

DROPPED: Final = (
    (0x0640, 0x0640),  # tatweel
    (0x064B, 0x0652),  # harakat: tanwin, fatha, damma, kasra, shadda, sukun; not madda and hamza, which follow them
    (0x0670, 0x0670),  # superscript alef
    (0x0591, 0x05BD),  # Hebrew accents and points
    (0x05BF, 0x05BF),  # rafe
    (0x05C1, 0x05C2),  # shin and sin dots
    (0x05C4, 0x05C5),  # upper and lower dots
    (0x05C7, 0x05C7),  # qamats qatan
    (0x20E3, 0x20E3),  # the key around a digit, which makes an emoji of a number sign
)
"""First and last code points of what may be written or left out without making another word."""

DIGIT_ZEROS: Final = (
    "0٠۰߀०০੦૦୦௦౦೦൦෦๐໐༠၀႐០᠐᥆᧐᪀᪐᭐᮰᱀᱐꘠꣐꤀꧐꧰꩐꯰０"
    "\U000104a0\U00010d30\U00010d40\U00011066\U000110f0\U00011136\U000111d0\U000112f0\U00011450\U000114d0\U00011650"
    "\U000116c0\U000116d0\U000116da\U00011730\U000118e0\U00011950\U00011bf0\U00011c50\U00011d50\U00011da0\U00011de0"
    "\U00011f50\U00016130\U00016a60\U00016ac0\U00016b50\U00016d70\U0001ccf0\U0001d7ce\U0001d7d8\U0001d7e2\U0001d7ec"
    "\U0001d7f6\U0001e140\U0001e2f0\U0001e4f0\U0001e5f1\U0001e950\U0001fbf0"
)
"""The zero of each run of ten decimal digits."""

JOINED: Final = {
    "\u0d23\u0d4d\u200d": "\u0d7a",  # Malayalam chillu nn
    "\u0d28\u0d4d\u200d": "\u0d7b",  # chillu n
    "\u0d30\u0d4d\u200d": "\u0d7c",  # chillu rr
    "\u0d32\u0d4d\u200d": "\u0d7d",  # chillu l
    "\u0d33\u0d4d\u200d": "\u0d7e",  # chillu ll
    "\u0d15\u0d4d\u200d": "\u0d7f",  # chillu k
    "\u09a4\u09cd\u200d": "\u09ce",  # Bengali khanda ta
    "\u0930\u094d\u200d": "\u0931\u094d",  # Devanagari eyelash ra
}
"""Sequences in which the joiner makes another letter, now coded by itself; replaced before joiners go."""

SEQUENCES: Final = {
    # Hamza on Persian letters, which Unicode composes with other letters than Persian keyboards give.
    "\u06cc\u0654": "\u0626",
    "\u0647\u0654": "\u06c0",
    # Thai vowels that look the same typed in two pieces, sara ae and sara am with and without a tone mark.
    "\u0e40\u0e40": "\u0e41",
    "\u0e4d\u0e32": "\u0e33",
    "\u0e4d\u0e48\u0e32": "\u0e48\u0e33",
    "\u0e4d\u0e49\u0e32": "\u0e49\u0e33",
    "\u0e4d\u0e4a\u0e32": "\u0e4a\u0e33",
    "\u0e4d\u0e4b\u0e32": "\u0e4b\u0e33",
}
"""Sequences that look the same as one character, replaced when single characters are folded and joiners are gone."""

DOT_ABOVE: Final = "\u0307"
"""Left out after i, which has its dot already: the full folding of İ is i with it."""
