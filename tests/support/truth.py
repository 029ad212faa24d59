"""What a stream of events comes to, counted one by one in sets: the oracle of the line's tests."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.events import Event

Counts = dict[tuple[str, str, int], tuple[int, int]]
"""By region, series (the whole is empty) and minute: events, and people."""

PEOPLE_KINDS = {"post", "reply", "reshare", "reaction", "request"}


def count(events: Iterable[Event]) -> Counts:
    """Count each id once in its region."""
    seen: set[tuple[str, str]] = set()
    events_of: Counter[tuple[str, str, int]] = Counter()
    people_of: dict[tuple[str, str, int], set[str]] = defaultdict(set)
    for event in events:
        if (event.region, event.id) in seen:
            continue
        seen.add((event.region, event.id))
        for series in {"", *event.tags}:
            key = event.region, series, event.at // 60_000
            events_of[key] += 1
            if event.kind in PEOPLE_KINDS and event.role != "bot" and not event.machine:
                people_of[key].add(event.actor)
    return {key: (number, len(people_of[key])) for key, number in events_of.items()}
