from array import array

import numpy as np
from numpy.typing import NDArray

def first_texts(packed: bytes, width: int, head: int) -> tuple[bytes, NDArray[np.int64] | None] | None: ...
def leave(
    places: NDArray[np.int64],
    codes: bytearray,
    lengths: bytearray,
    offsets: array[int],
    persons: array[int],
    sources: array[int],
    tags: array[int],
    forms: array[int],
) -> int: ...
