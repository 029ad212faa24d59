"""What the fold of a partition gives of a run of records."""

from __future__ import annotations

from msgspec import Struct, field

from schemas.activity import Activity, SourceChange
from schemas.deadletter import Reason


class Refused(Struct, frozen=True):
    """A record that could not be taken, for the dead letters."""

    offset: int
    reason: Reason
    detail: str
    raw: bytes


class Output(Struct):
    """What a run of records has brought: `published` in the order of its closing, `closed_to` for each the minute
    before which all were closed when it was published, and what was refused.
    """

    published: list[Activity | SourceChange] = field(default_factory=list)
    closed_to: list[int] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
