"""What is to be replayed: a stretch of event time, and where in the log of each partition it stands."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

MINUTE: Final = 60_000
HOUR: Final = 60
DAY: Final = 1_440
WINDOW: Final = 120
"""A window of output, in minutes: that of Prometheus's blocks, at even hours UTC."""


class Stretch(Struct, frozen=True):
    """Where one partition is read: from offset `start` to before `stop`. `begins_at` is the time (ms) that Kafka has of
    the first record that is still there, -1 for an empty partition; `cut_off`: the wanted start is gone.
    """

    start: int
    stop: int
    begins_at: int = -1
    cut_off: bool = False


class Plan(Struct, frozen=True):
    """A replay. Minutes are since the epoch: those from `begin` to before `end` are given out, each at the end of the
    minute and `delay` (s) later, when it was shown live. Before `begin` the `lead` (minutes) is folded as well, so that
    windows and baselines are full; after `end` the log is read for `horizon` minutes more, for late events.
    """

    begin: int
    end: int
    lead: int
    horizon: int
    delay: int
    stretches: dict[int, Stretch]

    def shown_at(self, minute: int) -> int:
        """Give the time (s since the epoch) at which a minute was shown."""
        return (minute + 1) * 60 + self.delay

    def window_of(self, minute: int) -> int:
        """Give the number of the output window, counted from the epoch, in which a minute was shown."""
        return self.shown_at(minute) // (WINDOW * 60)

    def first_minute(self, window: int) -> int:
        """Give the first minute that was shown in an output window."""
        return first_shown(window * WINDOW * 60, self.delay)


def first_shown(at: int, delay: int) -> int:
    """Give the first minute that was shown at `at` (s) or later, `delay` (s) after its end."""
    return -(-(at - delay) // 60) - 1
