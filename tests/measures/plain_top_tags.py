"""The top tags of a region and the rest of them, as their rules say it: the oracle of the quick ones."""

from __future__ import annotations

from schemas.activity import CAMPAIGN_PREFIX, WHOLE
from schemas.regions import ReleasedWindow
from tests.measures.plain_release import HIDDEN, columns

OTHER = "__other__"


def is_tag(name):
    return name != WHOLE and not name.startswith(CAMPAIGN_PREFIX)


def plain_top(windows, before, size=20):
    """Choose those with the most people of seven days, where one that was chosen before counts for a quarter more."""
    scores = {
        name: shown.actors[2]
        for name, shown in windows.items()
        if is_tag(name) and name != OTHER and shown.actors[2] not in {0, HIDDEN}
    }
    chosen = sorted(scores, key=lambda tag: (-scores[tag] * (5 if tag in before else 4), tag not in before, tag))[:size]
    return tuple(sorted(chosen, key=lambda tag: (-scores[tag], tag)))


def plain_kept(windows, chosen):
    """Keep the chosen ones and add up the others: of people the most, of what they did the sum."""
    kept = {name: shown for name, shown in windows.items() if not is_tag(name)}
    kept |= {tag: windows[tag] for tag in chosen}
    others = [shown for name, shown in windows.items() if name not in kept]
    if others:
        by_column = zip(*map(columns, others), strict=True)
        joined = (
            [joint(counts, people=place in {0, 5}) for counts in zip(*one, strict=True)]
            for place, one in enumerate(by_column)
        )
        kept[OTHER] = ReleasedWindow(*map(tuple, joined))
    return kept


def joint(counts, people):
    shown = [count for count in counts if count != HIDDEN]
    total = max(shown, default=0) if people else sum(shown)
    return total or (HIDDEN if HIDDEN in counts else 0)
