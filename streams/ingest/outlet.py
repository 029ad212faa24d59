"""Where records go: to Kafka, or, in a dry run, to the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

Congestion = Literal["", "behind", "away"]
"""How Kafka takes what it is given: at once, too slowly, or not at all."""


class Record(NamedTuple):
    """One record on its way to a topic."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes


class Outlet(Protocol):
    """Takes records; of one partition they stay in order, whatever fails on the way."""

    @property
    def partitions(self) -> int:
        """Give the number of partitions of `events`."""

    @property
    def congestion(self) -> Congestion:
        """Tell whether something new should be given to it."""

    async def deliver(self, records: Sequence[Record]) -> None:
        """Return when every record is acknowledged; a record may be written twice, but never after a later one."""
