"""The bytes of many records, one after the other, looked at by numpy at a place of each of them at once.

Eight bytes are a word, the first of them its lowest byte. Words are searched and read all at once by arithmetic on
their bytes, as in Lemire and others: "Parsing gigabytes of JSON per second" (2019).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from streams.measures.engagement.lookup import WIDTH

if TYPE_CHECKING:
    from collections.abc import Sequence

Integers = NDArray[np.int64]
Words = NDArray[np.uint64]

ID_BYTES: Final = 22
"""Of an id or pseudonym: 16 bytes in base64 without its padding."""

_BYTES: Final = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)
"""By count: a word's first bytes."""
_NAMES: Final = _BYTES[np.clip(np.arange(8 * WIDTH + 1)[:, None] - 8 * np.arange(WIDTH), 0, 8)]
"""By length: what of the words of a name counts."""
_ONES: Final = np.uint64(0x0101010101010101)
_HIGH: Final = np.uint64(0x8080808080808080)
_QUOTES: Final = np.uint64(0x2222222222222222)
_PAD: Final = b"\0" * 40


def _word(text: bytes) -> np.uint64:
    """Give up to eight bytes as a word, filled up with zeros."""
    return np.uint64(int.from_bytes(text, "little"))


class Literal:
    """Bytes that must stand at a place, as words and what of each word counts."""

    def __init__(self, text: bytes) -> None:
        self.length = len(text)
        self.count = -(-len(text) // 8)
        parts = [text[place : place + 8] for place in range(0, len(text), 8)]
        self.words = [_word(part) for part in parts]
        self.masks = [_BYTES[len(part)] for part in parts]


class Text:
    """The bytes of all records, one after the other."""

    def __init__(self, values: Sequence[bytes]) -> None:
        self.lengths = np.fromiter(map(len, values), np.int64, len(values))
        self.data = b"".join([*values, _PAD])
        self.ends = self.lengths.cumsum()
        self.begins = self.ends - self.lengths
        self._windows: dict[int, NDArray[np.void]] = {}
        self._last = len(self.data) - len(_PAD)

    def window(self, begins: Integers, length: int) -> NDArray[np.void]:
        """Give `length` bytes from each place on; behind the end are zeros. numpy copies what it knows no type of
        quickest.
        """
        every = self._windows.get(length)
        if every is None:
            every = self._windows[length] = np.ndarray((self._last + 1,), f"V{length}", self.data, strides=(1,))
        return every[np.minimum(begins, self._last)]

    def words(self, begins: Integers, count: int) -> Words:
        """Give `count` words from each place on, of shape (n, count)."""
        return self.window(begins, 8 * count).view(np.uint64).reshape(-1, count)

    def plain(self) -> NDArray[np.bool_]:
        """Say of each record whether it has neither escapes, nor control characters, nor bytes that are no UTF-8."""
        octets = np.frombuffer(self.data, np.uint8)[: -len(_PAD)]
        plain = np.ones(len(self.lengths), bool)
        if len(octets) and (octets.min() < 0x20 or b"\\" in self.data):
            bad = ((octets < 0x20) | (octets == 0x5C)).nonzero()[0]
            plain[self.ends.searchsorted(bad, "right")] = False
        if not self.data.isascii():
            try:
                self.data.decode()
            except UnicodeDecodeError:
                plain[self.ends.searchsorted((octets >= 0x80).nonzero()[0], "right")] = False
        return plain

    def at(self, places: Integers) -> Words:
        """Give the eight bytes from each place on."""
        return self.window(places, 8).view(np.uint64)

    def rows(self, begins: Integers, lengths: Integers) -> Words:
        """Give, as rows for a Lookup, strings that begin and are as long as said; of longer ones the first bytes."""
        rows = self.words(begins, WIDTH)
        rows &= _NAMES.take(lengths, axis=0, mode="clip")
        return rows

    def has(self, literal: Literal, places: Integers) -> NDArray[np.bool_]:
        """Say of each place whether the literal stands there."""
        here = self.words(places, literal.count)
        found: NDArray[np.bool_] = (here[:, 0] & literal.masks[0]) == literal.words[0]
        for number in range(1, literal.count):
            found &= (here[:, number] & literal.masks[number]) == literal.words[number]
        return found

    def closes(self, begins: Integers, longest: int) -> Integers:
        """Give how far it is from each place to the next quotation mark, or 0 where it is further than `longest`."""
        lengths = self._mark(self.words(begins, 2))
        waiting = (lengths == 16).nonzero()[0]
        for passed in range(16, longest + 1, 16):
            if not len(waiting):
                break
            found = self._mark(self.words(begins[waiting] + passed, 2))
            lengths[waiting] = found + passed
            waiting = waiting[found == 16]
        lengths[lengths > longest] = 0
        return lengths

    @staticmethod
    def _mark(words: Words) -> Integers:
        """Give where the first quotation mark is in each row of two words, 16 where there is none."""
        other = words ^ _QUOTES
        marks = (other - _ONES) & ~other & _HIGH
        below = np.bitwise_count(~marks & (marks - np.uint64(1)))  # 64 where there is none
        found: Integers = ((below[:, 0] + below[:, 1] * (below[:, 0] == 64)) >> 3).astype(np.int64)
        return found

    def pseudonyms(self, begins: Integers) -> tuple[Words, NDArray[np.bool_]]:
        """Give ID_BYTES from each place on as rows of words, and whether a quotation mark comes behind them and none
        is among them.
        """
        rows = self.words(begins, WIDTH)
        after = rows[:, 2] >> np.uint64(8 * (ID_BYTES - 16)) & np.uint64(0xFF) == _QUOTES & np.uint64(0xFF)
        rows[:, 2] &= _BYTES[ID_BYTES - 16]
        rows[:, 3] = 0
        other = rows ^ _QUOTES
        marks = (other - _ONES) & ~other & _HIGH
        return rows, after & (marks[:, 0] | marks[:, 1] | marks[:, 2] == 0)


def eight_digits(word: Words) -> tuple[Words, NDArray[np.bool_]]:
    """Read eight decimal digits; the first stands in the lowest byte."""
    high = np.uint64(0xF0F0F0F0F0F0F0F0)
    digits = (word & high) | (((word + np.uint64(0x0606060606060606)) & high) >> np.uint64(4))
    good = digits == np.uint64(0x3333333333333333)
    word = (word & np.uint64(0x0F0F0F0F0F0F0F0F)) * np.uint64(2_561) >> np.uint64(8)
    word = (word & np.uint64(0x00FF00FF00FF00FF)) * np.uint64(6_553_601) >> np.uint64(16)
    return (word & np.uint64(0x0000FFFF0000FFFF)) * np.uint64(42_949_672_960_001) >> np.uint64(32), good


def texts(packed: bytes) -> list[str]:
    """Give the ids or pseudonyms that stand one after the other, ID_BYTES each."""
    if packed.isascii():
        whole = packed.decode()
        return [whole[begin : begin + ID_BYTES] for begin in range(0, len(whole), ID_BYTES)]
    return [packed[begin : begin + ID_BYTES].decode() for begin in range(0, len(packed), ID_BYTES)]
