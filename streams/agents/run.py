"""Runs a worker: starts the app, flushes each second, watches that it gets on, and stops it with everything flushed."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog
from faust.exceptions import ConsistencyError

from streams import compiled
from streams.agents.app import FLUSH_SECONDS, WorkerApp
from streams.agents.memory import keep_freed_memory
from streams.agents.topics import check_topics
from streams.errors import OperatorError

if TYPE_CHECKING:
    from nacl.public import PublicKey

    from schemas.config import Config
    from schemas.directory import Directory
    from streams.standing import Standing

log = structlog.get_logger(__name__)

STUCK_SECONDS: Final = 120.0
"""After how long without an end a recovery is taken for hung: Faust itself waits for ever."""
COLLECT_SECONDS: Final = 60.0
END_SECONDS: Final = 9.0
"""What the end may take: containers are killed 10 s after they were asked to end."""
NOISY: Final = ("faust", "mode", "aiokafka", "streams.agents.transport", "streams.agents.table")


async def run_worker(
    config: Config, directory: Directory, seal_to: PublicKey | None, standing: Standing | None = None
) -> None:
    """Run until SIGTERM or SIGINT; raises OperatorError where the worker can't go on and should be started again.

    The process ends END_SECONDS after that at the latest.

    `standing` is told whether the worker folds, or is starting or restoring its state.
    """
    if not compiled.COMPILED:
        log.info("worker.not_compiled", why="no C compiler when Jun was built: right, but at more than twice the CPU")
    keep_freed_memory()
    await check_topics(config)
    app = WorkerApp(config, directory, seal_to)
    if standing is not None:
        standing.look = partial(_why_not, app)
    stopping = asyncio.create_task(_signals().wait())
    if not await _started(app, stopping):
        return
    gc.collect()
    gc.freeze()
    gc.disable()  # cycles are rare here; they are collected at quiet moments
    ending = asyncio.Event()
    flushing = asyncio.create_task(_flush(app, ending))
    tasks = [asyncio.create_task(_watch(app)), asyncio.create_task(_collect(app))]
    ended = asyncio.create_task(app.wait_until_stopped())
    try:
        done, _ = await asyncio.wait({ended, stopping, flushing, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if task is not stopping and task is not ended:
                task.result()
        _raise_crash(app)
    finally:
        for task in (*tasks, ended, stopping):
            task.cancel()
        _end_within(END_SECONDS)
        await _end(app, flushing, ending)


async def _started(app: WorkerApp, stopping: asyncio.Task[Any]) -> bool:
    """Start the app; False when asked to stop before it has started."""
    starting = asyncio.create_task(app.start())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done() and starting.exception() is None:
        return True
    _end_within(END_SECONDS)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await app.stop()
    if not stopping.done():
        starting.result()
    return False


async def _end(app: WorkerApp, flushing: asyncio.Task[None], ending: asyncio.Event) -> None:
    """Write what has been folded, if it can be, and stop; a flush under way is never broken off."""
    ending.set()
    await asyncio.wait({flushing})
    try:
        if app.crash_reason is None and not (flushing.cancelled() or flushing.exception()):
            await app.flush()
    finally:
        await app.stop()
        for keeper in app.keepers.values():
            if keeper.table is not None:
                keeper.table.close()


def _end_within(seconds: float) -> None:
    """End the process where its end takes longer, as it does while Kafka is away: what was not written is read again.

    A worker that hangs would stay in its group and keep its partitions from every other.
    """

    def give_up() -> None:
        log.error("worker.did_not_end", seconds=seconds, why="Kafka does not answer; what it folded last is read again")
        os._exit(os.EX_TEMPFAIL)

    last = threading.Timer(seconds, give_up)
    last.daemon = True
    last.start()


def _why_not(app: WorkerApp) -> str:
    if not app.started:
        return "it is starting"
    return "its state is being restored" if app.rebalancing or app.in_recovery else ""


def _raise_crash(app: WorkerApp) -> None:
    crash = app.crash_reason
    if isinstance(crash, OperatorError):
        raise crash
    if isinstance(crash, ConsistencyError):
        raise OperatorError(
            "tables on disk that belong to this Kafka", "they have been written further than its topics of state",
            "stop the worker and delete the folder `tables` in state.folder: they are read from Kafka again",
            retry=False,
        ) from crash  # fmt: skip
    if crash is not None:
        raise OperatorError(
            "the worker to fold on",
            f"{type(crash).__name__}: {crash}",
            "see its log; started again it goes on where its state ends",
            retry=True,
        ) from crash


def _signals() -> asyncio.Event:
    """Give what SIGTERM and SIGINT set; and quieten what Faust says of its inner life."""
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    return stop


async def _flush(app: WorkerApp, ending: asyncio.Event) -> None:
    while not ending.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), FLUSH_SECONDS)
        if not app.rebalancing and not ending.is_set():
            await app.flush()


async def _watch(app: WorkerApp) -> None:
    """End the worker where a rebalance or a recovery does not end."""
    since: float | None = None
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        if not (app.rebalancing or app.in_recovery):
            since = None
        elif since is None:
            since = loop.time()
        elif loop.time() - since > STUCK_SECONDS:
            raise OperatorError(
                f"a recovery within {STUCK_SECONDS:.0f} s", "it does not end", "the worker ends to be started again",
                retry=True,
            )  # fmt: skip


async def _collect(app: WorkerApp) -> None:
    """Collect cycles when nothing has been folded for a second, at the latest each minute."""
    records, waited = 0, 0.0
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        waited += FLUSH_SECONDS
        if app.records() == records or waited >= COLLECT_SECONDS:
            gc.collect(1)
            waited = 0.0
        records = app.records()
