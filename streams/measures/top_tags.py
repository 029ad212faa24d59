"""The tags of a region that get labels of their own; all others are one rest, so that labels stay bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.activity import CAMPAIGN_PREFIX, WHOLE, WINDOWS
from schemas.regions import ReleasedWindow
from streams.measures.privacy.steps import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schemas.regions import Released

OTHER: Final = "__other__"
"""The series of all tags that have none of their own. A tag that is really called so is one of them."""
SIZE: Final = 20
LEAD: Final = (5, 4)
"""A tag that has no label needs more than 5/4 of the people of one that has, to take its place."""
RANKED_BY: Final = tuple(WINDOWS).index("7d")


def top(scores: Mapping[str, int], before: Iterable[str], size: int = SIZE) -> tuple[str, ...]:
    """Choose the `size` tags with the largest scores, those of `before` with a lead; by score, then by name.

    The tags of `before` are all the state that there is. Tags without a score are not chosen.
    """
    ahead, plain = LEAD
    members = {tag: scores[tag] * ahead for tag in before if scores.get(tag)}
    # No tag under the size-th score can be chosen, whatever its name: most of a flood is gone before it is sorted.
    least = min(sorted(scores.values(), reverse=True)[:size], default=0)
    rivals = {tag: score * plain for tag, score in scores.items() if score >= least and score}
    weighed = rivals | members
    chosen = sorted(weighed, key=lambda tag: (-weighed[tag], tag not in members, tag))[:size]
    return tuple(sorted(chosen, key=lambda tag: (-scores[tag], tag)))


def scores_of(windows: Mapping[str, ReleasedWindow]) -> dict[str, int]:
    """Give the people of seven days of each released tag, hidden ones as none: by them tags are ranked."""
    return {
        name: _number(shown.actors[RANKED_BY])
        for name, shown in windows.items()
        if name not in {WHOLE, OTHER} and not name.startswith(CAMPAIGN_PREFIX)
    }


def bound_tags(
    windows: Mapping[str, ReleasedWindow], before: Iterable[str], size: int = SIZE
) -> tuple[dict[str, ReleasedWindow], tuple[str, ...]]:
    """Keep the whole, the campaigns and the top tags of released `windows`, and add the rest as OTHER.

    Gives the series and the top tags, to be handed in as `before` the next time. Only what was released is looked at,
    so the choice tells nothing else.
    """
    chosen = top(scores_of(windows), before, size)
    return keep_tags(windows, chosen), chosen


def keep_tags(windows: Mapping[str, ReleasedWindow], chosen: Sequence[str]) -> dict[str, ReleasedWindow]:
    """Keep the whole, the campaigns and the `chosen` tags of released `windows`, and add the rest as OTHER."""
    kept = {name: shown for name, shown in windows.items() if name == WHOLE or name.startswith(CAMPAIGN_PREFIX)}
    named = kept.keys() | set(chosen)
    others = [shown for name, shown in windows.items() if name not in named]
    kept |= {tag: windows[tag] for tag in chosen}
    if others:
        kept[OTHER] = rest(others)
    return kept


def rest(series: Sequence[ReleasedWindow]) -> ReleasedWindow:
    """Sum up released tags that get no label of their own, at least one.

    Who uses two tags is one person, so of people it is the largest number: at least so many used one of these tags.
    The others are sums of what is shown; an event counts for each of its tags.
    """
    return ReleasedWindow(
        actors=tuple(map(_most, zip(*[shown.actors for shown in series], strict=True))),
        events=tuple(map(_sum, zip(*[shown.events for shown in series], strict=True))),
        posts=tuple(map(_sum, zip(*[shown.posts for shown in series], strict=True))),
        replies=tuple(map(_sum, zip(*[shown.replies for shown in series], strict=True))),
        reshares=tuple(map(_sum, zip(*[shown.reshares for shown in series], strict=True))),
        returning=tuple(map(_most, zip(*[shown.returning for shown in series], strict=True))),
    )


def _number(released: Released) -> int:
    return 0 if released == HIDDEN else released


def _most(counts: Sequence[Released]) -> Released:
    most = max([count for count in counts if count.__class__ is int], default=0)
    return most or (HIDDEN if HIDDEN in counts else 0)


def _sum(counts: Sequence[Released]) -> Released:
    total = sum([count for count in counts if count.__class__ is int])
    return total or (HIDDEN if HIDDEN in counts else 0)
