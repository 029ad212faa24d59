"""Incidents: a silence that comes back soon after a recovery is no news at once, but is told if it lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from streams.measures.silence.words import duration

if TYPE_CHECKING:
    from schemas.regions import Verdict

TOLD: Final = 5 * 60_000
"""A silence that was over sooner may not have reached anybody: the alert rules wait for two minutes."""

WELL: Final = frozenset({"active", "quiet"})
"""Verdicts that end a silence. `unknown` and `hidden` only interrupt it: nobody knows that it is over."""


class Incident(Struct):
    """The present or last incident of a region; times are event time (ms), 0 for none.

    `since` is when its first silence was called, `begun` when its last one was, `over` when the last recovery was;
    `going` while a silence goes on. Before `held_until` a new silence is not told anew.
    """

    since: int = 0
    begun: int = 0
    over: int = 0
    going: bool = False
    held_until: int = 0

    def follow(self, verdict: Verdict, at: int, cool_down: int) -> None:
        """Take the verdict that holds from `at` on; `cool_down` in ms.

        A silence at most `cool_down` after a recovery belongs to the incident before. The recovery of one that was told
        begins a time of the same length in which silences are held back; that of a held one does not prolong it, so
        that a region that flaps on and on is told of once in each such time, and what lasts always is.
        """
        if verdict == "silent" and not self.going:
            if not self.over or at - self.over > cool_down:
                self.since, self.held_until = at, 0
            self.begun, self.going = at, True
        elif verdict in WELL and self.going:
            if at - max(self.begun, self.held_until) >= TOLD:
                self.held_until = at + cool_down
            self.over, self.going = at, False

    def open_at(self, at: int, cool_down: int) -> bool:
        """Tell whether it goes on at `at`, or a new silence would still belong to it."""
        return self.going or (self.over > 0 and at - self.over <= cool_down)

    def held_at(self, at: int) -> bool:
        """Tell whether the silence that goes on at `at` is held back as yet."""
        return self.going and at < self.held_until

    def words(self) -> str:
        """Say that a silence came back; nothing of a first one."""
        again = self.going and self.since < self.begun
        return f"silent again {duration((self.begun - self.over) // 1000)} after it had recovered" if again else ""
