"""One deadline for many: a timer for each of thousands of requests a second would cost more than most of what they do.

All of them have the same time, so that the one that began first is due first, and one timer for the oldest is enough.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class Deadlines:
    """Ends what takes longer than `seconds`, late by a tenth of that at most."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._running: dict[asyncio.Task[Any], float] = {}
        self._overdue: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def within(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for `work` in the calling task, which may wait for one at a time; raises TimeoutError when it is due."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (a coroutine that runs has one)
        loop = asyncio.get_running_loop()
        self._running[task] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(self._seconds / 10, self._look)
        try:
            return await work
        except asyncio.CancelledError:
            if task in self._overdue and task.uncancel() == 0:
                raise TimeoutError from None
            raise
        finally:
            self._overdue.discard(task)
            self._running.pop(task, None)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for task, due in list(self._running.items()):
            if due > now:
                break  # dicts keep their order, and all have the same time
            del self._running[task]
            self._overdue.add(task)
            task.cancel()
        self._timer = loop.call_later(self._seconds / 10, self._look) if self._running else None
