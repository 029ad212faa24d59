"""Makes the wire Events of a submission: names become pseudonyms, text becomes tags, an account gets its region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import structs

from schemas.events import UNASSIGNED, Event
from streams.ingest.resolve import Resolver
from streams.measures.hashtags import extract, fold, tags_and_labels
from streams.measures.partitioning import partition_of, partition_of_region

if TYPE_CHECKING:
    from schemas.directory import Directory
    from streams.ingest.pseudonyms import Change, Pseudonyms
    from streams.ingest.resolve import Who
    from streams.ingest.submission import Submission

ASKING: Final = frozenset({"post", "reply"})
"""What is a request when it names an office."""


class EventMaker:
    """Makes the events of one source."""

    def __init__(self, source: str, resolver: Resolver, pseudonyms: Pseudonyms) -> None:
        self._source = source
        self._resolver = resolver
        self._pseudonyms = pseudonyms

    def events(self, submission: Submission) -> list[Event]:
        """Make the event, and those that follow from it; nothing of them is readable without the key but time, kind,
        region and tags.

        A mention of an office by somebody else is a request in the office's region; where its author belongs to
        another one, their post counts there as well. A reshare of somebody whom the directory knows is followed by a
        `recognised` in that person's region: of the person who was reshared (`target`), by the one who did it.
        """
        event, who = self._event(submission)
        derived: list[Event] = []
        if submission.mentions and event.kind in ASKING and event.role != "bot":
            event, derived = self._requests(event, who, submission)
        if event.kind == "reshare" and submission.target:
            derived += self._recognised(event, submission)
        return [event, *derived]

    def _event(self, submission: Submission) -> tuple[Event, Who]:
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
        ), who

    def _requests(self, event: Event, who: Who, submission: Submission) -> tuple[Event, list[Event]]:
        """Give the event, which is a request if nobody else's region has it, and the requests to other regions."""
        asked: dict[str, Event] = {}
        for account in submission.mentions:
            office = self._resolver.who(account, submission.at)
            region = office.region
            if office.role != "office" or not region or office.actor == who.actor or region in asked:
                continue
            if who.role == "office" and who.region == region:
                continue  # two accounts of one office
            asked[region] = structs.replace(
                event, kind="request", region=region, target=office.actor, target_role="office"
            )
        own = asked.pop(event.region, None)
        if own is None and asked and event.region == UNASSIGNED:
            own = asked.pop(next(iter(asked)))
        return own or event, list(asked.values())

    def _recognised(self, event: Event, submission: Submission) -> list[Event]:
        original = self._resolver.who(submission.target, submission.at)
        if not original.region or original.actor == event.actor or event.role == "bot" or event.machine:
            return []
        # Another id than the reshare's: both may lie in one minute of one region.
        return [
            structs.replace(
                event,
                id=self._pseudonyms.original(self._source, f"recognised\0{submission.id}"),
                kind="recognised",
                region=original.region,
            )
        ]


class ChangingMaker:
    """Makes the events of one source while two keys are known: by the key that holds at an event's own time.

    For as long as they overlap, an event has its actor's pseudonym under the key before as well.
    """

    def __init__(self, source: str, directory: Directory, pseudonyms: Pseudonyms, change: Change) -> None:
        self._change = change
        self._before = Resolver(directory, source, change.before)
        self._old = EventMaker(source, self._before, change.before)
        self._new = EventMaker(source, Resolver(directory, source, pseudonyms), pseudonyms)

    def events(self, submission: Submission) -> list[Event]:
        """Make the event, and those that follow from it."""
        if submission.at < self._change.since:
            return self._old.events(submission)
        made = self._new.events(submission)
        if submission.at >= self._change.until:
            return made
        formerly = self._before.who(submission.account, submission.at).actor
        return [structs.replace(event, formerly=formerly) for event in made]


def maker_of(source: str, directory: Directory, pseudonyms: Pseudonyms) -> EventMaker | ChangingMaker:
    """Give what makes the events of a source."""
    if pseudonyms.change is not None:
        return ChangingMaker(source, directory, pseudonyms, pseudonyms.change)
    return EventMaker(source, Resolver(directory, source, pseudonyms), pseudonyms)


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
