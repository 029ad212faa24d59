"""The release of a region's figures at one minute: a pure function of them and of what was released before."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from operator import is_
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from schemas.activity import CAMPAIGN_PREFIX, WHOLE, SeriesWindow
from schemas.regions import Released, ReleasedWindow
from streams.measures.privacy.campaigns import (
    HIDDEN_CAMPAIGN,
    ReleasedSinceStart,
    SinceStart,
    hold_campaign,
    renew_campaign,
)
from streams.measures.privacy.evidence import on_the_grid
from streams.measures.privacy.exact import narrowest
from streams.measures.privacy.series import hidden_series, release_series, renew_narrowest
from streams.measures.privacy.steps import HIDDEN, step

if TYPE_CHECKING:
    from streams.measures.privacy.rules import Rules

WIDEST: Final = -1
"""Place of the widest window, by which a tag is judged."""


class Figures(Struct, frozen=True):
    """The exact figures of a region at the closing of `minute` (minutes since the epoch); they stay inside Jun.

    `headcount` is that of the local day, 0 where it is not known. `windows` has the whole (key WHOLE), the campaigns
    that concern the region (keys with CAMPAIGN_PREFIX, zeros included) and the tags. `kinds` counts events since the
    beginning of the log, `since_start` has the campaigns since their first day under the same keys as `windows`.
    `together` has, by campaign and tag, the people of 28 days who used both at once, at a renewal of 28 days.
    `last_event_at` in ms, 0 before any.
    """

    minute: int
    headcount: int
    windows: Mapping[str, SeriesWindow]
    kinds: Mapping[str, int] = field(default_factory=dict)
    since_start: Mapping[str, SinceStart] = field(default_factory=dict)
    together: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    last_event_at: int = 0
    duplicates: int = 0
    late: int = 0
    too_late: int = 0


class Release(Struct, frozen=True, omit_defaults=True):
    """What may be shown of a region at `minute`, and all the state of the next release: no exact count is kept.

    `hidden` is true where the region has too few people, so that nothing about them is shown. `windows` has the whole,
    the campaigns and those tags that enough people use.
    """

    minute: int
    hidden: bool = True
    headcount: Released = HIDDEN
    windows: dict[str, ReleasedWindow] = field(default_factory=dict)
    events_total: dict[str, Released] = field(default_factory=dict)
    since_start: dict[str, ReleasedSinceStart] = field(default_factory=dict)
    together: dict[str, dict[str, int]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    last_event_at: int = 0
    duplicates: int = 0
    late: int = 0
    too_late: int = 0


def release(figures: Figures, former: Release | None, rules: Rules) -> Release:
    """Release the figures of a region; `former` is the region's release before this one.

    A window's figures are renewed when its renewal lies in the minutes since the former release; without one, when
    it is this very minute. A minute that is not after the former one renews nothing.
    """
    group = rules.group
    before = former.minute if former is not None else figures.minute - 1
    due = [figures.minute // renewal > before // renewal for renewal in rules.renewals]
    if 0 < figures.headcount < group:
        return _hide_all(figures, before, len(due))
    held = former.windows if former is not None else {}
    windows = _release_windows(figures.windows, held, due, group)
    whole = windows[WHOLE].actors
    if not figures.headcount and not _shown(whole[WIDEST]):
        # How many people there are is not known: only that so many took part shows that they are enough.
        return _hide_all(figures, before, len(due))
    totals = former.events_total if former is not None else {}
    enough = any(is_due and _shown(actors) for is_due, actors in zip(due, whole, strict=True))
    return Release(
        minute=max(figures.minute, before),
        hidden=False,
        headcount=figures.headcount or HIDDEN,
        windows=windows,
        events_total={
            kind: (step(count, group) or HIDDEN) if enough else totals.get(kind, HIDDEN)
            for kind, count in figures.kinds.items()
        },
        since_start=_release_campaigns(figures, former, windows, due, group),
        together=_release_together(figures, group) if due[WIDEST] else former.together if former is not None else {},
        labels=_release_labels(figures, former, windows, renewed=due[WIDEST]),
        last_event_at=on_the_grid(figures.last_event_at),
        duplicates=figures.duplicates - figures.duplicates % group,
        late=figures.late - figures.late % group,
        too_late=figures.too_late - figures.too_late % group,
    )


def _release_windows(
    exact: Mapping[str, SeriesWindow], held: dict[str, ReleasedWindow], due: list[bool], group: int
) -> dict[str, ReleasedWindow]:
    """Release all series: the whole, those that are given, and tags that are only known from before."""
    only_narrowest = due[0] and not any(due[1:])
    counts = narrowest(exact)
    windows: dict[str, ReleasedWindow] = {}
    for name in dict.fromkeys((WHOLE, *counts, *held)):
        before = held.get(name)
        if name not in counts and name.startswith(CAMPAIGN_PREFIX):
            continue
        if only_narrowest and before is not None:
            released = renew_narrowest(counts.get(name), before, group)
            if released is before:  # shown before, and so now
                windows[name] = released
                continue
        elif name in counts:
            figures = exact[name]
            if before is None and figures.actors[WIDEST] < group and _is_tag(name):
                continue
            released = release_series(figures, before, due, group)
        else:
            released = release_series(None, before, due, group)
        if _shown(released.actors[WIDEST]) or not _is_tag(name):
            windows[name] = released
    return held if _same(windows, held) else windows


def _is_tag(name: str) -> bool:
    return name != WHOLE and not name.startswith(CAMPAIGN_PREFIX)


def _same(windows: Mapping[str, ReleasedWindow], held: Mapping[str, ReleasedWindow]) -> bool:
    """Say whether nothing has been renewed."""
    return list(windows) == list(held) and all(map(is_, windows.values(), held.values()))


def _shown(released: Released) -> bool:
    return released not in {HIDDEN, 0}


def _release_campaigns(
    figures: Figures, former: Release | None, windows: Mapping[str, ReleasedWindow], due: list[bool], group: int
) -> dict[str, ReleasedSinceStart]:
    before = former.since_start if former is not None else {}
    return {
        name: renew_campaign(exact, group)
        if due[WIDEST]
        else hold_campaign(before.get(name, HIDDEN_CAMPAIGN), windows.get(name), exact, figures.minute)
        for name, exact in figures.since_start.items()
    }


def _release_together(figures: Figures, group: int) -> dict[str, dict[str, int]]:
    """Release the tags that go with a campaign: those that a group used with it, and no other is named."""
    return {
        campaign: {tag: people - people % group for tag, people in tags.items() if people >= group}
        for campaign, tags in figures.together.items()
    }


def _release_labels(
    figures: Figures, former: Release | None, windows: Mapping[str, ReleasedWindow], *, renewed: bool
) -> dict[str, str]:
    """Release labels with the 28 days, and that of a tag when it is first shown; in between they stay.

    Renewed each minute, a label that gives way to another spelling would tell of one person who has just written that.
    """
    held = former if former is not None and not renewed else Release(figures.minute)
    labels = {tag: (held if tag in held.windows else figures).labels.get(tag) for tag in windows}
    return {tag: label for tag, label in labels.items() if label is not None}


def forget(former: Release, series: Collection[str]) -> Release:
    """Leave out what was released of `series`, which stand for something else from now on."""
    return replace(
        former,
        windows={name: shown for name, shown in former.windows.items() if name not in series},
        since_start={name: shown for name, shown in former.since_start.items() if name not in series},
        together={name: shown for name, shown in former.together.items() if CAMPAIGN_PREFIX + name not in series},
    )


def _hide_all(figures: Figures, before: int, windows: int) -> Release:
    fixed = [WHOLE, *(name for name in figures.windows if name.startswith(CAMPAIGN_PREFIX))]
    return Release(
        minute=max(figures.minute, before),
        windows=dict.fromkeys(fixed, hidden_series(windows)),
        events_total=dict.fromkeys(figures.kinds, HIDDEN),
        since_start=dict.fromkeys(figures.since_start, HIDDEN_CAMPAIGN),
    )
