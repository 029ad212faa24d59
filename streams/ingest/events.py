"""Makes the wire Event of a submission: names become pseudonyms, text becomes tags, an account gets its region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.events import Event
from streams.measures.hashtags import extract, fold, tags_and_labels
from streams.measures.partitioning import partition_of, partition_of_region

if TYPE_CHECKING:
    from streams.ingest.pseudonyms import Pseudonyms
    from streams.ingest.resolve import Resolver
    from streams.ingest.submission import Submission


class EventMaker:
    """Makes the events of one source."""

    def __init__(self, source: str, resolver: Resolver, pseudonyms: Pseudonyms) -> None:
        self._source = source
        self._resolver = resolver
        self._pseudonyms = pseudonyms

    def event(self, submission: Submission) -> Event:
        """Make the event; nothing of it is readable without the key but time, kind, region and tags."""
        who = self._resolver.who(submission.account, submission.at)
        target = self._resolver.who(submission.target, submission.at) if submission.target else None
        written = map(_bare, submission.tags) if submission.tags else extract(submission.text)
        tags, labels = tags_and_labels(written)
        return Event(
            id=self._pseudonyms.original(self._source, submission.id),
            at=submission.at,
            region=self._resolver.region(submission.region, who, submission.channel),
            actor=who.actor,
            kind=submission.kind,
            source=self._source,
            tags=tags,
            labels=labels,
            role="bot" if submission.bot else who.role,
            reference=self._pseudonyms.original(self._source, submission.reference) if submission.reference else "",
            target=target.actor if target else "",
            target_role=target.role if target else "person",
            machine=submission.machine,
        )


def _bare(tag: str) -> str:
    """Give a claimed tag as a text would have it; one that no text could have, by its key, since labels are shown."""
    bare = tag.lstrip("#＃")
    return bare if extract(f"#{bare}") == [bare] else fold(bare)


class Partitions:
    """Chooses the partition of an event, remembering those of the regions."""

    def __init__(self, count: int, shards: dict[str, int]) -> None:
        self._count = count
        self._shards = {region: wished for region, wished in shards.items() if wished > 1}
        self._known: dict[str, int] = {}

    def of(self, event: Event) -> int:
        """Give the partition of an event."""
        wished = self._shards.get(event.region, 1)
        if wished > 1:
            return partition_of(event.region, event.actor, wished, self._count)
        known = self._known.get(event.region)
        if known is None:
            # Regions are those of the directory and `unassigned`, so that this stays small.
            known = self._known[event.region] = partition_of_region(event.region, self._count)
        return known
