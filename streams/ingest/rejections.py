"""Counts what was turned away at the door, so that the heartbeat says when that is more than chance or an attack."""

from __future__ import annotations

from typing import Final

import structlog

WINDOW: Final = 60_000
"""Milliseconds in which rejections are counted together."""
MANY: Final = 5

log = structlog.get_logger(__name__)


class Rejections:
    """Requests let in and turned away, in this minute and the one before; turned away are those that prove nothing."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._window = 0
        self._now = [0, 0]
        self._before = [0, 0]
        self._why = ""
        self._said = False

    def let_in(self, now: int) -> None:
        """Count a request with a good proof of where it comes from (`now` in ms)."""
        self._turn(now)
        self._now[0] += 1

    def turned_away(self, now: int, why: str) -> None:
        """Count a request without one; `why` says what was wanted, without quoting what came."""
        self._turn(now)
        self._now[1] += 1
        self._why = why
        if not self._said and self.words(now):
            self._said = True
            log.warning("push.turned_away", source=self._source, reason=self.words(now))

    def words(self, now: int) -> str:
        """Say it in words where most requests, and not only a few, were turned away; else give nothing."""
        self._turn(now)
        good, bad = (one + other for one, other in zip(self._now, self._before, strict=True))
        if bad < MANY or bad <= good:
            self._said = False
            return ""
        return f"{bad} of the last {good + bad} requests were turned away: {self._why}; is the secret the right one?"

    def _turn(self, now: int) -> None:
        window = now // WINDOW
        if window > self._window:
            self._before = self._now if window == self._window + 1 else [0, 0]
            self._now = [0, 0]
            self._window = window
