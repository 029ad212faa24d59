"""A sink that only listens to the verdicts, and what two replays with different rules would have alerted of."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from ops.replay.times import told
from schemas.regions import Transition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.replay.judge import Minute
    from streams.replay.plan import Plan

SILENT: Final = "silent"
MINUTE: Final = 60_000
NEAR: Final = 6 * 3_600_000
"""How far (ms) an alert may move and still be the same one: that of the detector's incidents."""


class Listen:
    """Keeps every transition; see streams.replay.judge.Sink."""

    every_status = False

    def __init__(self, plan: Plan) -> None:
        self.transitions: list[Transition] = []
        self._plan = plan

    def take(self, minute: Minute) -> None:
        """Keep the transitions of a wanted minute."""
        if minute.minute >= self._plan.begin:
            self.transitions += minute.transitions

    def advance(self, minute: int) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def save(self) -> bytes:
        """Give the transitions."""
        return msgspec.msgpack.encode(self.transitions)

    def restore(self, raw: bytes) -> None:
        """Take the transitions back."""
        self.transitions = msgspec.msgpack.decode(raw, type=list[Transition])


class Alert(Struct, frozen=True, order=True):
    """One stretch in which a region was silent, in ms; `end` is -1 where it was not over."""

    region: str
    begin: int
    end: int
    reason: str


class Changes(Struct, frozen=True):
    """What another rule does: alerts that would have come, gone, moved (from, to), and those that stay;
    `verdicts` counts the changes of verdict by the new one, before and after.
    """

    came: list[Alert]
    gone: list[Alert]
    moved: list[tuple[Alert, Alert]]
    stayed: int
    verdicts: dict[str, tuple[int, int]]


def alerts(transitions: Sequence[Transition]) -> list[Alert]:
    """Give the silences that the transitions tell of, by region and time."""
    found: list[Alert] = []
    begun: dict[str, Transition] = {}
    for one in transitions:
        before = begun.pop(one.region, None)
        if before is not None:
            found.append(Alert(one.region, before.at, one.at, before.reason))
        if one.new == SILENT:
            begun[one.region] = one
    found += [Alert(one.region, one.at, -1, one.reason) for one in begun.values()]
    return sorted(found)


def compare(was: Sequence[Transition], would_be: Sequence[Transition]) -> Changes:
    """Pair the alerts of both: those that overlap or begin near each other are the same, the nearest first."""
    before, after = alerts(was), alerts(would_be)
    pairs = sorted(
        (abs(old.begin - new.begin), i, j)
        for i, old in enumerate(before)
        for j, new in enumerate(after)
        if old.region == new.region and _same(old, new)
    )
    of_old: dict[int, int] = {}
    of_new: set[int] = set()
    for _, i, j in pairs:
        if i not in of_old and j not in of_new:
            of_old[i] = j
            of_new.add(j)
    matched = [(before[i], after[j]) for i, j in sorted(of_old.items())]
    counts = Counter(one.new for one in was), Counter(one.new for one in would_be)
    return Changes(
        came=[one for j, one in enumerate(after) if j not in of_new],
        gone=[one for i, one in enumerate(before) if i not in of_old],
        moved=[(old, new) for old, new in matched if old.begin != new.begin or old.end != new.end],
        stayed=sum(old.begin == new.begin and old.end == new.end for old, new in matched),
        verdicts={str(name): (counts[0][name], counts[1][name]) for name in sorted({*counts[0], *counts[1]})},
    )


def _same(old: Alert, new: Alert) -> bool:
    def until(one: Alert) -> int:
        return one.end if one.end >= 0 else 1 << 62

    overlap = old.begin < until(new) and new.begin < until(old)
    return overlap or abs(old.begin - new.begin) <= NEAR


def summary(changes: Changes) -> list[str]:
    """Say the changes, a line each."""
    lines = [
        (
            f"{len(changes.came)} alerts would have come, {len(changes.gone)} gone, {len(changes.moved)} moved; "
            f"{changes.stayed} stay as they were."
        )
    ]
    lines += [f"come  {one.region}: {_span(one)}: {one.reason}" for one in changes.came]
    lines += [f"gone  {one.region}: {_span(one)}: {one.reason}" for one in changes.gone]
    lines += [f"moved {old.region}: {_span(old)} to {_span(new)}" for old, new in changes.moved]
    lines += [
        f"changes of verdict to {name}: {before} before, {after} then"
        for name, (before, after) in changes.verdicts.items()
        if before != after
    ]
    return lines


def _span(one: Alert) -> str:
    return f"{told(one.begin / 1000)} until {told(one.end / 1000) if one.end >= 0 else 'the end'}"
