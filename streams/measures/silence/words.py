"""The reason in words and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streams.measures.privacy import count_in_words, two_digits

if TYPE_CHECKING:
    from streams.measures.silence.state import Assessment

ACTIVE_SECONDS: Final = 3_600
"""A region with an event within this time is active."""

LONGEST_YEARS: Final = 20
"""Beyond this no tail is known well enough for a number."""

WEEKS_A_YEAR: Final = 52.18


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
    """Write an expectation in two digits: one decimal under ten."""
    return f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{two_digits(value):,.0f}"


def rarity(weeks: float) -> str:
    """Write how rarely chance alone gets this far."""
    years = weeks / WEEKS_A_YEAR
    if years > LONGEST_YEARS:
        return f"by chance less than once in {LONGEST_YEARS} years"
    if years >= 1.5:
        return f"by chance once in {years:.0f} years"
    if weeks >= 1.5:
        return f"by chance once in {weeks:.0f} weeks"
    if weeks * 7 >= 1.5:
        return f"by chance once in {weeks * 7:.0f} days"
    return "by chance every day" if weeks * 7 >= 0.5 else "by chance several times a day"


def reason(said: Assessment, group: int) -> str:
    """Say why: `no post for 9 h 20 min; 41 expected since; by chance once in 11 weeks`.

    Posts are counted in steps of the minimum `group`.
    """
    if said.learning or said.last_event < 0:
        return (
            "its history is too short to say what is usual" if said.last_event >= 0 else "nothing has come from it yet"
        )
    if said.silent:
        return f"{_seen(said, group)}; {rarity(said.weeks)}" if not said.ending else "posts have begun to come again"
    if said.empty_seconds < ACTIVE_SECONDS:
        return "as usual"
    empty = f"no post for {duration(said.empty_seconds)}"
    if said.planned:
        return f"{empty}; none expected now: {said.planned}"
    return f"{empty}, as is usual; {number(said.expected_events)} expected since"


def _seen(said: Assessment, group: int) -> str:
    expected = number(said.expected_events)
    if said.test == "drop":
        posts = count_in_words(said.window_events, group)
        return f"{posts} posts in {duration(said.window_seconds)}; {expected} expected"
    return f"no post for {duration(said.empty_seconds)}; {expected} expected since"


def promise(said: Assessment) -> str:
    """Say how soon a silence would be called."""
    if said.learning:
        return "no promise yet"
    if said.promised_seconds is None:
        return "a weekly check: a silence would take more than four weeks to tell from chance"
    text = f"a silence that began now would be called within {duration(said.promised_seconds)}"
    return f"{text}: a weekly check" if said.weekly_check else text
