"""Where two records say different things, and the likely reason, in words for an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from schemas.activity import CAMPAIGN_PREFIX, WINDOWS

if TYPE_CHECKING:
    from collections.abc import Iterator

ABSENT: Final = "nothing"
SINCE_THE_BEGINNING: Final = frozenset({"totals", "duplicates", "late", "too_late", "events_total", "labels"})
"""Fields that count since the log began, or depend on what came first in it."""
OF_SILENCE: Final = frozenset({"evidence", "reason", "verdict", "since", "new", "old"})

LOSS: Final = "loss: the log no longer has its beginning"
LATE: Final = "late event, or loss of some: the log says more or less than what was counted"
RULE: Final = "rule changed: another program or configuration has judged it"
CAMPAIGN: Final = "rule changed: the tags of the campaign are others"
HEADCOUNT: Final = "headcount changed"
ORDER: Final = "regions were more than a day apart in the log, or the rule changed"
NOT_LIVE: Final = "loss: it was never published, or retention has removed it"
NOT_REPLAYED: Final = "late event or loss: the log no longer says it"


class Difference(Struct, frozen=True):
    """One value that differs: of what, where in it, both values as JSON, why perhaps."""

    what: str
    field: str
    live: str
    replayed: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.field} was {self.live}, is {self.replayed} ({self.why})"


def differing(what: str, live: bytes | None, replayed: bytes | None, *, whole: bool) -> list[Difference]:
    """Compare two records, one of which may be missing. `whole`: the replay began where the log has always begun."""
    if live is None:
        return [Difference(what, "record", ABSENT, "published", NOT_LIVE)]
    if replayed is None:
        return [Difference(what, "record", "published", ABSENT, NOT_REPLAYED)]
    if live == replayed:
        return []
    was, now = _flat(live), _flat(replayed)
    names = [name for name in {**was, **now} if was.get(name, ABSENT) != now.get(name, ABSENT)]
    if not names:  # the same values in another order
        return [] if not whole else [Difference(what, "order", "one", "another", LOSS)]
    return [
        Difference(what, name, was.get(name, ABSENT), now.get(name, ABSENT), _why(name, names, whole=whole))
        for name in names
    ]


def _why(name: str, names: list[str], *, whole: bool) -> str:
    first = name.split(".", maxsplit=1)[0]
    if first == "headcount" or "headcount" in names:
        return HEADCOUNT
    if CAMPAIGN_PREFIX in name:
        return CAMPAIGN
    if not whole and (first in SINCE_THE_BEGINNING or first == "windows" or first in OF_SILENCE):
        return LOSS
    if first in {"events", "actors", "kinds", "series", "revision", "windows", "span", *SINCE_THE_BEGINNING}:
        return LATE
    return ORDER if first in OF_SILENCE else RULE


def _flat(raw: bytes) -> dict[str, str]:
    loose = msgspec.json.decode(raw)
    windows = loose.get("windows")
    if isinstance(windows, dict) and "series" in windows:
        loose["windows"] = _by_series(windows)
    return dict(_leaves("", loose))


def _by_series(windows: dict[str, Any]) -> dict[str, Any]:
    """Turn the columns of Windows round: series, column, window."""
    return {
        name or "all": {
            column: {window: rows[place] for window, rows in zip(WINDOWS, lists, strict=False)}
            for column, lists in windows.items()
            if column != "series"
        }
        for place, name in enumerate(windows["series"])
    }


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}" if path else name, inner)
    elif isinstance(value, list) and value and isinstance(value[0], list | dict):
        for place, inner in enumerate(value):
            yield from _leaves(f"{path}.{place}", inner)
    else:
        yield path, msgspec.json.encode(value).decode()
