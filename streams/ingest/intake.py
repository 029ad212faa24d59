"""What every source hands its submissions to: the part of ingest that is the same for all.

An item becomes an event in its region's partition or a dead letter, and is taken when Kafka has acknowledged that.
The intake also sends the source's heartbeats, since it alone knows what Kafka still owes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from schemas.codec import UnreadableError, encode
from schemas.events import UNASSIGNED, Heartbeat
from streams.ingest.counters import Counters
from streams.ingest.events import Partitions, maker_of
from streams.ingest.outlet import Record
from streams.ingest.source import Refusal, Standing, Taken
from streams.ingest.submission import check_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msgspec import Struct

    from schemas.directory import Directory
    from streams.ingest.checkpoint import SavedPosition
    from streams.ingest.outlet import Congestion, Outlet
    from streams.ingest.pseudonyms import Pseudonyms
    from streams.ingest.seal import Sealer
    from streams.ingest.source import Item, Source

P = TypeVar("P")

DEADLETTER_PARTITION: Final = 0
EDITS_WITHIN: Final = 24 * 60 * 60 * 1000
"""How old (ms) an edited post may be. An edit is the same event, which counts once: it matters only where the first
form was missed; older than the shortest horizon it could only be refused as too late."""


class Topics(NamedTuple):
    """The full names of the two topics that ingest writes."""

    events: str
    deadletter: str


class Intake:
    """Takes the items of one source."""

    def __init__(  # noqa: PLR0913 (each is a part of its own, made once by the runner)
        self,
        source: Source,
        outlet: Outlet,
        *,
        topics: Topics,
        directory: Directory,
        pseudonyms: Pseudonyms,
        sealer: Sealer,
        checkpoint: SavedPosition | None = None,
    ) -> None:
        self.counters = Counters()
        self.trouble = ""
        """What the runner knows better than the source: why it does not run."""
        self._claimed = 0
        self._source = source
        self._outlet = outlet
        self._topics = topics
        self._maker = maker_of(source.name, directory, pseudonyms)
        self._partitions = Partitions(outlet.partitions, {region.name: region.shards for region in directory.region})
        self._sealer = sealer
        self._checkpoint = checkpoint
        self._stop = asyncio.Event()
        self._owed: dict[object, int] = {}
        self._beating = False

    def now(self) -> int:
        """Give the time of the source's clock (ms)."""
        return self._source.clock()

    @property
    def stopping(self) -> bool:
        """Tell whether the source should come to its end."""
        return self._stop.is_set()

    @property
    def congestion(self) -> Congestion:
        """Tell how Kafka takes what it is given; one who pushes should be told."""
        return self._outlet.congestion

    def stop(self) -> None:
        """Ask the source to come to its end."""
        self._stop.set()

    async def pause(self, seconds: float) -> bool:
        """Wait, less when asked to stop; tell whether to go on."""
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return True
        return False

    async def stopped(self) -> None:
        """Wait until asked to stop."""
        await self._stop.wait()

    def restore(self, wanted: type[P]) -> P | None:
        """Give the position that was saved last; None at the first start."""
        return self._checkpoint.restore(wanted) if self._checkpoint else None

    async def save(self, position: Struct) -> None:
        """Keep the position, durably; only after `take` has returned from everything before it."""
        if self._checkpoint is None:
            return
        saving = asyncio.create_task(asyncio.to_thread(self._checkpoint.save, position))
        try:
            await asyncio.shield(saving)
        except asyncio.CancelledError:
            # The thread goes on whatever happens here; whoever has the checkpoint next must not meet it.
            await asyncio.wait({saving})
            raise

    async def take(self, items: Sequence[Item]) -> Taken:
        """Send the items, in order; when this returns, Kafka has acknowledged them all."""
        now = self._source.clock()
        records: list[Record] = []
        refused: list[Refusal] = []
        latest = unassigned = events = 0
        for index, item in enumerate(items):
            submission = item.submission
            try:
                if isinstance(submission, UnreadableError):
                    raise submission
                check_time(submission, now)
                latest = max(latest, submission.at)
                if submission.edited and submission.at < now - EDITS_WITHIN:
                    continue
                made = self._maker.events(submission)
            except UnreadableError as fault:
                # Through these, which lead back here, all items would wait for the collector of cycles.
                fault.__traceback__ = fault.__cause__ = fault.__context__ = None
                records.append(self._letter(item, fault, now))
                refused.append(Refusal(index, fault.reason, str(fault)))
                continue
            records += [
                Record(self._topics.events, self._partitions.of(event), event.region.encode(), encode(event))
                for event in made
            ]
            events += len(made)
            unassigned += made[0].region == UNASSIGNED
        ticket = object()
        self._owed[ticket] = now
        try:
            await self._outlet.deliver(records)
        finally:
            del self._owed[ticket]
        self.counters.events += events
        self.counters.unassigned += unassigned
        for refusal in refused:
            self.counters.refused(refusal.reason)
        return Taken(len(items) - len(refused), latest, tuple(refused))

    async def beat(self) -> None:
        """Send the source's heartbeat into every partition, unless the one before is still on its way."""
        standing = self._source.standing(self._source.clock())
        if standing is None or self._beating:
            return
        if self.trouble:
            standing = Standing(self._claimed, "down", self.trouble)
        value = encode(self._heartbeat(standing))
        self._beating = True
        try:
            await self._outlet.deliver(
                [Record(self._topics.events, number, None, value) for number in range(self._outlet.partitions)]
            )
        finally:
            self._beating = False
        self.counters.heartbeats += 1

    def _heartbeat(self, standing: Standing) -> Heartbeat:
        timing = self._source.timing
        # What was received first is owed longest: dicts keep their order.
        owed = next(iter(self._owed.values()), standing.complete_to)
        self._claimed = max(self._claimed, min(standing.complete_to, owed))
        return Heartbeat(
            source=self._source.name,
            status=standing.status,
            clock=self._source.clock(),
            complete_to=self._claimed,
            timeout=timing.timeout,
            lateness=timing.lateness,
            reason=standing.reason,
            regions=self._source.regions,
        )

    def _letter(self, item: Item, fault: UnreadableError, now: int) -> Record:
        letter = self._sealer.letter(
            self._source.name,
            fault,
            item.raw,
            size=item.size or len(item.raw),
            place=item.place,
            context=item.context,
            now=now,
        )
        return Record(self._topics.deadletter, DEADLETTER_PARTITION, self._source.name.encode(), encode(letter))
