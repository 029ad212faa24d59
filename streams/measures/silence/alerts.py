"""When an alert comes and when it ends: thresholds, hysteresis, cool-down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.measures.silence.settings import COOL_DOWN, PEAK_FALL, QUARTER, RECOVERED

if TYPE_CHECKING:
    from streams.measures.silence.fit import Fit
    from streams.measures.silence.heights import Heights
    from streams.measures.silence.state import State


def decide(state: State, fit: Fit, now: Heights, *, seen: bool, occupied: bool) -> None:
    """Bring the alerts of a state up to date with the slot that ended.

    Silence is called after an empty slot that was evidence. It ends with the first post where slots are of a quarter
    hour or more (the machine does that at once; a drop that still stands keeps it up), else with the third occupied
    slot since the odds were last over the threshold. A drop ends once its log odds are PEAK_FALL below the threshold.
    """
    before = state.silent or state.dropped
    high = now.silence >= fit.threshold
    if not state.silent:
        state.silent = high and seen and not occupied
        state.occupied = 0
    elif occupied:
        state.occupied += 1
        state.silent = fit.slot >= QUARTER or state.occupied < RECOVERED
    elif high:
        state.occupied = 0
    if fit.counted:
        state.dropped = now.drop >= fit.drop_threshold - (PEAK_FALL if state.dropped else 0.0)
    _note(state, before=before)


def recover(state: State, minute: int) -> None:
    """End a silence with the post of a minute.

    The gap was a silence and was told as one; kept as a sign of a drop, it would outweigh a day of posts.
    """
    state.silent = False
    state.mixed = state.mixed_before
    if not state.dropped:
        state.recovered = minute


def forgive(state: State, last_event: int) -> None:
    """Start all odds anew, and end an alert that came after the minute `last_event`; an earlier one stays."""
    if state.silent or state.dropped:
        if state.alerted <= last_event:
            return
        state.recovered = state.minute
    state.silent = state.dropped = False
    state.odds = state.expected_events = 0.0
    state.mixed = state.mixed_before
    state.counted = state.counted._replace(odds=0.0)


def _note(state: State, *, before: bool) -> None:
    """Keep when alerts came and went; one soon after a recovery belongs to the incident before."""
    now = state.silent or state.dropped
    if now and not before:
        state.alerted = state.minute
        merged = state.recovered >= 0 and state.minute - state.recovered <= COOL_DOWN
        state.incident = state.incident if merged else state.minute
    elif before and not now:
        state.recovered = state.minute
