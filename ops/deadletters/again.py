"""The intake of a source once more, for inputs that it refused: no heartbeats, no position, no second dead letter."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from schemas.topics import DEADLETTER, EVENTS
from streams.ingest.intake import EDITS_WITHIN, Intake, Topics
from streams.ingest.seal import Sealer
from streams.ingest.source import Timing, rereader
from streams.ingest.submission import Submission
from streams.kafka import topic_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.ingest.outlet import Congestion, Outlet, Record
    from streams.ingest.pseudonyms import Pseudonyms
    from streams.ingest.source import Clock, Item, RefusedInput, SourceSettings, Surroundings


class _Former(NamedTuple):
    """The source as its intake knows it; it sends no heartbeat, so that its time is left alone."""

    name: str
    clock: Clock
    timing: Timing
    regions: tuple[str, ...] = ()

    def standing(self, now: int) -> None:
        """Say nothing."""

    async def run(self, intake: Intake) -> str:  # noqa: ARG002 (the protocol's)
        """Do nothing."""
        return ""


class _Events:
    """An outlet for the events alone: what is refused again is told, and its letter stays as it is."""

    def __init__(self, outlet: Outlet, topic: str, *, dry: bool) -> None:
        self._outlet = outlet
        self._topic = topic
        self._dry = dry
        self.partitions = outlet.partitions

    @property
    def congestion(self) -> Congestion:
        return self._outlet.congestion

    async def deliver(self, records: Sequence[Record]) -> None:
        wanted = [record for record in records if record.topic == self._topic]
        if wanted and not self._dry:
            await self._outlet.deliver(wanted)


class Again:
    """Takes refused inputs of one source."""

    def __init__(
        self,
        settings: SourceSettings,
        surroundings: Surroundings,
        outlet: Outlet,
        pseudonyms: Pseudonyms,
        *,
        dry: bool,
    ) -> None:
        self.kind = str(settings.__struct_config__.tag)
        self.read = rereader(settings, surroundings)
        """None where the kind can't read its inputs again."""
        topics = surroundings.config.topics
        events = topic_name(topics, EVENTS)
        self._intake = Intake(
            _Former(settings.name, surroundings.clock, Timing.of(surroundings.config.time, settings)),
            _Events(outlet, events, dry=dry),
            topics=Topics(events, topic_name(topics, DEADLETTER)),
            directory=surroundings.directory,
            pseudonyms=pseudonyms,
            sealer=Sealer(pseudonyms, None),
        )

    async def take(self, refused: RefusedInput) -> tuple[int, str]:
        """Send what can be read by now; give the number of events, and why something was refused again."""
        if self.read is None:
            return 0, f"a source of the kind {self.kind} can't read its inputs again"
        taken = await self._intake.take([_as_it_came(item, refused.at) for item in self.read(refused)])
        reason = "; ".join(f"{one.reason}: {one.detail}" for one in taken.refused)
        return taken.accepted, reason


def _as_it_came(item: Item, came: int) -> Item:
    """Give an item as it was when it came (ms): the edit of a post that was young then is not passed over."""
    submission = item.submission
    if isinstance(submission, Submission) and submission.edited and submission.at >= came - EDITS_WITHIN:
        return structs.replace(item, submission=structs.replace(submission, edited=False))
    return item
