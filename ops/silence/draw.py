"""Draws what the detector saw, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from streams.measures.regions.verdict import by_silence
from streams.measures.silence.explain import MINUTE
from streams.measures.silence.words import duration, number, promise, rarity, reason

if TYPE_CHECKING:
    import datetime as dt

    from rich.console import RenderableType

    from streams.measures.calendars import Calendar
    from streams.measures.silence.backtest import Report, Result
    from streams.measures.silence.explain import Explanation, Hour
    from streams.measures.silence.state import Assessment

BARS: Final = "▁▂▃▄▅▆▇█"
LEGEND: Final = (
    "▁ to █: posts in an hour   ·: none, hardly any expected   o: none, some expected   !: silent   ?: no evidence"
)


def explanation(seen: Explanation, calendar: Calendar, group: int) -> RenderableType:
    """Draw the decision, what it stands on, and the last two weeks, a line for each local day.

    `group` is the minimum group, in steps of which a reason counts.
    """
    said = seen.said
    facts = Table.grid(padding=(0, 2))
    facts.add_row("region", seen.region)
    facts.add_row("at", f"{calendar.local(seen.minute + 1):%a %d %B %Y %H:%M %Z}")
    decision = f"{by_silence(said)}: {reason(said, group)}"
    if not seen.observed:
        decision = f"unknown: a source of it is down; but for that {decision}"
    facts.add_row("decision", Text(decision, style="bold red" if said.silent and seen.observed else "bold"))
    if again := seen.incident.words():
        facts.add_row("incident", f"{again}; {_incident(seen, calendar)}")
    if seen.fit:
        fit = seen.fit
        usual = 24 * sum(hour.expected for hour in seen.hours) / max(len(seen.hours), 1)
        facts.add_row(
            "expectation",
            f"{number(usual)} posts a day; now at {seen.level:.0%} of its usual level; "
            f"judged by slots of {fit.slot} min",
        )
        facts.add_row(
            "evidence",
            f"{number(said.expected_events)} posts expected {_since(said)}; "
            f"log odds {said.log_odds:.1f} of {said.threshold:.1f} needed; {rarity(said.weeks)}",
        )
        if fit.counted:
            facts.add_row("drops", "have a test of their own here, by quarter hours")
    facts.add_row("promise", promise(said))
    facts.add_row("history", f"{seen.days:.0f} days")
    return Group(facts, "", *_days(seen.hours, calendar), Text(LEGEND, style="dim"))


def _incident(seen: Explanation, calendar: Calendar) -> str:
    """Say since when the incident lasts, and when it is told anew."""

    def local(at: int) -> str:
        return f"{calendar.local(at // MINUTE):%a %H:%M}"

    text = f"one incident since {local(seen.incident.since)}"
    if not seen.incident.held_at((seen.minute + 1) * MINUTE):
        return text
    return f"{text}, told anew at {local(seen.incident.held_until)} if it lasts"


def _since(said: Assessment) -> str:
    """Say since when posts are expected: in a drop some have come."""
    if said.test == "drop":
        return f"in the {duration(said.window_seconds)} since it dropped"
    return f"since the last one, {duration(said.empty_seconds)} ago"


def _days(hours: list[Hour], calendar: Calendar) -> list[Text]:
    most = max((hour.events for hour in hours), default=0)
    days: dict[dt.date, dict[int, list[Hour]]] = {}
    for hour in hours:
        local = calendar.local(hour.start)
        days.setdefault(local.date(), {}).setdefault(local.hour, []).append(hour)
    lines = [Text("           0     6     12    18", style="dim")]
    for day, inside in sorted(days.items()):
        line = Text(f"{day:%a %d %b} ", style="dim" if calendar.day_type(day) else "")
        for at in range(24):
            sign, style = _sign(inside.get(at, []), most)
            line.append(sign, style)
        together = [one for ones in inside.values() for one in ones]
        expected = sum(one.expected for one in together)
        line.append(f"  {sum(one.events for one in together):,} of {number(expected)}", "dim")
        lines.append(line)
    return lines


def _sign(hours: list[Hour], most: int) -> tuple[str, str]:
    if not hours:
        return " ", ""
    events = sum(hour.events for hour in hours)
    silent = any(hour.silent for hour in hours)
    if events:
        return BARS[min(events * len(BARS) // (most + 1), len(BARS) - 1)], "red" if silent else "green"
    if silent:
        return "!", "bold red"
    if not any(hour.seen for hour in hours):
        return "?", "yellow"
    return ("o", "") if sum(hour.expected for hour in hours) >= 1 else ("·", "dim")


def report(found: Report, keep: float) -> RenderableType:
    """Draw the result of a backtest."""
    table = Table(title=f"Silences of which {keep:.0%} is left" if keep else "Total silences", title_justify="left")
    table.add_column("region")
    for name in ("alerts", "false alarms a week", "delay, median", "delay, 9 of 10", "found"):
        table.add_column(name, justify="right")
    for name, one in sorted(found.regions.items()):
        table.add_row(name, *_figures(one))
    table.add_section()
    table.add_row("all", *_figures(found.total), style="bold")
    return table


def _figures(one: Result) -> tuple[str, ...]:
    delays = one.delay_hours
    if delays.median is None or delays.p90 is None or delays.detected_share is None:
        return str(one.alerts), f"{one.false_alarms_per_region_week:.3f}", "", "", ""
    return (
        str(one.alerts),
        f"{one.false_alarms_per_region_week:.3f}",
        duration(delays.median * 3600),
        duration(delays.p90 * 3600),
        f"{delays.detected_share:.0%}",
    )
