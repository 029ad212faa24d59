"""Runs the work of a process until a signal asks it to end, or until a part of it can't go on."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


async def run_until_asked(*work: Coroutine[Any, Any, None], at_end: Callable[[], None]) -> None:
    """Run until SIGTERM or SIGINT, then call `at_end`; raises what a part of the work raised."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    tasks = [asyncio.create_task(one) for one in work]
    ending = asyncio.create_task(asked.wait())
    try:
        await asyncio.wait([*tasks, ending], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*tasks, ending):
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        at_end()
    for error in ended:
        if isinstance(error, Exception):
            raise error
