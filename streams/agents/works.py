"""The folds as the keeper sees them: runs of records in, messages and table entries out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog
from nacl.public import SealedBox

from schemas.codec import encode
from schemas.deadletter import DeadLetter
from schemas.topics import ACTIVITY, ALERTS, DEADLETTER, EVENTS, REGIONS
from streams.agents.keeper import Message
from streams.kafka import topic_name
from streams.measures.engagement import entries as engagement
from streams.measures.engagement.layout import engagement_settings
from streams.measures.regions import entries as regions
from streams.measures.regions.fold import RegionsSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nacl.public import PublicKey

    from schemas.config import Config
    from schemas.directory import Directory
    from streams.agents.table import Entries
    from streams.fetch import Run
    from streams.measures.engagement.entries import Flush
    from streams.measures.engagement.output import Refused

log = structlog.get_logger(__name__)

KEPT_BYTES: Final = 64 << 10


class Letters:
    """Makes the dead letters of what an agent refuses."""

    def __init__(self, config: Config, seal_to: PublicKey | None) -> None:
        self.topic = topic_name(config.topics, DEADLETTER)
        self._box = SealedBox(seal_to) if seal_to is not None else None

    def messages(self, refused: Iterable[Refused], topic: str, partition: int, now: int) -> list[Message]:
        """Give the messages for records refused from a partition of `topic`; `now` is the partition's clock (ms)."""
        found = []
        for one in refused:
            kept = one.raw[:KEPT_BYTES]
            letter = DeadLetter(
                source=topic,
                reason=one.reason,
                detail=one.detail,
                place=f"{topic}/{partition}@{one.offset}",
                at=now,
                size=len(one.raw),
                sealed=self._box.encrypt(kept) if self._box is not None else b"",
                truncated=len(kept) < len(one.raw),
            )
            found.append(Message(self.topic, topic.encode(), encode(letter)))
        return found


class EventsWork:
    """One partition of `events`."""

    def __init__(
        self, partition: int, entries: Entries, config: Config, directory: Directory, letters: Letters
    ) -> None:
        self._partition = partition
        self._letters = letters
        self._activity = topic_name(config.topics, ACTIVITY)
        self._fold = engagement.restore(engagement_settings(partition, config, directory), entries)
        self._next = self._fold.position.start

    @property
    def next_offset(self) -> int:
        """The source offset from which on it wants records."""
        return self._next

    def take(self, run: Run) -> Sequence[Message]:
        """Fold a run of events and heartbeats."""
        awaited = self._fold.awaited
        output = self._fold.fold(run.offsets, run.values)
        self._next = run.next_offset
        if self._fold.awaited != awaited:
            log.info("partition.waits", partition=self._partition, for_first_heartbeat_of=list(self._fold.awaited))
        messages = [Message(self._activity, one.region.encode(), encode(one), 0) for one in output.published]
        if output.refused:
            now = self._fold.position.clock.now
            messages += self._letters.messages(output.refused, EVENTS, self._partition, now)
        return messages

    def flush(self) -> Flush:
        """Give the changed entries."""
        return engagement.flush(self._fold)


class ActivityWork:
    """The one partition of `activity`."""

    def __init__(self, entries: Entries, config: Config, directory: Directory, letters: Letters) -> None:
        self._letters = letters
        self._regions = topic_name(config.topics, REGIONS)
        self._alerts = topic_name(config.topics, ALERTS)
        self._fold = regions.restore(RegionsSettings(config, directory), entries)
        self._next = self._fold.offset + 1

    @property
    def next_offset(self) -> int:
        """The source offset from which on it wants records."""
        return self._next

    def take(self, run: Run) -> Sequence[Message]:
        """Fold a run of activity."""
        output = self._fold.fold(run.offsets, run.values)
        self._next = run.next_offset
        messages = [Message(self._regions, one.region.encode(), encode(one), 0) for one in output.statuses]
        messages += [Message(self._alerts, one.region.encode(), encode(one), 0) for one in output.transitions]
        if output.refused:
            messages += self._letters.messages(output.refused, ACTIVITY, 0, self._fold.clock)
        return messages

    def flush(self) -> Flush:
        """Give the changed entries."""
        return regions.flush(self._fold)
