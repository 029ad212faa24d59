"""The reason in words and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.measures.silence.state import Assessment

LONGEST_WEEKS = 1_000.0
"""Beyond this no tail is known well enough for a number."""


def duration(seconds: float) -> str:
    """Write a duration by its two largest units: `9 h 20 min`, `3 d 4 h`, `45 s`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 2_880:
        return _two(minutes // 60, "h", minutes % 60, "min")
    return _two(minutes // 1_440, "d", minutes % 1_440 // 60, "h")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"


def number(value: float) -> str:
    """Write a count that need not be whole: one decimal under ten."""
    return f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:,.0f}"


def rarity(weeks: float) -> str:
    """Write how rarely chance alone gets this far."""
    if weeks > LONGEST_WEEKS:
        return f"by chance less than once in {LONGEST_WEEKS:,.0f} weeks"
    if weeks >= 1.5:
        return f"by chance once in {weeks:,.0f} weeks"
    if weeks * 7 >= 1.5:
        return f"by chance once in {weeks * 7:.0f} days"
    return "by chance every day" if weeks * 7 >= 0.5 else "by chance several times a day"


def reason(said: Assessment) -> str:
    """Say why: `no post for 9 h 20 min; 41 expected since; by chance once in 11 weeks`."""
    if said.learning:
        return "too little history to tell what is usual"
    if said.test == "drop":
        return (
            f"{said.window_events:,} posts in {duration(said.window_seconds)}; "
            f"{number(said.expected_events)} expected; {rarity(said.weeks)}"
        )
    parts = ["no post yet" if said.last_event < 0 else f"no post for {duration(said.empty_seconds)}"]
    if said.planned:
        parts.append(f"none expected now: {said.planned}")
    parts.append(f"{number(said.expected_events)} expected since")
    if said.silent:
        parts.append(rarity(said.weeks))
    return "; ".join(parts)


def promise(said: Assessment) -> str:
    """Say how soon a silence would be called."""
    if said.learning:
        return "no promise yet"
    if said.promised_seconds is None:
        return "a weekly check: a silence would take more than four weeks to tell from chance"
    text = f"a silence that began now would be called within {duration(said.promised_seconds)}"
    return f"{text}: a weekly check" if said.weekly_check else text
