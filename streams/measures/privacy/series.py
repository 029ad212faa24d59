"""The release of one series: which of its figures are renewed, and what follows for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.regions import ReleasedWindow
from streams.measures.privacy.steps import HIDDEN, larger, step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.activity import SeriesWindow
    from schemas.regions import Released
    from streams.measures.privacy.exact import Counts

Row = tuple["Released", "Released", "Released", "Released", "Released", "Released"]
"""One window of a series in the order of ReleasedWindow: actors, events, posts, replies, reshares, returning."""

ALL_HIDDEN: Final[Row] = (HIDDEN,) * 6
RETURNING_FROM: Final = 2
"""Place of the narrowest window of which returning people are shown: 7 days.

Who returns belongs to two groups at once. Told of hours and days, that was the one thing found (docs/privacy.md) by
which a small group could be worked out from large ones.
"""


def release_series(
    exact: SeriesWindow | None, held: ReleasedWindow | None, due: Sequence[bool], group: int
) -> ReleasedWindow:
    """Release a series: windows that are `due` from the `exact` figures, the others from what was released before.

    Each window shows at least what the next narrower one shows, which follows from that one and tells nothing new.
    `exact` is None where the figures are not known, `held` where nothing was released before.
    """
    rows = [_fresh(exact, 0, group) if due[0] else _row(held, 0)]
    for window in range(1, len(due)):
        row = _fresh(exact, window, group) if due[window] else _row(held, window)
        rows.append(_at_least(row, rows[-1]))
    return _of_rows(rows)


def renew_narrowest(counts: Counts | None, held: ReleasedWindow, group: int) -> ReleasedWindow:
    """Release a series of which only the narrowest window is due; most often nothing of it is another than before.

    Gives what release_series does: `held` itself where that is so. `counts` is None where they are not known.
    """
    first = _released(*counts, HIDDEN, group) if counts is not None else ALL_HIDDEN
    if first == _row(held, 0):
        return held
    wider = _row(held, 1)
    raised = _at_least(wider, first)
    if raised == wider:  # and so for all the wider ones, as each is at least the one before
        return _with_first(held, first)
    rows = [first, raised]
    for window in range(2, len(held.actors)):
        row = _row(held, window)
        rows.append(raised if row == wider else _at_least(row, raised))
        wider, raised = row, rows[-1]
    return _of_rows(rows)


def _of_rows(rows: list[Row]) -> ReleasedWindow:
    columns: list[tuple[Released, ...]] = list(zip(*rows, strict=True))
    return ReleasedWindow(*columns)


def _with_first(held: ReleasedWindow, first: Row) -> ReleasedWindow:
    return ReleasedWindow(
        (first[0], *held.actors[1:]),
        (first[1], *held.events[1:]),
        (first[2], *held.posts[1:]),
        (first[3], *held.replies[1:]),
        (first[4], *held.reshares[1:]),
        (first[5], *held.returning[1:]),
    )


def hidden_series(windows: int) -> ReleasedWindow:
    """Give a series of which nothing may be shown."""
    hidden: Released = HIDDEN
    column = (hidden,) * windows
    return ReleasedWindow(column, column, column, column, column, column)


def _row(held: ReleasedWindow | None, window: int) -> Row:
    if held is None:
        return ALL_HIDDEN
    return (
        held.actors[window],
        held.events[window],
        held.posts[window],
        held.replies[window],
        held.reshares[window],
        held.returning[window],
    )


def _fresh(exact: SeriesWindow | None, window: int, group: int) -> Row:
    """Release a window's exact figures. Where its people are hidden, so is all that they did."""
    if exact is None:
        return ALL_HIDDEN
    returning = _returning(exact, window, group) if window >= RETURNING_FROM and exact.returning else HIDDEN
    return _released(
        exact.actors[window],
        exact.events[window],
        exact.posts[window],
        exact.replies[window],
        exact.reshares[window],
        returning,
        group,
    )


def _released(  # noqa: PLR0913, PLR0917 - one for each column, since this is done for every series each minute
    people: int, events: int, posts: int, replies: int, reshares: int, returning: Released, group: int
) -> Row:
    if people < group:
        # Nobody took part; what is counted nonetheless (bots, mails opened) has no people to count behind it.
        return (0, _none(events), _none(posts), _none(replies), _none(reshares), HIDDEN) if not people else ALL_HIDDEN
    parts = (step(posts, group), step(replies, group), step(reshares, group))
    if HIDDEN in parts:
        parts = _second_hidden(parts)
    return (people - people % group, step(events, group), *parts, returning)


def _returning(exact: SeriesWindow, window: int, group: int) -> Released:
    """Release the returning people only where they and the new ones are both a group.

    So `hidden` does not say which of the two are few. That nobody came back would say that two groups of people have
    nobody in common, and with the headcount how large one of them is; that few did, that somebody is new.
    """
    returning = exact.returning[window]
    if min(returning, exact.actors[window] - returning) < group:
        return HIDDEN
    return step(returning, group)


def _none(events: int) -> Released:
    return HIDDEN if events else 0


def _second_hidden(parts: tuple[Released, Released, Released]) -> tuple[Released, Released, Released]:
    """Where one part of the events is hidden alone, hide the next smallest as well; of equals the first.

    This looks at what would be shown only, so that the choice itself tells nothing of the exact counts.
    """
    if parts.count(HIDDEN) != 1:
        return parts
    smallest = min((part for part in parts if part != HIDDEN and part), default=0)
    if not smallest:
        return parts
    place = parts.index(smallest)
    first, second, third = (HIDDEN if at == place else part for at, part in enumerate(parts))
    return first, second, third


def _at_least(row: Row, narrower: Row) -> Row:
    actors = larger(row[0], narrower[0])
    if actors == HIDDEN:
        return ALL_HIDDEN
    return (
        actors,
        larger(row[1], narrower[1]),
        larger(row[2], narrower[2]),
        larger(row[3], narrower[3]),
        larger(row[4], narrower[4]),
        row[5],
    )
