"""Puts an ingest agent together: its source, or sources, the way to Kafka, and what ends it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from schemas.topics import DEADLETTER, EVENTS
from streams.errors import OperatorError
from streams.ingest import times
from streams.ingest.checkpoint import Checkpoint, SavedPosition
from streams.ingest.filling import fill
from streams.ingest.intake import Intake, Topics
from streams.ingest.producer import Producer
from streams.ingest.pseudonyms import Change, Pseudonyms
from streams.ingest.runner import Runner
from streams.ingest.seal import Sealer
from streams.ingest.source import build
from streams.kafka import topic_name
from streams.keys import KEY_BYTES, pseudonym_key, public_key
from streams.secrets import read_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.config import PrivacySettings, Secret
    from streams.ingest.outlet import Outlet
    from streams.ingest.source import Source, SourceSettings, Surroundings
    from streams.standing import Standing

CHECKPOINTS: Final = "checkpoints"
DAY: Final = 86_400_000
PATIENCE: Final = 10.0
"""Seconds for what is on its way to Kafka when the agent ends."""

log = structlog.get_logger(__name__)


async def run_agent(
    several: Sequence[SourceSettings], surroundings: Surroundings, standing: Standing | None = None
) -> list[str]:
    """Run the sources of some settings until they end or a signal comes; give, for each, how it ended in words.

    They share one way to Kafka, and those that are called share a server where host and port are the same.

    SIGTERM and SIGINT end it in order: the sources stop, what is on its way is acknowledged, positions are saved, and
    a last heartbeat tells how far each got. `standing` is told what keeps a source from delivering.
    """
    config = surroundings.config
    pseudonyms, sealer = keys(config.privacy)
    sources = _build(several, surroundings)
    with contextlib.ExitStack() as closing:
        folder = Path(config.state.folder) / CHECKPOINTS
        checkpoints = [Checkpoint(folder, source.name) for source in sources]
        for checkpoint in checkpoints:
            closing.callback(checkpoint.close)
        producer = Producer(config.kafka, topic_name(config.topics, EVENTS))
        with _signals() as stopped:
            try:
                if not await _started(producer, stopped):
                    return ["stopped while it waited for Kafka"]
                intakes = [
                    _intake(source, surroundings, producer, pseudonyms, sealer, checkpoint)
                    for source, checkpoint in zip(sources, checkpoints, strict=True)
                ]
                if standing is not None:
                    standing.look = lambda: _trouble(producer, intakes)
                return await _run(Runner(list(zip(sources, intakes, strict=True))), stopped, producer.broken)
            finally:
                if not await producer.close(0 if producer.congestion == "away" else PATIENCE):
                    log.warning("agent.left_unacknowledged", why="Kafka did not answer; it is read again at the start")


async def show_agent(several: Sequence[SourceSettings], surroundings: Surroundings, outlet: Outlet) -> list[str]:
    """Run the same without Kafka, without a key and without keeping a position: for setting a source up."""
    pseudonyms = Pseudonyms(secrets.token_bytes(KEY_BYTES))
    sources = _build(several, surroundings)
    sealer = Sealer(pseudonyms, None)
    pairs = [(source, _intake(source, surroundings, outlet, pseudonyms, sealer, None)) for source in sources]
    with _signals() as stopped:
        return await _run(Runner(pairs), stopped, asyncio.get_running_loop().create_future())


async def fill_agent(
    several: Sequence[SourceSettings], surroundings: Surroundings, since: int, shown: Outlet | None = None
) -> list[str]:
    """Ask some sources for their past from `since` (ms) on, and end; give, for each, what came in words.

    With `shown` it is shown there, and Kafka is not touched.
    """
    config = surroundings.config
    with _signals() as stopped:
        if shown is not None:
            pseudonyms = Pseudonyms(secrets.token_bytes(KEY_BYTES))
            return await _filled(several, surroundings, since, shown, pseudonyms, Sealer(pseudonyms, None), stopped)
        producer = Producer(config.kafka, topic_name(config.topics, EVENTS))
        try:
            if not await _started(producer, stopped):
                return ["stopped while it waited for Kafka"]
            return await _filled(several, surroundings, since, producer, *keys(config.privacy), stopped)
        finally:
            await producer.close(PATIENCE)


async def _filled(  # noqa: PLR0913, PLR0917 (see Intake)
    several: Sequence[SourceSettings],
    surroundings: Surroundings,
    since: int,
    outlet: Outlet,
    pseudonyms: Pseudonyms,
    sealer: Sealer,
    stopped: asyncio.Event,
) -> list[str]:
    folder = Path(surroundings.config.state.folder) / CHECKPOINTS
    pairs = [
        (source, _intake(source, surroundings, outlet, pseudonyms, sealer, SavedPosition(folder, source.name)))
        for source in _build(several, surroundings)
    ]

    async def stop_all() -> None:
        await stopped.wait()
        for _, intake in pairs:
            intake.stop()

    stopping = asyncio.create_task(stop_all())
    try:
        return [await fill(source, intake, since) for source, intake in pairs]
    finally:
        stopping.cancel()


def _build(several: Sequence[SourceSettings], surroundings: Surroundings) -> list[Source]:
    return [source for settings in several for source in build(settings, surroundings)]


def _trouble(producer: Producer, intakes: Sequence[Intake]) -> str:
    if producer.congestion == "away":
        return "Kafka does not answer"
    return next((intake.trouble for intake in intakes if intake.trouble), "")


def _intake(  # noqa: PLR0913, PLR0917 (see Intake)
    source: Source,
    surroundings: Surroundings,
    outlet: Outlet,
    pseudonyms: Pseudonyms,
    sealer: Sealer,
    checkpoint: SavedPosition | None,
) -> Intake:
    topics = surroundings.config.topics
    return Intake(
        source,
        outlet,
        topics=Topics(topic_name(topics, EVENTS), topic_name(topics, DEADLETTER)),
        directory=surroundings.directory,
        pseudonyms=pseudonyms,
        sealer=sealer,
        checkpoint=checkpoint,
    )


async def _run(runner: Runner, stopped: asyncio.Event, broken: asyncio.Future[None]) -> list[str]:
    """Run until the end; a broken way to Kafka ends it with its error."""
    work = asyncio.create_task(runner.run())
    stopping = asyncio.create_task(stopped.wait())
    try:
        waiting: set[asyncio.Future[Any]] = {work, stopping, broken}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if broken.done():
            broken.result()
        runner.stop()
        return await work
    finally:
        for task in (work, stopping):
            task.cancel()
        await asyncio.gather(work, stopping, return_exceptions=True)


async def _started(producer: Producer, stopped: asyncio.Event) -> bool:
    """Connect to Kafka; False when asked to stop before that."""
    start = asyncio.create_task(producer.start())
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait({start, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if start.done():
        start.result()
        return True
    start.cancel()
    await asyncio.gather(start, return_exceptions=True)
    return False


@contextlib.contextmanager
def _signals() -> Iterator[asyncio.Event]:
    """Turn the signals that ask for an end into an event."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    wanted = (signal.SIGTERM, signal.SIGINT)
    for number in wanted:
        loop.add_signal_handler(number, stopped.set)
    try:
        yield stopped
    finally:
        for number in wanted:
            loop.remove_signal_handler(number)


def keys(privacy: PrivacySettings) -> tuple[Pseudonyms, Sealer]:
    """Read the keys that ingest works with. Raises OperatorError."""
    key = pseudonym_key(read_secret(privacy.pseudonym_key, wanted_for="privacy.pseudonym_key"))
    pseudonyms = Pseudonyms(key, _change(privacy))
    secret = privacy.deadletter_public_key
    if not _is_set(secret):
        log.info("deadletter.inputs_are_not_kept", why="privacy.deadletter_public_key is not set")
        return pseudonyms, Sealer(pseudonyms, None)
    return pseudonyms, Sealer(pseudonyms, public_key(read_secret(secret, wanted_for="privacy.deadletter_public_key")))


def _change(privacy: PrivacySettings) -> Change | None:
    """Read the key before this one, where there was one."""
    if not _is_set(privacy.previous_pseudonym_key):
        return None
    if privacy.pseudonym_key_since is None:
        raise OperatorError(
            "the moment of the change of keys in privacy.pseudonym_key_since",
            "it is not set, though there is a previous key",
            "set it to the same moment for every source",
            retry=False,
        )
    before = read_secret(privacy.previous_pseudonym_key, wanted_for="privacy.previous_pseudonym_key")
    since = times.from_datetime(privacy.pseudonym_key_since)
    until = since + privacy.pseudonym_overlap_days * DAY
    return Change(Pseudonyms(pseudonym_key(before)), since, until)


def _is_set(secret: Secret) -> bool:
    return bool(secret.file or secret.environment)
