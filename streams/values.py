"""The values of a run of records, left where they stand in the bytes that were fetched until somebody wants them.

An object for each value costs more than all that is counted with it, and the fold's compiled reader needs none.
`Values` are such values; those and the offsets beside them are gathered batch by batch.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Final, overload

from streams import compiled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PLACE: Final = struct.Struct("=ii")
"""Where a value begins in the bytes and its length. A begin under 0 says which of the others it is, counted from -1."""

TOMBSTONE: Final = -1
"""The begin of a value that is None, which is the first of the others that are gathered."""


class Values(Sequence[bytes | None]):
    """The values of records, of which those of tombstones are None: objects are made when they are asked for.

    `raw` are bytes of less than 2 GiB, `places` are PLACE packed one after the other, `others` are values that stand
    alone.
    """

    __slots__ = ("others", "places", "raw")

    def __init__(self, raw: bytes = b"", places: bytes = b"", others: list[bytes | None] | None = None) -> None:
        self.raw = raw
        self.places = places
        self.others: list[bytes | None] = [] if others is None else others

    @classmethod
    def of(cls, values: Iterable[bytes | None]) -> Values:
        """Give values that are objects already."""
        others = list(values)
        return cls(b"", _places_of_others(0, len(others)), others)

    def __len__(self) -> int:
        return len(self.places) // PLACE.size

    @overload
    def __getitem__(self, index: int) -> bytes | None: ...
    @overload
    def __getitem__(self, index: slice) -> Values: ...

    def __getitem__(self, index: int | slice) -> bytes | Values | None:
        if isinstance(index, slice):
            begin, end, step = index.indices(len(self))
            if step != 1:
                return Values.of(list(self)[index])
            return Values(self.raw, self.places[begin * PLACE.size : end * PLACE.size], self.others)
        if not -len(self) <= index < len(self):
            raise IndexError(f"wanted one of {len(self)} values, but got {index}")
        begin, length = PLACE.unpack_from(self.places, index % len(self) * PLACE.size)
        return self.others[-1 - begin] if begin < 0 else self.raw[begin : begin + length]

    def __iter__(self) -> Iterator[bytes | None]:
        if compiled.COMPILED:
            return iter(compiled.batches.values_at(self.raw, self.places, self.others))
        raw, others = self.raw, self.others
        return iter(
            [
                others[-1 - begin] if begin < 0 else raw[begin : begin + length]
                for begin, length in PLACE.iter_unpack(self.places)
            ]
        )


def _places_of_others(first: int, count: int) -> bytes:
    """Give the places of so many of the others, from the `first` on."""
    places = array("i", bytes(count * PLACE.size))
    places[::2] = array("i", range(-1 - first, -1 - first - count, -1))
    return places.tobytes()


class GatheredValues:
    """Gathers the values of a run of records in `raw`."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._places: list[bytes] = []
        self._others: list[bytes | None] = [None]
        self._stand = False

    def stand(self, places: bytes) -> None:
        """Add values at these places of the bytes."""
        self._places.append(places)
        self._stand = True

    def add(self, values: Sequence[bytes | None]) -> None:
        """Add values that are objects already."""
        self._places.append(_places_of_others(len(self._others), len(values)))
        self._others += values

    def __bool__(self) -> bool:
        return any(self._places)

    def give(self) -> Values:
        """Give them all; the bytes are kept where a value stands in them."""
        return Values(self._raw if self._stand else b"", b"".join(self._places), self._others)


class GatheredOffsets:
    """Gathers the offsets of a run: a range as long as they follow one another, a list from the first gap on."""

    def __init__(self) -> None:
        self._whole = range(0)
        self._parts: list[Sequence[int]] = []

    def add(self, offsets: Sequence[int]) -> None:
        """Append offsets that are larger than all before."""
        if not offsets:
            return
        if not isinstance(offsets, range) or self._parts or (self._whole and self._whole.stop != offsets.start):
            self._parts.append(offsets)
        else:
            self._whole = range(self._whole.start if self._whole else offsets.start, offsets.stop)

    def give(self) -> Sequence[int]:
        """Give them all."""
        return [*self._whole, *chain.from_iterable(self._parts)] if self._parts else self._whole
