"""Times as an operator writes them, and as they are told."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from streams.errors import OperatorError

_AGO: Final = re.compile(r"(\d+)([mhdw])")
_SECONDS: Final = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def when(text: str, where: str, now: int) -> int:
    """Read a time (s since the epoch): RFC 3339 (UTC where no offset is named), or how long before `now`, as in 28d.

    Raises OperatorError.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return now - int(ago[1]) * _SECONDS[ago[2]]
    try:
        found = dt.datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise OperatorError(
            f"a time such as 2026-11-01T00:00:00Z, or 28d for so long ago, in {where}", f"{text!r} came", "correct it",
            retry=False,
        ) from error  # fmt: skip
    return int((found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp())


def length(text: str, where: str) -> int:
    """Read a length of time in seconds, as in 36h. Raises OperatorError."""
    found = _AGO.fullmatch(text.strip())
    if not found:
        raise OperatorError(f"a length such as 36h or 28d in {where}", f"{text!r} came", "correct it", retry=False)
    return int(found[1]) * _SECONDS[found[2]]


def told(seconds: float) -> str:
    """Say a time: to the minute, in UTC."""
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%dT%H:%MZ}"
