"""The release of a region's windows as its rules say it, with nothing spared: the oracle of the quick one."""

from __future__ import annotations

from schemas.activity import CAMPAIGN_PREFIX, WHOLE
from schemas.regions import ReleasedWindow

HIDDEN = "hidden"
NOTHING = [HIDDEN] * 6


def plain_windows(exact, held, due, group):
    """Give what may be shown of each series, in order; `exact` and `held` by name."""
    names = [WHOLE, *(name for name in exact if name != WHOLE), *(name for name in held if name not in exact)]
    windows = {}
    for name in dict.fromkeys(names):
        tag = name != WHOLE and not name.startswith(CAMPAIGN_PREFIX)
        if name not in exact and name.startswith(CAMPAIGN_PREFIX):
            continue
        if tag and name not in held and exact[name].actors[-1] < group:
            continue
        shown = plain_series(exact.get(name), held.get(name), due, group)
        if not tag or shown.actors[-1] not in {0, HIDDEN}:
            windows[name] = shown
    return windows


def plain_series(exact, held, due, group):
    """Release one series window by window, each at least what the narrower one shows."""
    rows = []
    for window, renewed in enumerate(due):
        if renewed:
            row = fresh(exact, window, group)
        elif held is None:
            row = NOTHING
        else:
            row = [column[window] for column in columns(held)]
        if rows:
            row = [*(max(pair, key=size) for pair in zip(row[:5], rows[-1][:5], strict=True)), row[5]]
            row = NOTHING if row[0] == HIDDEN else row
        rows.append(row)
    return ReleasedWindow(*map(tuple, zip(*rows, strict=True)))


def columns(shown):
    return shown.actors, shown.events, shown.posts, shown.replies, shown.reshares, shown.returning


def size(released):
    """Order released counts: hidden is more than none and less than any other."""
    return 0.5 if released == HIDDEN else released


def stepped(count, group):
    return HIDDEN if 0 < count < group else count - count % group


def fresh(exact, window, group):
    """Release exact figures; where one kind of posts would be hidden alone, the next smallest is as well."""
    if exact is None or stepped(exact.actors[window], group) == HIDDEN:
        return NOTHING
    counts = [exact.events[window], exact.posts[window], exact.replies[window], exact.reshares[window]]
    people = exact.actors[window]
    if not people:
        return [0, *(HIDDEN if count else 0 for count in counts), HIDDEN]
    events, *parts = (stepped(count, group) for count in counts)
    if parts.count(HIDDEN) == 1 and any(part not in {0, HIDDEN} for part in parts):
        smallest = min(part for part in parts if part not in {0, HIDDEN})
        parts[parts.index(smallest)] = HIDDEN
    returning = HIDDEN
    if window >= 2 and exact.returning:
        back = exact.returning[window]
        returning = stepped(back, group) if min(back, people - back) >= group else HIDDEN
    return [stepped(people, group), events, *parts, returning]
