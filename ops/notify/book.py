"""What is known of the regions and what each receiver has been told: the whole of it survives a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from ops.exporter.known import ENOUGH_TO_SUSPECT, JUDGED
from schemas.regions import Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from schemas.regions import Transition

EVERYTHING: Final = "*"
"""What stands for all regions together among what was told; no region has this name."""


class Change(Struct, frozen=True):
    """The latest change of a region: `at` is event time, `counts_from` what its age is measured from (ms)."""

    region: str
    at: int
    old: str
    new: Verdict
    reason: str
    counts_from: int


class Told(Struct, frozen=True):
    """What a receiver knows of a region: the verdict, and since when it holds (event time, ms)."""

    verdict: str
    at: int


class Saved(Struct):
    """Everything that is kept: the next offset of each partition, the latest changes, what each receiver was told.

    `sending` has the receivers to which a message was on its way: after a crash nobody knows whether it arrived.
    """

    offsets: dict[int, int] = field(default_factory=dict)
    latest: dict[str, Change] = field(default_factory=dict)
    told: dict[str, dict[str, Told]] = field(default_factory=dict)
    sending: set[str] = field(default_factory=set)


class Book:
    """Takes the changes of the topic `alerts`, each once, whatever is read or published again."""

    def __init__(self, regions: Collection[str], saved: Saved | None = None) -> None:
        self.regions = frozenset(regions)
        self.saved = saved or Saved()

    @property
    def latest(self) -> Mapping[str, Change]:
        """The latest change of each region of the directory."""
        return self.saved.latest

    def take(self, transition: Transition, *, published: int, simulated: bool = False) -> bool:
        """Take a change; False where it is no news: known already, older than what is known, of no region of ours.

        `published` is Kafka's time of the record (ms), from which the age counts where the organisation's clock is
        made up.
        """
        name = transition.region
        if name not in self.regions:
            return False
        before = self.saved.latest.get(name)
        # of one moment, what goes on from the verdict that is known is news, and all else a repeat
        if before is not None and (transition.at, transition.old == before.new) <= (before.at, False):
            return False
        self.saved.latest[name] = Change(
            region=name,
            at=transition.at,
            old=transition.old,
            new=transition.new,
            reason=transition.reason,
            counts_from=published if simulated else transition.at,
        )
        return True

    def told(self, receiver: str) -> dict[str, Told]:
        """Give what a receiver was told and what still holds as far as it knows."""
        return self.saved.told.setdefault(receiver, {})

    def everything_silent(self) -> bool:
        """Tell whether every region that can be judged is silent, and enough can, as the exporter says it."""
        judged = [change.new for change in self.saved.latest.values() if change.new in JUDGED]
        return len(judged) >= ENOUGH_TO_SUSPECT and set(judged) == {"silent"}
