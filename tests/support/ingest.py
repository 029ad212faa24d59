"""What tests of ingest agents share: an outlet that remembers, a clock that stands, an intake around any source."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from schemas.codec import event_reader
from schemas.config import Config, StateSettings
from schemas.deadletter import DeadLetter
from schemas.directory import Account, Directory, Region
from schemas.events import Event, Heartbeat
from streams.ingest.checkpoint import Checkpoint, SavedPosition
from streams.ingest.intake import Intake, Topics
from streams.ingest.pseudonyms import Pseudonyms
from streams.ingest.seal import Sealer
from streams.ingest.source import Source, Surroundings, build, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from streams.ingest.outlet import Congestion, Record

KEY = bytes(range(32))
NOW = 1_780_000_000_000

DIRECTORY = Directory(
    region=(
        Region(
            name="granada",
            time_zone="Europe/Madrid",
            accounts=(Account(source="*", account="ana", role="leader"), Account(source="posts", account="office")),
            channels=("posts:plaza",),
        ),
        Region(name="tokyo", time_zone="Asia/Tokyo", shards=3),
    ),
    bots=("posts:robot",),
)


async def until(condition: Callable[[], bool], task: asyncio.Task[Any] | None = None) -> None:
    """Wait until something holds; fails where `task` has ended before that, or after 60 s."""
    async with asyncio.timeout(60):
        while not condition():
            if task is not None and task.done():
                raise AssertionError(f"ended before that: {task.result()}")
            await asyncio.sleep(0.005)


def events_of(values: Iterable[bytes]) -> list[Event]:
    """Read the events among values of the topic."""
    return [value for value in map(event_reader.read, values) if isinstance(value, Event)]


def heartbeats_of(values: Iterable[bytes]) -> list[Heartbeat]:
    """Read the heartbeats among values of the topic."""
    return [value for value in map(event_reader.read, values) if isinstance(value, Heartbeat)]


class Remembering:
    """An outlet that has everything at once, or, while `open` is not set, nothing at all."""

    def __init__(self, partitions: int = 4) -> None:
        self.partitions = partitions
        self.congestion: Congestion = ""
        self.records: list[Record] = []
        self.open = asyncio.Event()
        self.open.set()

    async def deliver(self, records: Sequence[Record]) -> None:
        """Keep the records when open."""
        await self.open.wait()
        self.records += records
        await asyncio.sleep(0)

    @property
    def events(self) -> list[Event]:
        """Give the events, in order."""
        return events_of(record.value for record in self.records if record.topic == "events")

    @property
    def heartbeats(self) -> list[Heartbeat]:
        """Give the heartbeats of partition 0, in order."""
        return heartbeats_of(r.value for r in self.records if r.topic == "events" and r.partition == 0)

    @property
    def letters(self) -> list[DeadLetter]:
        """Give the dead letters, in order."""
        return [
            msgspec.json.decode(record.value, type=DeadLetter)
            for record in self.records
            if record.topic == "deadletter"
        ]


class Bench:
    """One source with an intake over a remembering outlet."""

    def __init__(self, folder: Path, entry: dict[str, Any], clock: Callable[[], int] = lambda: NOW) -> None:
        self.folder = folder
        self.outlet = Remembering()
        self.pseudonyms = Pseudonyms(KEY)
        config = Config(state=StateSettings(folder=str(folder / "state")))
        surroundings = Surroundings(config, DIRECTORY, folder, clock)
        self.sources: Sequence[Source] = build(settings_of(entry), surroundings)
        self.source = self.sources[0]
        self.checkpoint = Checkpoint(folder / "checkpoints", self.source.name)
        self.intake = self.intake_of(self.source, self.checkpoint)

    def intake_of(self, source: Source, checkpoint: SavedPosition | None = None) -> Intake:
        """Make an intake for one source."""
        return Intake(
            source,
            self.outlet,
            topics=Topics("events", "deadletter"),
            directory=DIRECTORY,
            pseudonyms=self.pseudonyms,
            sealer=Sealer(self.pseudonyms, None),
            checkpoint=checkpoint,
        )

    def original(self, identifier: str) -> str:
        """Give the id that an event of this source has."""
        return self.pseudonyms.original(self.source.name, identifier)

    def close(self) -> None:
        """Let another bench have the source, as the end of a process does."""
        self.checkpoint.close()
