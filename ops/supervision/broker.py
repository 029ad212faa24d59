"""Keeps the embedded broker running beside the event loop, which its slow starts and stops must not block."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final, Protocol

from ops.supervision.child import BackOff
from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_EVERY_SECONDS: Final = 0.5


class Broker(Protocol):
    """What is needed of `ops.broker.EmbeddedBroker`; all but `poll` may take seconds."""

    def start(self) -> object:
        """Start it; raises OperatorError where it can't be."""

    def stop(self) -> bool:
        """Let it end; tells whether it ended by itself."""

    def kill(self) -> None:
        """End it at once."""

    def poll(self) -> int | None:
        """Give None while it runs, else its exit code."""

    def failure(self) -> OperatorError:
        """Say why it ended."""


class BrokerKeeper:
    """Starts the broker, starts it again when it dies, stops it last."""

    def __init__(self, broker: Broker, say: Callable[[str], None], *, back_off: BackOff | None = None) -> None:
        self._broker = broker
        self._say = say
        self._back_off = back_off or BackOff()

    async def start(self, hurry: asyncio.Event) -> None:
        """Start the broker; raises OperatorError where it can't be, or when somebody is in a hurry meanwhile."""
        await self._unless(hurry, self._broker.start)

    async def watch(self, hurry: asyncio.Event) -> None:
        """Start the broker again whenever it dies; raises OperatorError when that can't help. Runs until cancelled."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            if self._broker.poll() is None:
                continue
            failure = self._broker.failure()
            if not failure.retry:
                raise failure
            delay = self._back_off.after(loop.time() - started)
            self._say(f"the embedded broker ended: {failure}; it starts again in {delay:g} s")
            await asyncio.sleep(delay)
            started = loop.time()
            with contextlib.suppress(OperatorError):  # the next look says why
                await self.start(hurry)

    async def stop(self, hurry: asyncio.Event) -> None:
        """Let the broker write everything and end; kill it when somebody is in a hurry."""
        await self._unless(hurry, self._broker.stop)

    async def _unless(self, hurry: asyncio.Event, work: Callable[[], object]) -> None:
        """Do slow work in a thread, and kill the broker under it when somebody is in a hurry."""
        working = asyncio.create_task(asyncio.to_thread(work))
        pushed = asyncio.create_task(hurry.wait())
        try:
            await asyncio.wait({working, pushed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pushed.cancel()
            if not working.done():
                self._broker.kill()
            with contextlib.suppress(OperatorError):
                await asyncio.shield(working)
        await working
