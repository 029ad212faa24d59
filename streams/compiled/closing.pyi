import numpy as np
from numpy.typing import NDArray

def roll_up(
    codes: NDArray[np.uint8],
    persons: NDArray[np.int64],
    lengths: NDArray[np.uint8],
    tags: NDArray[np.int64],
    tagged: NDArray[np.int64],
    campaigns: NDArray[np.int64],
    counting: NDArray[np.uint8],
    column: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]: ...
def newcomers(
    keys: NDArray[np.int64],
    new: NDArray[np.uint8],
    wrote: NDArray[np.int64],
    forms: NDArray[np.int64],
    table: NDArray[np.int32],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def count_votes(
    slots: NDArray[np.int64],
    people: NDArray[np.int64],
    counts: NDArray[np.int64],
    tag_of: NDArray[np.int64],
    leaders: NDArray[np.int64],
) -> list[int]: ...
