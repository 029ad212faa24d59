"""Waits for something to become true, without a fixed pause."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def wait_until(condition: Callable[[], object], what: str, *, within: float = 60) -> None:
    """Return once `condition` holds; an AssertionError that says `what` was waited for after `within` seconds."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, f"waited {within} s for {what}"
        time.sleep(0.02)
