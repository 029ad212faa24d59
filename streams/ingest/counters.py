"""What an ingest agent counts of itself, one plain object for each source; whoever shows figures reads it."""

from __future__ import annotations

from msgspec import Struct, field

from schemas.deadletter import Reason


class Counters(Struct):
    """Counts since the start of the process; what Kafka has acknowledged, but for `unassigned`.

    `unassigned` are the events whose account or region the directory does not know.
    """

    events: int = 0
    unassigned: int = 0
    heartbeats: int = 0
    dead_letters: dict[Reason, int] = field(default_factory=dict)

    def refused(self, reason: Reason) -> None:
        """Count one dead letter."""
        self.dead_letters[reason] = self.dead_letters.get(reason, 0) + 1
