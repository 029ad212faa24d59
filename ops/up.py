"""`jun up`: the whole line on one machine, from the embedded broker to the live table."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from ops.supervision.hands import Hands
from ops.supervision.supervisor import Supervisor
from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from pathlib import Path

    from ops.supervision.broker import BrokerKeeper
    from ops.supervision.child import Plan
    from ops.table.show import Show

RETRY_SECONDS: Final = 2.0
"""Between two tries of the table to reach a Kafka that is away."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What `jun up` puts together; each can be replaced by another of its kind.

    `broker` is None where Kafka runs elsewhere. `topics` makes the topics, `feed` hands figures to `show` until it is
    cancelled. `children` are in groups, in the order in which they are stopped.
    """

    show: Show
    broker: BrokerKeeper | None
    topics: Callable[[], Awaitable[object]]
    feed: Callable[[], Awaitable[None]]
    children: Sequence[Sequence[Plan]]
    logs: Path
    ready: str


async def run(parts: Parts) -> None:
    """Run until a signal asks to stop; raises OperatorError where the line can't be started or kept running.

    Whatever was started is stopped again in any case: sources, worker, exporter, broker.
    """
    hands = Hands(parts.show.say)
    with hands.listening(), parts.show.running():
        started = asyncio.create_task(_start(parts, hands))
        supervisor = None
        try:
            supervisor = await _unless_stopped(started, hands)
            if supervisor is not None:
                await _until_stopped(parts, hands)
        finally:
            if supervisor is not None:
                await supervisor.stop(hands.hurry)
            if parts.broker is not None:
                await parts.broker.stop(hands.hurry)
    parts.show.say("stopped")


async def _start(parts: Parts, hands: Hands) -> Supervisor:
    if parts.broker is not None:
        await parts.broker.start(hands.hurry)
    await parts.topics()
    return Supervisor(parts.children, parts.logs, parts.show.say)


async def _unless_stopped(started: asyncio.Task[Supervisor], hands: Hands) -> Supervisor | None:
    """Give the supervisor once broker and topics are there; None when asked to stop before that."""
    stopped = asyncio.create_task(hands.stop.wait())
    try:
        await asyncio.wait({started, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
    if hands.stop.is_set():
        started.cancel()
        with contextlib.suppress(asyncio.CancelledError, OperatorError):
            await started
        return None
    supervisor = started.result()
    supervisor.start()
    return supervisor


async def _until_stopped(parts: Parts, hands: Hands) -> None:
    """Show what happens and keep the broker running, until asked to stop or until something can't go on."""
    parts.show.say(parts.ready)
    work: list[Coroutine[Any, Any, None]] = [_feed(parts.feed), parts.show.refresh()]
    if parts.broker is not None:
        work.append(parts.broker.watch(hands.hurry))
    tasks = [asyncio.create_task(one) for one in work]
    stopped = asyncio.create_task(hands.stop.wait())
    try:
        pending: set[asyncio.Task[Any]] = {stopped, *tasks}
        while not stopped.done():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # a part that can't go on ends the whole
    finally:
        for task in (stopped, *tasks):
            task.cancel()
        await asyncio.gather(stopped, *tasks, return_exceptions=True)


async def _feed(feed: Callable[[], Awaitable[None]]) -> None:
    """Read the figures, again and again where Kafka can't be reached: the table must not end what it shows."""
    while True:
        try:
            await feed()
        except Exception as error:  # noqa: BLE001 (whatever is wrong with the picture, the line itself goes on)
            log.debug("table.broke", error=type(error).__name__)
        await asyncio.sleep(RETRY_SECONDS)
