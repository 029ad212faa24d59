"""Why a region is judged as it is: the course of its last two weeks, as the detector saw it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from streams.measures.calendars import QUIET
from streams.measures.silence.detector import Detector
from streams.measures.silence.fit import Fit
from streams.measures.silence.incident import Incident
from streams.measures.silence.settings import DAY, HOUR, QUARTER
from streams.measures.silence.slots import step_length
from streams.measures.silence.state import Assessment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schemas.config import SilenceSettings
    from schemas.directory import Region

DRAWN: Final = 14 * DAY
MINUTE: Final = 60_000


class Minute(Struct, frozen=True, array_like=True):
    """One closed minute of a region; the span - 1 minutes before it were complete and empty."""

    minute: int
    events: int
    observed: bool = True
    span: int = 1


class Hour(Struct, frozen=True):
    """One hour of a region: events, those expected at its level, log odds over threshold at its end (0 fires).

    `seen` is false where a source was down or nothing was expected.
    """

    start: int
    events: int
    expected: float
    margin: float
    silent: bool
    seen: bool


class Explanation(Struct, frozen=True):
    """The decision at a minute, what it stands on, and the two weeks before; `days` is how much history there was.

    `incident` is the last one of these weeks.

    `observed` is false where a source of the region was down in that minute, so that it could not be judged.
    """

    region: str
    minute: int
    said: Assessment
    observed: bool
    fit: Fit | None
    level: float
    days: float
    hours: list[Hour]
    incident: Incident


def explain(
    histories: Mapping[str, Sequence[Minute]],
    regions: Sequence[Region],
    settings: SilenceSettings,
    region: str,
    at: int | None = None,
) -> Explanation:
    """Run the detector over histories (in order of time) up to the minute `at` and say what it saw in one region.

    The histories of the other regions make the pool. Raises KeyError where the region has no history before `at`.
    """
    own = [one for one in histories.get(region, ()) if at is None or one.minute <= at]
    if not own:
        raise KeyError(region)
    end = own[-1].minute
    detector = Detector(regions, settings.false_alarms_per_week)
    drawn: list[Hour] = []
    incident = Incident()
    cool_down = settings.cool_down
    for name, one in _in_order(histories, end):
        if name == region and one.minute > end - DRAWN:
            for piece, after in _follow(detector, region, one, max(one.minute - one.span, end - DRAWN)):
                drawn.append(piece)
                if one.observed:
                    incident.follow("silent" if piece.silent else "quiet", after * MINUTE, cool_down)
        else:
            detector.advance(name, one.minute, one.events, one.observed, one.span)
    machine = detector.machine(region)
    said = machine.assess()
    return Explanation(
        region=region,
        minute=end,
        said=said,
        observed=own[-1].observed,
        fit=machine.fit,
        level=machine.state.level,
        days=(end - machine.state.first) / DAY,
        hours=_by_hour(drawn),
        incident=incident,
    )


def _in_order(histories: Mapping[str, Sequence[Minute]], end: int) -> Iterable[tuple[str, Minute]]:
    every = (
        (one.minute // DAY, name, one) for name, minutes in histories.items() for one in minutes if one.minute <= end
    )
    for _, name, one in sorted(every, key=lambda entry: (entry[0], entry[1], entry[2].minute)):
        yield name, one


def _follow(detector: Detector, region: str, one: Minute, after: int) -> Iterable[tuple[Hour, int]]:
    """Feed a minute and its span by quarter hours, to see the course in between; each with the minute after it."""
    machine = detector.machine(region)
    first = one.minute - one.span + 1
    if first <= after:
        detector.advance(region, after, 0, one.observed, after - first + 1)
        first = after + 1
    while first <= one.minute:
        stop = min((first // QUARTER + 1) * QUARTER - 1, one.minute)
        events = one.events if stop == one.minute else 0
        detector.advance(region, stop, events, one.observed, stop - first + 1)
        said = machine.assess()
        code = machine.calendar.codes((first + machine.calendar.phase) // DAY)[
            (first + machine.calendar.phase) % DAY // QUARTER
        ]
        usual = (
            machine.fit.mean[code & (QUIET - 1)] * (stop - first + 1) / step_length(machine.fit.slot)
            if machine.fit
            else 0.0
        )
        hour = Hour(
            start=first,
            events=events,
            expected=usual
            * (machine.state.counted.level if machine.fit and machine.fit.counted else machine.state.level),
            margin=said.log_odds - said.threshold if machine.fit else 0.0,
            silent=said.silent,
            seen=one.observed and code < QUIET,
        )
        yield hour, stop + 1
        first = stop + 1


def _by_hour(pieces: Sequence[Hour]) -> list[Hour]:
    hours: dict[int, list[Hour]] = {}
    for piece in pieces:
        hours.setdefault(piece.start // HOUR * HOUR, []).append(piece)
    return [
        Hour(
            start=start,
            events=sum(piece.events for piece in inside),
            expected=sum(piece.expected for piece in inside if piece.seen),
            margin=max(piece.margin for piece in inside),
            silent=any(piece.silent for piece in inside),
            seen=any(piece.seen for piece in inside),
        )
        for start, inside in sorted(hours.items())
    ]
