"""Arrays that grow, and stretches within arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)


def longer(array: NDArray[Number], length: int, fill: Any = 0) -> NDArray[Number]:
    """Give the array itself where it has `length` rows, or else a copy twice as long or longer, `fill` behind it."""
    have = len(array)
    if have >= length:
        return array
    made = np.full((max(length, 2 * have, 16), *array.shape[1:]), fill, array.dtype)
    made[:have] = array
    return made


def ragged(begins: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the places of stretches that begin and are as long as said, one stretch after the other."""
    before = lengths.cumsum() - lengths
    return (begins - before).repeat(lengths) + np.arange(int(lengths.sum()))
