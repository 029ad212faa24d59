import numpy as np
from numpy.typing import NDArray

def last_of(
    keys: NDArray[np.int64], whole: NDArray[np.int32], table: NDArray[np.int64], last: NDArray[np.int32]
) -> NDArray[np.int32]: ...
def enter(
    pairs: NDArray[np.int64], minutes: NDArray[np.int32], table: NDArray[np.int64], last: NDArray[np.int32]
) -> None: ...
def touch(
    keys: NDArray[np.int64], minute: int, whole: NDArray[np.int32], table: NDArray[np.int64], last: NDArray[np.int32]
) -> tuple[NDArray[np.int32], int]: ...
def come(
    keys: NDArray[np.int64],
    before: NDArray[np.int32],
    minute: int,
    starts: NDArray[np.int64],
    people: NDArray[np.int64],
) -> None: ...
def add_sums(table: NDArray[np.int32], first: int, sums: NDArray[np.int64]) -> None: ...
