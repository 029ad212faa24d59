"""All children of `jun up`: started together, stopped group by group."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ops.supervision.child import Child, Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

GRACE: Final = 20.0
"""Seconds that a group has to end by itself before it is killed."""


class Supervisor:
    """Keeps groups of children running; `groups` are in the order in which they are to be stopped."""

    def __init__(
        self,
        groups: Sequence[Sequence[Plan]],
        logs: Path,
        say: Callable[[str], None],
        *,
        child: Callable[[Plan, Path, Callable[[str], None]], Child] = Child,
        grace: float = GRACE,
    ) -> None:
        self.groups = [[child(plan, logs / f"{plan.name}.log", say) for plan in group] for group in groups]
        self._say = say
        self._grace = grace
        self._tasks: dict[Child, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Start every child; to be called inside the running loop."""
        for group in self.groups:
            for child in group:
                self._tasks[child] = asyncio.create_task(child.run(), name=child.plan.name)

    async def stop(self, hurry: asyncio.Event) -> None:
        """Stop group after group, waiting for each; what does not end in time, or when `hurry` is set, is killed."""
        for group in self.groups:
            tasks = [self._tasks[child] for child in group if child in self._tasks]
            for child in group:
                child.stop()
            if tasks and not await _all_done(tasks, hurry, self._grace):
                for child, task in self._tasks.items():
                    if child in group and not task.done():
                        if not hurry.is_set():
                            self._say(f"{child.plan.name} did not end within {self._grace:g} s and was killed")
                        child.kill()
                await asyncio.wait(tasks)


async def _all_done(tasks: Sequence[asyncio.Task[None]], hurry: asyncio.Event, grace: float) -> bool:
    """Wait until all tasks are done; False when time is up or somebody is in a hurry."""
    pushed = asyncio.create_task(hurry.wait())
    everything = asyncio.create_task(_wait(tasks))
    done, _ = await asyncio.wait({pushed, everything}, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
    pushed.cancel()
    everything.cancel()
    return everything in done


async def _wait(tasks: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)  # cancelling this leaves the tasks alone
