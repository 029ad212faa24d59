"""Reads moments: RFC 3339, other ISO 8601, counts of seconds and patterns, all as milliseconds since the epoch."""

from __future__ import annotations

import datetime as dt
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.events import EARLIEST

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT: Final = 253_402_300_800_000
"""The year 10000: what is not before it is a mistake of units."""

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MILLISECOND: Final = dt.timedelta(milliseconds=1)
_LONGEST: Final = 40


class MomentError(ValueError):
    """A moment that can't be read; the text says what was wanted, without quoting what came."""


def from_datetime(moment: dt.datetime) -> int:
    """Give the milliseconds of a moment that knows its offset; parts of a millisecond are cut off."""
    return checked((moment - EPOCH) // MILLISECOND)


def from_rfc3339(text: str) -> int:
    """Give the milliseconds of `2026-05-31T08:00:00+02:00` or `...Z`; a moment without offset is refused."""
    return from_datetime(_iso(text, None, "RFC 3339, such as 2026-05-31T08:00:00Z, or whole milliseconds"))


def reader(time_format: str, zone: str) -> Callable[[str], int]:
    """Give the function that reads a column of moments.

    `time_format` is `iso` (`zone` where a moment has no offset), `seconds` or `milliseconds` since the epoch, or a
    pattern of strptime. Raises MomentError for an unknown zone.
    """
    if time_format == "seconds":
        return lambda text: checked(round(_number(text) * 1000))
    if time_format == "milliseconds":
        return lambda text: checked(round(_number(text)))
    known = _zone(zone)
    if time_format == "iso":
        return lambda text: from_datetime(_iso(text, known, "a date and a time of day"))
    return lambda text: from_datetime(_by_pattern(text, time_format, known))


def _iso(text: str, zone: dt.tzinfo | None, wanted: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text) if len(text) < _LONGEST else None
    except ValueError:
        moment = None
    # A date alone is read by fromisoformat as its midnight, which would move a day's posts to one minute.
    if moment is None or ":" not in text:
        raise MomentError(f"wanted a moment as {wanted}")
    if moment.tzinfo is None:
        if zone is None:
            raise MomentError(f"wanted a moment with its offset from UTC, as {wanted}")
        moment = moment.replace(tzinfo=zone)
    return moment


def _by_pattern(text: str, pattern: str, zone: dt.tzinfo) -> dt.datetime:
    try:
        moment = dt.datetime.strptime(text, pattern)  # noqa: DTZ007 (the zone is added below where the text has none)
    except ValueError as error:
        raise MomentError("wanted a moment in the pattern of time_format") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise MomentError("wanted a number of seconds or milliseconds")
    return number


@lru_cache
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise MomentError(f"wanted an IANA time zone such as Europe/Madrid, got {name}") from error


def checked(milliseconds: int) -> int:
    """Give back milliseconds that are a moment; raises MomentError for others."""
    if not EARLIEST <= milliseconds < LIMIT:
        raise MomentError("wanted a moment from 1990 to 9999")
    return milliseconds
