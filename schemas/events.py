"""The values of the topic `events`: what one actor did once, and how far a source has got."""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

from msgspec import Meta, Struct

from schemas.version import Version, version_field

Kind = Literal[
    "post",
    "reply",
    "reshare",
    "reaction",
    "request",
    "recognised",
    "view",
    "delivered",
    "open",
    "click",
    "delete",
    "bounce",
    "complaint",
    "unsubscribe",
]
"""What was done. `delete` is a mail that was deleted."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

COUNTING_KINDS: Final[frozenset[Kind]] = frozenset({"post", "reply", "reshare", "reaction", "request"})
"""The kinds by which a person takes part; the others are about a channel or about somebody else."""

Role = Literal["office", "leader", "person", "bot"]
"""Who the actor is to the organisation; a `bot` is counted among events, never among people."""

Status = Literal["ok", "degraded", "down", "ended"]
"""How a source is. `ended`: it has sent everything it ever will and is no longer a source of its regions."""

MAXIMUM_TAGS: Final = 32
UNASSIGNED: Final = "unassigned"
"""The region of events whose account the directory does not know."""

PLAIN: Final = r"^(?![\s\S]*[\u0000-\u001f])"
"""Text without control characters, for Python and for JSON Schema. Decoders don't match it, which would more than
double their time: schemas.codec.check_names does, where a record has an escape.
"""
_NAME: Final = Meta(min_length=1, max_length=64, extra_json_schema={"pattern": PLAIN})
Identifier = Annotated[str, _NAME]
RegionName = Annotated[str, _NAME]
"""A region's name is part of the keys of its state, as is a tab between the parts."""
Tag = Annotated[str, Meta(min_length=1, max_length=140)]
Milliseconds = Annotated[int, Meta(ge=0, lt=253_402_300_800_000)]
"""Time since the Unix epoch, UTC, in milliseconds; before the year 10000."""
EARLIEST: Final = 631_152_000_000
"""1990-01-01 UTC in milliseconds: an earlier moment is one that was never set, as the epoch or the year 1980 is."""
Moment = Annotated[int, Meta(ge=EARLIEST, lt=253_402_300_800_000)]
"""Milliseconds at which somebody did something."""


class Event(Struct, frozen=True, gc=False, omit_defaults=True, tag_field="type", tag="event"):
    """One thing that one actor did once, without name, handle or text.

    `id` and `reference` are keyed hashes of the source's own identifiers, equal for equal originals, so that a
    repeat is known and a post cannot be looked up. `tags` are folded keys; `labels`, where they differ from the keys,
    the forms that were written, in the same order. `target` is the pseudonym of the person who was reshared, asked
    or recognised, `target_role` who that is to the organisation. `formerly` is the actor's pseudonym under the key
    before, for as long as two keys overlap: both are one person.
    """

    id: Identifier
    at: Moment
    region: RegionName
    actor: Identifier
    kind: Kind
    source: Identifier
    tags: Annotated[tuple[Tag, ...], Meta(max_length=MAXIMUM_TAGS)] = ()
    labels: Annotated[tuple[Tag, ...], Meta(max_length=MAXIMUM_TAGS)] = ()
    role: Role = "person"
    reference: str = ""
    target: str = ""
    target_role: Role = "person"
    machine: bool = False
    formerly: Annotated[str, Meta(extra_json_schema={"pattern": PLAIN})] = ""
    v: Version = version_field()


class Heartbeat(Struct, frozen=True, gc=False, omit_defaults=True, tag_field="type", tag="heartbeat"):
    """What an ingest agent puts into every partition of `events` at each interval: its state, its clock, its progress.

    `clock` is the ingest agent's own clock, `complete_to` the event time up to which it has sent everything it will
    send (both ms). `timeout` is how far (ms) its clock may fall behind the partition's before it counts as down,
    `lateness` how long (ms) its buckets stay open after the watermark. `regions` names the regions that it feeds; where
    empty they are learnt from its events.
    """

    source: Identifier
    status: Status
    clock: Milliseconds
    complete_to: Milliseconds
    timeout: Milliseconds = 15_000
    lateness: Milliseconds = 120_000
    reason: str = ""
    regions: tuple[RegionName, ...] = ()
    v: Version = version_field()


EventRecord = Event | Heartbeat
