"""Times, counts and verdicts as the table spells them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from schemas.activity import WHOLE, WINDOWS

if TYPE_CHECKING:
    from schemas.directory import Region
    from schemas.events import Status
    from schemas.regions import RegionStatus, Verdict

_DAY: Final = list(WINDOWS).index("24h")
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


class Look(Struct, frozen=True):
    """How a verdict looks: a symbol of its own beside the colour, for people and terminals that don't tell colours."""

    symbol: str
    plain: str
    style: str


VERDICTS: Final[dict[Verdict, Look]] = {
    "active": Look("●", "*", "green"),
    "quiet": Look("○", "o", "cyan"),
    "silent": Look("■", "X", "bold white on red"),
    "unknown": Look("?", "?", "yellow"),
    "learning": Look("…", ".", "blue"),
    "hidden": Look("–", "-", "dim"),
}
WAITING: Final = Look("·", " ", "dim")

STATUSES: Final[dict[Status, Look]] = {
    "ok": Look("●", "ok", "green"),
    "degraded": Look("▲", "degraded", "yellow"),
    "down": Look("✖", "DOWN", "bold red"),
}


def utc(at: int) -> str:
    """Spell a moment (ms since the epoch) in UTC."""
    return dt.datetime.fromtimestamp(at / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def local(at: int, region: Region | None) -> str:
    """Spell a moment (ms since the epoch) on the clocks of a region; in UTC, and said so, where they are not known."""
    try:
        zone = ZoneInfo(region.time_zone) if region else None
    except (ZoneInfoNotFoundError, ValueError):
        zone = None
    moment = dt.datetime.fromtimestamp(at / 1000, zone or dt.UTC)
    return moment.strftime("%a %H:%M") if zone else moment.strftime("%a %H:%M UTC")


def span(milliseconds: int) -> str:
    """Spell a length of time in its largest whole unit: 45 s, 12 min, 3 h, 2 d; nothing below a second."""
    seconds = max(0, milliseconds) // 1000
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return "now"


def ago(at: int, now: int) -> str:
    """Spell how long before `now` something was (both ms since the epoch); 0 is never."""
    if at <= 0:
        return "none yet"
    length = span(now - at)
    return length if length == "now" else f"{length} ago"


def people(status: RegionStatus) -> str:
    """Spell how many people took part in the last 24 h, or that it may not be shown; a dash where nothing is known."""
    window = status.windows.get(WHOLE)
    if window is None or len(window.actors) <= _DAY:
        return "-"
    return str(window.actors[_DAY])
