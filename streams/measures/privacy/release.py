"""The release of a region's figures at one minute: a pure function of them and of what was released before."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from operator import and_
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from schemas.activity import CAMPAIGN_PREFIX, WHOLE, SeriesWindow
from schemas.regions import Released
from streams.measures.privacy.campaigns import (
    HIDDEN_CAMPAIGN,
    ReleasedSinceStart,
    SinceStart,
    hold_campaign,
    renew_campaign,
)
from streams.measures.privacy.evidence import on_the_grid
from streams.measures.privacy.exact import ExactSeries
from streams.measures.privacy.released import ACTORS, COLUMNS, UNTOLD, ReleasedSeries
from streams.measures.privacy.steps import HIDDEN, step
from streams.measures.privacy.windows import WIDEST, release_windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.measures.privacy.rules import Rules


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
    windows: ReleasedSeries = field(default_factory=ReleasedSeries)
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
    return release_each([(figures, former)], rules)[0]


def release_each(regions: Sequence[tuple[Figures, Release | None]], rules: Rules) -> list[Release]:
    """Release regions one by one, as release() does; only the arithmetic is done for all of them at once."""
    released: dict[int, Release] = {}
    alike: dict[tuple[bool, ...], list[int]] = {}
    for place, (figures, former) in enumerate(regions):
        before = _minute_of(former, figures)
        due = tuple([figures.minute // renewal > before // renewal for renewal in rules.renewals])
        if 0 < figures.headcount < rules.group:
            released[place] = _hide_all(figures, before, len(due))
        else:
            alike.setdefault(due, []).append(place)
    for due, places in alike.items():
        those = [regions[place] for place in places]
        exact = [ExactSeries.of(figures.windows) for figures, _ in those]
        held = [former.windows if former is not None else ReleasedSeries() for _, former in those]
        windows = release_windows(exact, held, due, rules.group)
        for place, (figures, former), shown in zip(places, those, windows, strict=True):
            released[place] = _release(figures, former, shown, due, rules.group)
    return [released[place] for place in range(len(regions))]


def _minute_of(former: Release | None, figures: Figures) -> int:
    return former.minute if former is not None else figures.minute - 1


def _release(
    figures: Figures, former: Release | None, windows: ReleasedSeries, due: Sequence[bool], group: int
) -> Release:
    before = _minute_of(former, figures)
    shown: list[bool] = (windows.counts[:, ACTORS, windows.place(WHOLE)] > UNTOLD).tolist()
    if not figures.headcount and not shown[WIDEST]:
        # How many people there are is not known: only that so many took part shows that they are enough.
        return _hide_all(figures, before, len(due))
    totals = former.events_total if former is not None else {}
    enough = any(map(and_, due, shown))
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


def _release_campaigns(
    figures: Figures, former: Release | None, windows: ReleasedSeries, due: Sequence[bool], group: int
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
    figures: Figures, former: Release | None, windows: ReleasedSeries, *, renewed: bool
) -> dict[str, str]:
    """Release labels with the 28 days, and that of a tag when it is first shown; in between they stay.

    Renewed each minute, a label that gives way to another spelling would tell of one person who has just written that.
    """
    if former is None or renewed:
        labels = figures.labels
    elif former.windows.names == windows.names:
        return former.labels
    else:
        held = frozenset(former.windows.names)
        labels = former.labels | {tag: label for tag, label in figures.labels.items() if tag not in held}
    return {tag: labels[tag] for tag in windows.names if tag in labels}


def forget(former: Release, series: Collection[str]) -> Release:
    """Leave out what was released of `series`, which stand for something else from now on."""
    return replace(
        former,
        windows=former.windows.without(series),
        since_start={name: shown for name, shown in former.since_start.items() if name not in series},
        together={name: shown for name, shown in former.together.items() if CAMPAIGN_PREFIX + name not in series},
    )


def _hide_all(figures: Figures, before: int, windows: int) -> Release:
    fixed = (WHOLE, *(name for name in figures.windows if name.startswith(CAMPAIGN_PREFIX)))
    return Release(
        minute=max(figures.minute, before),
        windows=ReleasedSeries(fixed, np.full((windows, COLUMNS, len(fixed)), UNTOLD, np.int64)),
        events_total=dict.fromkeys(figures.kinds, HIDDEN),
        since_start=dict.fromkeys(figures.since_start, HIDDEN_CAMPAIGN),
    )
