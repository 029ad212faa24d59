"""The operator's hands on a running `jun up`: the first Ctrl-C stops, the second hurries."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Hands:
    """Two events: `stop` at the first signal, `hurry` at the next."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()
        self._say = say

    def pressed(self) -> None:
        """Take one signal."""
        if not self.stop.is_set():
            self._say("stopping; once more to hurry")
            self.stop.set()
        elif not self.hurry.is_set():
            self._say("hurrying: whatever still runs is killed")
            self.hurry.set()

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals of the running loop for as long as the block lasts."""
        loop = asyncio.get_running_loop()
        for number in STOPPING:
            loop.add_signal_handler(number, self.pressed)
        try:
            yield
        finally:
            for number in STOPPING:
                loop.remove_signal_handler(number)
