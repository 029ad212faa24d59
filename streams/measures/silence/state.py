"""A region's running state, small enough to be written each minute, and what an observation says."""

from __future__ import annotations

from msgspec import Struct, field

from streams.measures.silence.drops import Counted


class Assessment(Struct, frozen=True):
    """What is known of a region after a minute.

    `silent` is after hysteresis; `test` says which test holds it silent (`silence` or `drop`), `ending` that posts have
    begun to come again, too few as yet to end it. `learning` until there is enough history. `planned` is why nothing
    is expected now, empty where something is. `empty_seconds` since the last event, `expected_events` since then; in a
    drop `window_seconds`, `window_events` and `expected_events` are about the time since the drop showed.
    `silent_since` is the minute whose end brought the present alert, -1 without one. `log_odds` and `threshold` are
    those of the drop that alone holds it silent, else of the test that is nearer to firing; by chance they get this
    high once in `weeks`. `promised_seconds` is how long a silence that began now would take to be called, None where
    that is beyond four weeks; over 72 h `weekly_check` is set. `incident_since` is the minute of the first alert of the
    present or last incident (-1 before there was one): a new alert within six hours of a recovery belongs to the
    incident before. `last_event` is the minute of the last event, -1 before there was one.
    """

    silent: bool
    learning: bool
    planned: str = ""
    test: str = ""
    ending: bool = False
    empty_seconds: int = 0
    expected_events: float = 0.0
    window_seconds: int = 0
    window_events: int = 0
    log_odds: float = 0.0
    threshold: float = 0.0
    weeks: float = 0.0
    promised_seconds: int | None = None
    weekly_check: bool = False
    incident_since: int = -1
    silent_since: int = -1
    last_event: int = -1


class State(Struct, array_like=True):
    """What changes from minute to minute. Minutes are since the epoch; odds in hours; see Assessment for the rest."""

    first: int = -1
    minute: int = -1
    last_event: int = -1
    count: int = 0
    """Events in the open slot."""
    step_events: int = 0
    """Events in the open step."""
    seen: bool = True
    """Whether the open slot was observed throughout, so far."""
    step_seen: bool = True
    """Whether the open step was."""
    odds: float = 0.0
    mixed: float = 0.0
    """Odds of a drop where it has no test of its own."""
    mixed_before: float = 0.0
    """The same before the present gap."""
    done: float = 0.0
    expected: float = 0.0
    level: float = 1.0
    counted: Counted = field(default_factory=Counted)
    expected_events: float = 0.0
    silent: bool = False
    dropped: bool = False
    occupied: int = 0
    """Occupied slots since the alert."""
    incident: int = -1
    recovered: int = -1
    alerted: int = -1
    drop_since: int = -1
    drop_events: int = 0
    drop_expected: float = 0.0
    hour: int = -1
    """The minute with which the present hour began, and the level then: what the promise is about."""
    hour_level: float = 1.0
