"""Numbers of the words in which events are told: of regions, sources, tags and written forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from streams.measures.engagement.lookup import UNKNOWN, WIDTH, Lookup
from streams.measures.engagement.numbering import Numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.measures.engagement.text import Integers, Text

MOST_WORDS: Final = 10_000
"""Words that have a number; they are numbered anew when there are more, as far as open minutes do not need them."""


class WordNumbers:
    """Numbers of words: of regions, sources, tags and written forms."""

    def __init__(self) -> None:
        self.numbers = Numbers()
        self._lookup = Lookup()

    def of(self, text: Text, begins: Integers, lengths: Integers) -> Integers:
        """Give the number of each string of the text (valid UTF-8) that begins and is as long as said."""
        rows = text.rows(begins, lengths)
        numbers = self._lookup.find(rows)
        long = lengths > 8 * WIDTH
        missing = ((numbers == UNKNOWN) | long).nonzero()[0]
        if len(missing):
            ends = (begins + lengths)[missing].tolist()
            names = [text.data[begin:end].decode() for begin, end in zip(begins[missing].tolist(), ends, strict=True)]
            numbers[missing] = self.numbers.of(names)
            short = missing[~long[missing]]
            self._lookup.put(rows[short], numbers[short])
        return numbers


def lookup_of(names: Sequence[str]) -> Lookup:
    """Give a table with the place of each of a schema's names."""
    lookup = Lookup()
    padded = b"".join(name.encode().ljust(8 * WIDTH, b"\0") for name in names)
    lookup.put(np.frombuffer(padded, np.uint64).reshape(-1, WIDTH), np.arange(len(names)))
    return lookup
