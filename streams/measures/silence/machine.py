"""One region's detector: takes its minutes in order, closes slots, runs both tests, is refitted at fixed instants."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from streams.measures.calendars import QUIET
from streams.measures.silence import drops
from streams.measures.silence.alerts import decide, forgive, recover
from streams.measures.silence.fit import Fit, Pool, Standing, fit_region, look
from streams.measures.silence.forecast import promise
from streams.measures.silence.heights import heights, told
from streams.measures.silence.odds import after_empty, counts_half_life, drop_after, rescaled
from streams.measures.silence.settings import (
    DAY,
    HOUR,
    LEVEL_HALF_LIFE,
    LEVEL_WEIGHT,
    QUARTER,
    WEEKLY_CHECK,
    YOUNG,
)
from streams.measures.silence.slots import History, step_length
from streams.measures.silence.state import Assessment, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.measures.calendars import Calendar


class Machine:
    """A pure function of the region's own sequence of minutes and the pools that it is shown."""

    def __init__(self, name: str, calendar: Calendar, alpha: float, resolution: int) -> None:
        self.name = name
        self.calendar = calendar
        self.alpha = alpha
        self.resolution = resolution
        self.state = State()
        self.history = History()
        self.fit: Fit | None = None
        self.fit_changed = False
        self._hour = crc32(name.encode()) % 24
        self._phase = calendar.phase
        self._asked = (-1, 0.0, -1)
        self._answer: int | None = None
        self._take(None)

    def copy(self) -> Machine:
        """Copy it; what the copy sees does not change this one."""
        other = Machine(self.name, self.calendar, self.alpha, self.resolution)
        other.state = type(self.state)(*(getattr(self.state, name) for name in State.__struct_fields__))
        other.history = self.history.copy()
        other._take(self.fit)
        return other

    def resume(self, fit: Fit | None) -> None:
        """Go on with a fit that was restored beside the state and the history."""
        self._take(fit)

    def _take(self, fit: Fit | None) -> None:
        self.fit = fit
        self._slot = fit.slot if fit else HOUR
        self._hours = self._slot / HOUR
        self._step = step_length(self._slot)
        self._decay = 2 ** (-self._slot / LEVEL_HALF_LIFE)
        self._counts_decay = 2 ** (-self._step / counts_half_life(fit.mean, self._step)) if fit else 1.0
        self._code_day = -1
        self._codes = b""
        self._judge()

    def observe(self, minute: int, events: int, pools: Sequence[Pool], *, observed: bool, span: int) -> None:
        """Take one closed minute and the span - 1 empty ones before it; see Detector.observe."""
        state = self.state
        if state.minute < 0:
            state.first = minute - span + 1
            state.minute = state.first - 1
            self.history.begin(state.first + self._phase)
        if minute > state.minute:
            hole = minute - span
            if hole > state.minute:
                self._pass(hole, pools, observed=False)
            if minute - 1 > state.minute:
                self._pass(minute - 1, pools, observed=observed)
            if events:
                self._happen(minute, events)
            self._pass(minute, pools, observed=observed)

    def is_silent(self) -> bool:
        """Whether it is held silent, by either test."""
        return self.state.silent or self.state.dropped

    def forgive(self, last_event: int) -> None:
        """Take the time since the minute `last_event` for no evidence; see alerts.forgive."""
        forgive(self.state, last_event)
        self._judge()

    def _happen(self, minute: int, events: int) -> None:
        state = self.state
        state.count += events
        state.step_events += events
        state.last_event = minute
        state.expected_events = 0.0
        self.history.add(minute + self._phase, events)
        if state.silent and self._slot >= QUARTER:
            recover(state, minute)
            self._judge()

    def _pass(self, upto: int, pools: Sequence[Pool], *, observed: bool) -> None:
        state = self.state
        phase = self._phase
        while state.minute < upto:
            shifted = state.minute + 1 + phase
            end = (shifted // self._slot + 1) * self._slot - phase - 1
            stop = min(upto, end)
            if not observed:
                self.history.exclude(shifted, stop + phase)
                state.seen = state.step_seen = False
            state.minute = stop
            if stop == end:
                if self.fit:
                    self._close(self.fit, stop + 1 + phase)
                state.count = 0
                state.seen = True
                if (stop + 1 + phase) % self._step == 0:
                    state.step_events = 0
                    state.step_seen = True
                if (stop + 1 + phase) % HOUR == 0:
                    self._each_hour(stop + 1, pools)

    def _code(self, shifted: int) -> int:
        day = shifted // DAY
        if day != self._code_day:
            self._code_day = day
            self._codes = self.calendar.codes(day)
        quarter = shifted % DAY // QUARTER
        code = self._codes[quarter]
        if self._slot == HOUR and code < QUIET and max(self._codes[quarter : quarter + 4]) >= QUIET:
            return code + QUIET
        return code

    def _close(self, fit: Fit, end: int) -> None:
        state = self.state
        code = self._code(end - self._slot)
        cell = code & (QUIET - 1)
        seen = state.seen and code < QUIET
        occupied = state.count > 0
        if seen and state.silent and not occupied:
            # After the alert a silence teaches nothing: neither the level now nor the baseline at the next fit.
            self.history.exclude(end - self._slot, end - 1)
        learns = seen and (occupied or not state.silent)
        hazard = fit.hazard[cell]
        self._weigh(fit, hazard, cell, seen=seen, occupied=occupied)
        if not fit.by_counts:
            state.done *= self._decay
            state.expected *= self._decay
            if learns:
                state.done += occupied
                state.expected += 1 - 2.718281828459045**-hazard
            if occupied:
                state.level = (state.done + LEVEL_WEIGHT) / (state.expected + LEVEL_WEIGHT)
        if end % self._step == 0:
            self._close_step(fit, fit.mean[cell], seen=state.step_seen and code < QUIET)
        self._judge()
        decide(state, fit, self._heights, seen=seen, occupied=occupied)

    def _weigh(self, fit: Fit, hazard: float, cell: int, *, seen: bool, occupied: bool) -> None:
        state = self.state
        x = hazard * state.level
        if seen and not fit.counted:
            state.mixed = drop_after(state.mixed, self._hours, x, fit.tail, occupied=occupied)
        if occupied:
            state.odds = 0.0
            state.mixed_before = state.mixed
        elif seen:
            state.odds = after_empty(state.odds, self._hours, x / fit.tail)
            level = state.counted.level if fit.counted else state.level
            state.expected_events += fit.mean[cell] * self._slot / self._step * level

    def _close_step(self, fit: Fit, mean: float, *, seen: bool) -> None:
        state = self.state
        learns = seen and not (state.silent and not state.step_events)
        if fit.by_counts:
            state.done *= self._counts_decay
            state.expected *= self._counts_decay
            if learns:
                state.done += min(state.step_events, 3 * mean + 3)
                state.expected += mean
            state.level = (state.done + drops.WEIGHT) / (state.expected + drops.WEIGHT)
        if not fit.counted:
            return
        expected = mean * state.counted.level
        if learns:
            state.counted = drops.after_step(state.counted, state.step_events, mean, fit.dispersion, self._step)
            if state.dropped:
                state.counted = drops.held(state.counted, fit.drop_threshold)
        else:
            state.counted = drops.idle(state.counted, self._step)
        if state.counted.odds < 1 and not state.dropped:
            state.drop_since = -1
            state.drop_events = 0
            state.drop_expected = 0.0
        elif learns:
            if state.drop_since < 0:
                state.drop_since = state.minute - self._step + 1
            state.drop_events += state.step_events
            state.drop_expected += expected

    def _judge(self) -> None:
        """Work out how high the odds stand; kept until they change, and nothing that a restore would not find."""
        self._heights = heights(self.state, self.fit)

    def _each_hour(self, now: int, pools: Sequence[Pool]) -> None:
        """Refit if this is the hour for it, and work out the promise anew. `now` is the minute that begins."""
        state = self.state
        shifted = now + self._phase
        self.history.pass_to(shifted)
        day, hour = divmod(shifted // HOUR - self._hour, 24)
        young = now - state.first < YOUNG
        due = hour == 0 and (young or (day + 3) % 7 == 0) if self.fit else state.last_event >= 0
        if due and (pool := next((pool for pool in reversed(pools) if pool.at <= now), None)):
            past = look(self.history, self.calendar, now, self.resolution)
            fitted = fit_region(now, past, pool, self.alpha, young=young)
            if fitted:
                self._refit(*fitted, young=young)
        state.hour = now
        state.hour_level = state.level

    def promised(self) -> int | None:
        """Give how many seconds a silence that began with this hour would take to be called; None if over 4 weeks."""
        state, fit = self.state, self.fit
        if fit is None or state.hour < 0:
            return None
        asked = (state.hour, state.hour_level, fit.at)
        if asked != self._asked:
            found = promise(fit, self.calendar, state.hour, state.hour_level)
            self._asked, self._answer = asked, None if found is None else found * 60
        return self._answer

    def _refit(self, fit: Fit, standing: Standing, *, young: bool) -> None:
        state = self.state
        if self.fit:
            before, after = self.fit.tail, fit.tail
            state.odds = rescaled(state.odds, before, after)
            state.mixed = rescaled(state.mixed, before, after)
            state.mixed_before = rescaled(state.mixed_before, before, after)
            if young:
                # A young region's pace is guessed anew each day; what was a long gap by the first guess may be none.
                state.odds = min(state.odds, standing.odds)
                state.mixed = min(state.mixed, standing.mixed)
        state.level, state.done, state.expected = standing.level, standing.done, standing.expected
        state.counted = standing.counted._replace(odds=state.counted.odds if fit.counted else 0.0)
        if fit.counted:
            state.mixed = state.mixed_before = 0.0
        else:
            state.dropped = False
        self.fit_changed = True
        self._take(fit)

    def assess(self) -> Assessment:
        """Say what is known after the last minute."""
        state = self.state
        quiet = state.minute >= 0 and self._code(state.minute + self._phase) >= QUIET
        planned = self.calendar.expects(state.minute) if quiet else ""
        since = state.last_event if state.last_event >= 0 else state.first - 1
        empty = (state.minute - since) * 60
        if not self.fit:
            return Assessment(
                silent=False, learning=True, planned=planned, empty_seconds=empty, last_event=state.last_event
            )
        silent = self.is_silent()
        promised = self.promised()
        dropping = state.drop_since >= 0
        by_drop = state.dropped and not state.silent
        figures = told(state, self.fit, self._heights)
        return Assessment(
            silent=silent,
            learning=False,
            planned=planned,
            test="drop" if by_drop else "silence" if silent else "",
            ending=state.silent and state.occupied + state.count > 0,
            empty_seconds=empty,
            expected_events=state.drop_expected if by_drop else state.expected_events,
            window_seconds=(state.minute - state.drop_since + 1) * 60 if dropping else 0,
            window_events=state.drop_events if dropping else 0,
            log_odds=figures.log_odds,
            threshold=figures.threshold,
            weeks=figures.weeks,
            promised_seconds=promised,
            weekly_check=promised is None or promised > WEEKLY_CHECK * 60,
            incident_since=state.incident,
            silent_since=state.alerted if silent else -1,
            last_event=state.last_event,
        )
