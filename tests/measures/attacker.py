"""An attacker who knows every release of a region, the rules, the headcount and which minutes were empty.

All worlds that agree with what was released are the integer points of a polytope: how many people behaved in each
possible way, and how many events there were in each minute. The least and the largest size of a group over them are
two integer programmes, solved exactly (HiGHS). The scale of time is small; the rules are the real ones.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from schemas.activity import WHOLE, SeriesWindow
from streams.measures.privacy import HIDDEN, Figures, Release, Rules, SinceStart, release
from streams.measures.privacy.series import RETURNING_FROM

WINDOWS = (3, 12, 24, 48)
RENEWALS = (1, 3, 6, 12)
"""As long against each other as an hour, a day, a week, four weeks, or nearer, with what the real renewals are."""
TAG = "tag"
CAMPAIGN = "campaign:tag"
"""The tag as a campaign: one that is shown whatever its size."""
SERIES = (WHOLE, CAMPAIGN)
WITH = "with"
"""A tag that people use together with the campaign's."""

Pattern = tuple[int, ...]
"""What a person did in each active minute: 0 nothing, 1 something, 2 something with the tag, 3 with both tags."""


@dataclass(frozen=True)
class World:
    """People, each with what they did in the active minutes; `events` are there besides one for each of these.

    The campaign lasts for the minutes `days`: from the first of them to before the second.
    """

    minutes: tuple[int, ...]
    people: tuple[Pattern, ...]
    headcount: int
    events: tuple[int, ...] = ()
    days: tuple[int, int] = (0, 0)

    @property
    def length(self) -> int:
        """Minutes until nothing of it is in any window any more."""
        return self.minutes[-1] + max(WINDOWS) + max(RENEWALS)


@dataclass
class Group:
    """A group that must not be told: who of the patterns belongs to it."""

    name: str
    members: np.ndarray


@dataclass
class Cells:
    """Which patterns take part in which window of which series at which minute."""

    minutes: tuple[int, ...]
    acts_of: tuple[int, ...] = (0, 1, 2)
    patterns: list[Pattern] = field(init=False)
    places: dict[Pattern, int] = field(init=False)

    def __post_init__(self) -> None:
        self.patterns = [p for p in itertools.product(self.acts_of, repeat=len(self.minutes)) if any(p)]
        self.places = {pattern: place for place, pattern in enumerate(self.patterns)}
        self.acts = np.array(self.patterns)
        self._parts: dict[tuple[str, int, int], np.ndarray] = {}

    def active(self, series: str) -> np.ndarray:
        """Who of the patterns (rows) is active in the series in which active minute (columns)."""
        if series == WITH:
            return self.acts == 3
        return self.acts >= 2 if series == CAMPAIGN else self.acts > 0

    def since_start(self, days: tuple[int, int], minute: int) -> np.ndarray:
        """Who has taken part in the campaign in its days up to `minute`."""
        return self.active(CAMPAIGN)[:, self.inside(days[0], min(minute, days[1] - 1))].any(axis=1)

    def inside(self, first: int, last: int) -> list[int]:
        """The places of the active minutes from `first` to `last`."""
        return [place for place, minute in enumerate(self.minutes) if first <= minute <= last]

    def taking_part(self, series: str, window: int, minute: int) -> np.ndarray:
        """Who takes part in the series in the window that ends with `minute`."""
        key = series, window, minute
        if key not in self._parts:
            inside = self.inside(minute - WINDOWS[window] + 1, minute)
            self._parts[key] = self.active(series)[:, inside].any(axis=1)
        return self._parts[key]

    def returning(self, series: str, window: int, minute: int) -> np.ndarray:
        """Who of these had acted in the widest window before their first act in this one."""
        found = self.taking_part(series, window, minute).copy()
        acts = self.active(series)
        for place in self.inside(minute - WINDOWS[window] + 1, minute):
            before = self.inside(self.minutes[place] - WINDOWS[-1] + 1, self.minutes[place] - 1)
            found &= ~(acts[:, place] & ~acts[:, before].any(axis=1))
        return found


def exact(world: World, cells: Cells, minute: int) -> Figures:
    """What the engagement fold would say of the world at `minute`."""
    count = np.zeros(len(cells.patterns))
    for person in world.people:
        count[cells.places[person]] += 1
    more = world.events or (0,) * len(world.minutes)
    windows = {}
    for series in SERIES:
        acts = cells.active(series)
        actors, events, returning = [], [], []
        for window, length in enumerate(WINDOWS):
            inside = cells.inside(minute - length + 1, minute)
            actors.append(int(count @ cells.taking_part(series, window, minute)))
            extra = sum(more[place] for place in inside) if series == WHOLE else 0
            events.append(int(count @ acts[:, inside].sum(axis=1)) + extra)
            returning.append(int(count @ cells.returning(series, window, minute)))
        windows[series] = SeriesWindow(
            tuple(actors), tuple(events), (0,) * 4, (0,) * 4, tuple(events), tuple(returning)
        )
    acts = cells.active(CAMPAIGN)
    inside = cells.inside(world.days[0], min(minute, world.days[1] - 1))
    so_far = int(count @ cells.since_start(world.days, minute)), int(count @ acts[:, inside].sum(axis=1))
    together = int(count @ cells.taking_part(WITH, len(WINDOWS) - 1, minute))
    return Figures(
        minute,
        world.headcount,
        windows,
        since_start={CAMPAIGN: SinceStart(*world.days, *so_far)},
        together={CAMPAIGN: {WITH: together}},
    )


def releases(world: World, cells: Cells, rules: Rules) -> list[Release]:
    """Everything that is ever released of the world."""
    found: list[Release] = []
    for minute in range(world.length):
        found.append(release(exact(world, cells, minute), found[-1] if found else None, rules))
    return found


class Attacker:
    """Knows `known` releases.

    Variables: people by pattern, events of the whole by active minute, and a switch (0 or 1) for each hidden number of
    returning people, as either they are few or the new ones.
    """

    def __init__(self, world: World, cells: Cells, known: list[Release], rules: Rules) -> None:
        self.cells = cells
        self.rules = rules
        self.people = len(cells.patterns)
        self.minutes = len(cells.minutes)
        self.rows: dict[tuple[bytes, int], tuple[np.ndarray, int, float, float]] = {}
        self.switches: dict[bytes, int] = {}
        self.headcount = world.headcount
        self.known = known
        self._learn(world)

    def _add(
        self, people: np.ndarray, low: float, high: float, events: np.ndarray | None = None, switch: int = 0
    ) -> None:
        """Learn that a sum is in [low, high]; `switch` is the number of one, negative where it counts against."""
        row = np.concatenate([people.astype(float), np.zeros(self.minutes) if events is None else events])
        key = row.tobytes(), switch
        _, _, had_low, had_high = self.rows.get(key, (row, switch, -np.inf, np.inf))
        self.rows[key] = row, switch, max(low, had_low), min(high, had_high)

    def _learn(self, world: World) -> None:
        self._add(np.ones(self.people), 0, world.headcount)
        for place in range(self.minutes):
            acts = self.cells.active(WHOLE)[:, place].astype(float)
            self._add(acts, 1, np.inf)  # the minute was not empty
            self._add(-acts, 0, np.inf, np.eye(self.minutes)[place])  # each who acts leaves an event
        before = -1
        for told in self.known:
            for window, renewal in enumerate(self.rules.renewals):
                if told.minute // renewal > before // renewal:
                    for series in SERIES:
                        self._read(told, series, window)
                    if window == len(WINDOWS) - 1:
                        self._read_campaign(world, told)
            before = told.minute

    def _read(self, told: Release, series: str, window: int) -> None:
        """Read one window that was renewed; the others follow from those that were."""
        released = told.windows[series]
        part = self.cells.taking_part(series, window, told.minute)
        actors = released.actors[window]
        self._add(part, *self._limits(actors))
        if actors in {0, HIDDEN}:
            return
        if window >= RETURNING_FROM:
            self._read_returning(part, self.cells.returning(series, window, told.minute), released.returning[window])
        inside = self.cells.inside(told.minute - WINDOWS[window] + 1, told.minute)
        if series == WHOLE:
            events = np.zeros(self.minutes)
            events[inside] = 1
            self._add(np.zeros(self.people), *self._limits(released.events[window]), events)

    def _read_campaign(self, world: World, told: Release) -> None:
        """Read what is renewed with the widest window: the campaign since its start, and the tag that goes with it."""
        so_far = told.since_start[CAMPAIGN].people
        self._add(self.cells.since_start(world.days, told.minute), *self._limits(so_far))
        if 3 in self.cells.acts_of:
            part = self.cells.taking_part(WITH, len(WINDOWS) - 1, told.minute)
            people = told.together.get(CAMPAIGN, {}).get(WITH)
            self._add(part, *((0, self.rules.group - 1) if people is None else self._limits(people)))

    def _read_returning(self, part: np.ndarray, back: np.ndarray, released: int | str) -> None:
        few, new = self.rules.group - 1, part & ~back
        if released != HIDDEN:
            self._add(back, *self._limits(released))
            self._add(new, few + 1, np.inf)
            return
        switch = self.switches.setdefault(back.tobytes() + new.tobytes(), len(self.switches) + 1)
        # back <= few + headcount * switch and new <= few + headcount * (1 - switch)
        self._add(back, -np.inf, few, switch=-switch)
        self._add(new, -np.inf, few + self.headcount, switch=switch)

    def _limits(self, released: int | str) -> tuple[float, float]:
        group = self.rules.group
        if released == HIDDEN:
            return 1, group - 1
        assert isinstance(released, int)
        return (released, released + group - 1) if released else (0, 0)

    @cached_property
    def _constraint(self) -> LinearConstraint:
        rows = list(self.rows.values())
        switched = np.zeros((len(rows), len(self.switches)))
        for place, (_, switch, _, _) in enumerate(rows):
            if switch:
                switched[place, abs(switch) - 1] = self.headcount if switch > 0 else -self.headcount
        matrix = np.hstack([np.array([row for row, *_ in rows]), switched])
        return LinearConstraint(matrix, [low for *_, low, _ in rows], [high for *_, high in rows])

    def bound(self, group: Group, *, largest: bool) -> int:
        """The largest or the least size that the group can have, by all that is known."""
        aim = np.concatenate([group.members.astype(float), np.zeros(self.minutes + len(self.switches))])
        most = np.full(len(aim), np.inf)
        most[self.people + self.minutes :] = 1
        found = milp(
            -aim if largest else aim,
            constraints=self._constraint,
            integrality=np.ones(len(aim)),
            bounds=Bounds(0, most),
        )
        assert found.status == 0, found.message
        return round(aim @ found.x)


def groups(cells: Cells, told: list[Release], days: tuple[int, int] = (0, 0)) -> list[Group]:
    """Every group of which the rules speak: cells, differences of windows, of releases, of series, complements.

    With the `days` of a campaign, those of what it has reached and of the tag that goes with it as well.
    """
    found: dict[bytes, Group] = {}

    def add(name: str, members: np.ndarray) -> None:
        if members.any():
            found.setdefault(members.tobytes(), Group(name, members))

    for one in told:
        for series in SERIES:
            for window, length in enumerate(WINDOWS):
                part = cells.taking_part(series, window, one.minute)
                name = f"{series or 'whole'} {length} at {one.minute}"
                back = cells.returning(series, window, one.minute)
                add(name, part)
                add(f"{name} returning", back)
                add(f"{name} new", part & ~back)
                later = cells.taking_part(series, window, one.minute + RENEWALS[window])
                add(f"{name} joining", later & ~part)
                add(f"{name} leaving", part & ~later)
                for wider in range(window + 1, len(WINDOWS)):
                    add(f"{name} to {WINDOWS[wider]}", cells.taking_part(series, wider, one.minute) & ~part)
        for window, length in enumerate(WINDOWS):
            tagged, whole = (cells.taking_part(series, window, one.minute) for series in (CAMPAIGN, WHOLE))
            add(f"without the tag {length} at {one.minute}", whole & ~tagged)
    for one in told if days[1] else ():
        so_far = cells.since_start(days, one.minute)
        add(f"since the start at {one.minute}", so_far)
        add(f"since the start at {one.minute} joining", cells.since_start(days, one.minute + RENEWALS[-1]) & ~so_far)
        for window, length in enumerate(WINDOWS):
            tagged, whole = (cells.taking_part(series, window, one.minute) for series in (CAMPAIGN, WHOLE))
            add(f"since the start not in {length} at {one.minute}", so_far & ~tagged)
            add(f"in {length} not since the start at {one.minute}", tagged & ~so_far)
            add(f"whole {length} not since the start at {one.minute}", whole & ~so_far)
        both = cells.taking_part(WITH, len(WINDOWS) - 1, one.minute)
        add(f"both tags at {one.minute}", both)
        add(
            f"the tag without the other at {one.minute}",
            cells.taking_part(CAMPAIGN, len(WINDOWS) - 1, one.minute) & ~both,
        )
    return list(found.values())


def size(world: World, cells: Cells, group: Group) -> int:
    """The size that the group really has."""
    return sum(bool(group.members[cells.places[person]]) for person in world.people)
