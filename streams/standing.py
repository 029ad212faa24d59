"""How a process stands, for whoever asks it: made by the process's outside, told by its inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Standing:
    """Whether a process is ready: `look` gives the reason why not in words, or an empty text. It must not block."""

    def __init__(self) -> None:
        self.look: Callable[[], str] = lambda: "it is starting"

    def why_not(self) -> str:
        """Say why the process is not ready; empty once it is."""
        return self.look()
