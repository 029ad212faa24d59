"""Arrays that grow."""

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
