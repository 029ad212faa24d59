"""The one protocol of all sources, and how they are found.

A new source is one module of this package: a struct of settings tagged with its kind, a class that is a Source, and
`KIND`, which binds them. It turns what it receives into submissions and hands them to its intake; the intake does what
is the same for all: time, region, pseudonyms, tags, dead letters, Kafka, heartbeats.

Acknowledgement is the return of `await intake.take(items)`: then Kafka has every one of them, or its dead letter. A
source that pulls saves its position after that; one that is pushed answers its caller after that.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol, runtime_checkable

import msgspec
from msgspec import Meta, Struct, field

from schemas.codec import UnreadableError
from schemas.config import Config, TimeSettings
from schemas.deadletter import Reason
from schemas.directory import Directory
from schemas.events import Status
from streams.ingest.listener import Listeners
from streams.ingest.submission import Submission

if TYPE_CHECKING:
    from streams.ingest.intake import Intake

Clock = Callable[[], int]
"""Gives the time in ms since the epoch."""

SOURCE_NAME: Final = r"^[a-z0-9][a-z0-9-]{0,47}$"


class SourceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every source may be told; each kind adds its own."""

    name: Annotated[str, Meta(description="name of the source, as it stands in labels", pattern=SOURCE_NAME)]
    regions: Annotated[
        tuple[str, ...], Meta(description="regions that it feeds; where empty they are learnt from its events")
    ] = ()
    lateness_seconds: Annotated[
        Annotated[float, Meta(ge=0, le=86_400)] | None,
        Meta(description="how long a minute stays open for its late events (seconds); that of [time] if not set"),
    ] = None


class Surroundings(Struct, frozen=True):
    """What a source may need to be built; relative paths of its settings begin at `folder`."""

    config: Config
    directory: Directory
    folder: Path
    clock: Clock
    listeners: Listeners = field(default_factory=Listeners)


class Timing(Struct, frozen=True):
    """How often a source's heartbeat comes (real seconds), and what it says of time-out and lateness (ms)."""

    heartbeat_seconds: float
    timeout: int
    lateness: int

    @classmethod
    def of(cls, time: TimeSettings, settings: SourceSettings) -> Timing:
        """Give the timing of a source that has no reason for its own."""
        own = settings.lateness_seconds
        lateness = time.lateness_seconds if own is None else own
        return cls(time.heartbeat_seconds, round(time.timeout_seconds * 1000), round(lateness * 1000))


class Standing(Struct, frozen=True):
    """The truth about a source: up to which event time (ms) it has handed over everything, and how it is."""

    complete_to: int
    status: Status = "ok"
    reason: str = ""


class Item(Struct, frozen=True):
    """One raw input with its place, and what it says, or why it can't be read.

    `size` is the number of its bytes where `raw` has been cut. `context` is what the kind needs beside `raw` to read it
    again from a dead letter, such as the header of a file; it may hold nothing of the input, which is sealed.
    """

    raw: bytes
    place: str
    submission: Submission | UnreadableError
    size: int = 0
    context: str = ""


class RefusedInput(Struct, frozen=True):
    """What is left of an item that became a dead letter: all of its bytes, place and context, and when it came (ms)."""

    raw: bytes
    place: str
    at: int
    context: str = ""


Rereader = Callable[[RefusedInput], Sequence[Item]]
"""Reads a refused input as its source did; gives the items in it, with the ids that they had."""


class Refusal(Struct, frozen=True):
    """The item at `index` became a dead letter."""

    index: int
    reason: Reason
    detail: str


class Taken(Struct, frozen=True):
    """What became of items: Kafka has them. `latest` is the greatest event time (ms) among the accepted, or 0."""

    accepted: int
    latest: int
    refused: tuple[Refusal, ...] = ()


class Source(Protocol):
    """Something that people write to, or that is read; it has one name and one heartbeat."""

    @property
    def name(self) -> str:
        """Give the name of the source, as it stands in its events."""

    @property
    def clock(self) -> Clock:
        """Give the clock of its heartbeats, against which the future is told."""

    @property
    def timing(self) -> Timing:
        """Give the timing that its next heartbeat states."""

    @property
    def regions(self) -> tuple[str, ...]:
        """Give the regions that it feeds; none where they are to be learnt."""

    def standing(self, now: int) -> Standing | None:
        """Tell how it is at `now` (ms of its clock); None leaves the heartbeat out.

        `complete_to` may cover only what `take` has returned from; the runner lowers it further while pushed items
        wait for Kafka.
        """

    async def run(self, intake: Intake) -> str:
        """Hand over everything until its end, or until the intake is asked to stop; say in words how it ended.

        Raises OperatorError for what an operator must put right. The runner then says `down`, with the sentence, and
        starts it again after a while where `retry` is set.
        """


@runtime_checkable
class Fills(Protocol):
    """A source that can be asked for its past, beside one that runs: what comes twice counts once."""

    async def fill(self, intake: Intake, since: int) -> str:
        """Hand over what happened from `since` (ms) to now, without touching the position; say in words what came.

        Raises TroubleError where that may help later.
        """


class SourceKind(Struct, frozen=True):
    """A kind of source: its settings, and how they become sources (one, but for kinds that feed several).

    `rereader` makes what reads its dead letters again; without it they can't be redriven.
    """

    settings: type[SourceSettings]
    build: Callable[[Any, Surroundings], Sequence[Source]]
    rereader: Callable[[Any, Surroundings], Rereader] | None = None

    @property
    def name(self) -> str:
        """Give the word that stands in `kind`."""
        return str(self.settings.__struct_config__.tag)


@cache
def kinds() -> Mapping[str, SourceKind]:
    """Find all kinds of sources: the modules of this package that have a `KIND`."""
    package = importlib.import_module("streams.ingest")
    modules = [
        importlib.import_module(f"streams.ingest.{found.name}") for found in pkgutil.iter_modules(package.__path__)
    ]
    found = [kind for module in modules if isinstance(kind := getattr(module, "KIND", None), SourceKind)]
    return {kind.name: kind for kind in sorted(found, key=lambda kind: kind.name)}


def settings_of(entry: Mapping[str, Any]) -> SourceSettings:
    """Read a [[source]] of the configuration; raises ValueError or msgspec.ValidationError with a sentence."""
    return msgspec.convert(dict(entry), _kind_of(entry).settings)


def build(settings: SourceSettings, surroundings: Surroundings) -> Sequence[Source]:
    """Make the source, or sources, of some settings."""
    return kinds()[str(settings.__struct_config__.tag)].build(settings, surroundings)


def rereader(settings: SourceSettings, surroundings: Surroundings) -> Rereader | None:
    """Make what reads the dead letters of a source again; None where its kind can't."""
    make = kinds()[str(settings.__struct_config__.tag)].rereader
    return make(settings, surroundings) if make else None


def _kind_of(entry: Mapping[str, Any]) -> SourceKind:
    named = entry.get("kind")
    known = kinds()
    if not isinstance(named, str) or named not in known:
        raise ValueError(f"wanted a `kind` out of {', '.join(known)}, got {'another one' if named else 'none'}")
    return known[named]
