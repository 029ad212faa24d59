"""What is known of the regions and what each receiver has been told: the whole of it survives a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from msgspec import Struct, field

from schemas.regions import EVERYTHING_SILENT, JUDGED, Verdict
from streams.measures.regions.whole import ENOUGH

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from schemas.regions import Transition

EVERYTHING: Final = "*"
"""What stands for all regions together among what was told; no region has this name."""


class Change(Struct, frozen=True):
    """The latest change of a region: `at` is event time, `counts_from` what its age is measured from (ms).

    Of a silence `incident` is when its incident began (event time, ms); `held` is how long after `at` (ms) it is told
    to who was told of the incident: above 0 where it came back within the cool-down.
    """

    region: str
    at: int
    old: str
    new: Verdict
    reason: str
    counts_from: int
    incident: int = 0
    held: int = 0


class Told(Struct, frozen=True):
    """What a receiver knows of a region: the verdict, and since when it holds (event time, ms)."""

    verdict: str
    at: int


class Saved(Struct):
    """Everything that is kept: the next offset of each partition, the latest changes, what each receiver was told.

    `whole` is when the whole last changed its verdict (event time, ms), `whole_counts_from` what its age is measured
    from (ms), `everything` whether all is silent by it, `why` the reason that was given. `incidents` has, by receiver
    and region, the last incident that it was told of. `sending` has the receivers to which a message was on its way:
    after a crash nobody knows whether it arrived.
    """

    offsets: dict[int, int] = field(default_factory=dict)
    latest: dict[str, Change] = field(default_factory=dict)
    told: dict[str, dict[str, Told]] = field(default_factory=dict)
    sending: set[str] = field(default_factory=set)
    incidents: dict[str, dict[str, int]] = field(default_factory=dict)
    whole: int = 0
    whole_counts_from: int = 0
    everything: bool = False
    why: str = ""


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
        if transition.scope == "whole":
            return self._take_whole(transition, published if simulated else transition.at)
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
            new=cast("Verdict", transition.new),  # of a region, by its scope
            reason=transition.reason,
            counts_from=published if simulated else transition.at,
            incident=transition.evidence.incident_since,
            held=max(0, transition.evidence.held_until - transition.at),
        )
        return True

    def _take_whole(self, transition: Transition, counts_from: int) -> bool:
        if transition.at <= self.saved.whole:
            return False
        self.saved.whole, self.saved.whole_counts_from = transition.at, counts_from
        self.saved.everything = transition.new == EVERYTHING_SILENT
        self.saved.why = transition.reason
        return True

    def told(self, receiver: str) -> dict[str, Told]:
        """Give what a receiver was told and what still holds as far as it knows."""
        return self.saved.told.setdefault(receiver, {})

    def incidents(self, receiver: str) -> dict[str, int]:
        """Give the incident of each region that a receiver was told of last."""
        return self.saved.incidents.setdefault(receiver, {})

    def everything_silent(self) -> bool:
        """Tell whether everything is silent: by the verdict of the whole, or since all that can be judged are."""
        # a region that has left the directory stays in what was saved, and never changes again
        ours = (change for name, change in self.saved.latest.items() if name in self.regions)
        judged = [change.new for change in ours if change.new in JUDGED]
        return self.saved.everything or (len(judged) >= ENOUGH and set(judged) == {"silent"})
