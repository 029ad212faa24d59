"""Any interleaving of events, repeats, heartbeats, late events, flushes, crashes, recoveries equals one plain pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from schemas.activity import CAMPAIGN_PREFIX, WINDOWS, Activity
from schemas.codec import encode
from schemas.events import Event, Heartbeat
from streams.measures.campaigns import Definition
from streams.measures.engagement.columns import ID_BYTES
from streams.measures.engagement.entries import flush, newer, restore
from streams.measures.engagement.fold import PartitionFold, Settings
from tests.measures.naive import MINUTE, NaiveFold
from tests.measures.one_by_one import one_by_one

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.measures.engagement.output import Output

BEGIN = 29_000_000 * MINUTE
REGIONS = ("a", "b")
CAMPAIGNS = (
    {"c": ("x", "y"), "d": ("y",)},
    {"c": ("x", "z"), "d": ("y",)},
    {"d": ("x", "y", "z")},
    {"c": ("z",)},
)
"""The tags of each campaign, as they are configured at one time or another."""
SOURCES = ("s", "t")


class EngagementMachine(RuleBasedStateMachine):
    """Writes a log record by record; the fold reads it in runs, with a table that survives its crashes."""

    width = 0
    """To how many characters ids and actors are filled up."""

    @initialize(
        pace=st.sampled_from([1, 20, 300, 2_000]),
        horizon=st.sampled_from([60, 300, 1_440, 20_000]),
        begins=st.integers(-2, 3),
        lasts=st.integers(1, 20),
        patience=st.sampled_from([0, 0, 1, 4]),
    )
    def begin(self, pace: int, horizon: int, begins: int, lasts: int, patience: int) -> None:
        """Choose how many minutes a step of time is, how late events may be, the days of the campaigns, and for how
        many steps both sources are awaited.
        """
        self.pace = pace
        self.horizon = horizon
        self.now = BEGIN
        self.log: list[bytes] = []
        self.events: list[Event] = []
        self.days = BEGIN // MINUTE + begins * pace, BEGIN // MINUTE + (begins + lasts) * pace
        self.redefined = False
        self.defined_whole = True
        self.patience = patience * pace * MINUTE
        self.naive = NaiveFold(REGIONS, {}, horizon, SOURCES, self.patience)
        self.define(CAMPAIGNS[0])
        self.fold = PartitionFold(self.settings)
        self.table: dict[bytes, bytes] = {}
        self.read = 0
        self.published: dict[tuple[str, int], Activity] = {}

    def define(self, tags: dict[str, tuple[str, ...]]) -> None:
        """Configure the campaigns."""
        definitions = {name: Definition(of, *self.days) for name, of in tags.items()}
        campaigns_of = {tag: tuple(name for name, of in tags.items() if tag in of) for tag in "xyz"}
        self.naive.definitions, self.naive.campaigns_of = definitions, campaigns_of
        self.settings = Settings(
            [(name, 0, 1) for name in REGIONS],
            campaigns_of,
            self.horizon,
            sources=SOURCES,
            patience=self.patience,
            definitions=dict.fromkeys(REGIONS, definitions),
        )

    def append(self, record: Event | Heartbeat) -> None:
        """Write a record to the log."""
        self.log.append(encode(record))
        self.naive.take(record)

    @rule(
        region=st.sampled_from(["a", "a", "b", "new"]),
        age=st.one_of(st.integers(0, 3), st.integers(0, 400)),
        actor=st.integers(0, 5),
        kind=st.sampled_from(["post", "post", "reply", "reshare", "view"]),
        tags=st.lists(st.sampled_from(["x", "y", "z"]), max_size=3),
        role=st.sampled_from(["person", "person", "leader", "bot"]),
        machine=st.booleans(),
    )
    def happens(self, region, age, actor, kind, tags, role, machine) -> None:
        """Somebody does something, `age` steps ago."""
        event = Event(
            id=str(len(self.events)).rjust(self.width if actor else 0, "e"),
            at=self.now - age * self.pace * MINUTE // 3,
            region=region,
            actor=f"person-{actor}".rjust(self.width, "p"),
            kind=kind,
            source=SOURCES[actor % 2],
            tags=tuple(tags),
            role=role,
            machine=machine,
        )
        self.events.append(event)
        self.append(event)

    @precondition(lambda self: self.events)
    @rule(which=st.integers(0, 10_000))
    def repeats(self, which: int) -> None:
        """A source sends an event again."""
        self.append(self.events[which % len(self.events)])

    @rule(
        source=st.sampled_from(SOURCES),
        steps=st.integers(0, 3),
        behind=st.integers(0, 2),
        status=st.sampled_from(["ok", "ok", "ok", "degraded", "down"]),
        lateness=st.sampled_from([0, MINUTE]),
    )
    def beats(self, source, steps, behind, status, lateness) -> None:
        """Time goes on and a source says so."""
        self.now += steps * self.pace * MINUTE // 2
        self.append(
            Heartbeat(
                source=source,
                status=status,
                clock=self.now,
                complete_to=max(self.now - behind * self.pace * MINUTE // 2, 0),
                timeout=self.pace * MINUTE * 2,
                lateness=lateness,
            )
        )

    @rule(run=st.integers(1, 12))
    def folds(self, run: int) -> None:
        """The fold reads a run of the log; what it publishes for a revision first, holds."""
        end = min(self.read + run, len(self.log))
        output = self.fold_run(self.read, end)
        self.read = end
        for one in output.published:
            if isinstance(one, Activity):
                self.receive(one)

    def fold_run(self, begin: int, end: int) -> Output:
        """Fold a part of the log, one record after the other."""
        with one_by_one():
            return self.fold.fold(range(begin, end), self.log[begin:end])

    def receive(self, one: Activity) -> None:
        """Take what is published as a consumer does: the highest revision, of equal ones the first."""
        known = self.published.get((one.region, one.minute))
        if known is None:
            self.published[one.region, one.minute] = one
            expected = self.naive.windows.get((one.region, one.minute))
            if expected is not None:
                self.compare_windows(one, expected)
                self.compare_campaigns(one, self.naive.campaigns[one.region, one.minute])
        elif one.revision > known.revision:
            self.published[one.region, one.minute] = one

    def compare_windows(self, one: Activity, expected) -> None:
        """Rolling figures of the minute are those of the naive count over everything known when it closed."""
        for series, window in one.windows.by_series().items():
            for place, (name, length) in enumerate(WINDOWS.items()):
                people, events, posts = expected[name].get(series, (0, 0, 0))
                assert window.actors[place] == people, (one.region, one.minute, series, name)
                if length > self.horizon:
                    continue  # the sums of a longer window leave it by the hour
                if self.redefined and series.startswith(CAMPAIGN_PREFIX):  # of several tags the one with most is sure
                    assert window.events[place] <= events, (series, name)
                    assert window.posts[place] <= posts, (series, name)
                else:
                    assert (window.events[place], window.posts[place]) == (events, posts), (series, name)

    def compare_campaigns(self, one: Activity, expected) -> None:
        """Campaigns since their start are those of the naive count, as long as the buckets hold all of it."""
        for name, count in one.campaigns.items():
            assert count.definition == self.naive.definitions[name].mark
            people, posts = expected[name]
            if not self.redefined:
                assert (count.people, count.posts) == (people, posts), (one.region, one.minute, name)
                together = self.naive.together(one.region, one.minute, name)
                assert count.together in ({}, {tag: n for tag, n in together.items() if n > 1})
            else:
                exact = self.horizon == 20_000 and self.naive.closed_to is None
                assert count.people == people if exact else count.people <= people
                assert count.posts <= posts

    @rule()
    def flushes(self) -> None:
        """What has changed becomes durable."""
        for step in flush(self.fold).steps():
            self.write(step)
        self.defined_whole = True

    @rule(
        steps=st.integers(0, 3),
        part=st.floats(0, 1),
        order=st.randoms(use_true_random=False),
        campaigns=st.sampled_from([None, None, None, *CAMPAIGNS]),
    )
    def crashes(self, steps, part, order, campaigns) -> None:
        """The worker dies in the middle of a flush, and another goes on from what is durable, maybe with others."""
        if not self.defined_whole:
            campaigns = None  # see docs/measures.md: changed twice before one flush is whole
        if campaigns is not None:
            self.folds(len(self.log))  # what is published from now on is by the new ones
        pending = list(flush(self.fold).steps())
        for step in pending[:steps]:
            self.write(step)
        rest = list(pending[steps])
        order.shuffle(rest)
        self.write(rest[: int(part * (len(rest) + 1))])
        if campaigns is not None and self.fold.position.closed_to > 0:
            self.redefined = True
            self.defined_whole = False
            self.define(campaigns)
        self.fold = restore(self.settings, self.table)
        self.read = self.fold.position.start

    def write(self, entries: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Apply entries to the table as a recovery does: the highest offset holds."""
        for key, value in entries:
            if value is None:
                self.table.pop(key, None)
            elif key not in self.table or newer(value, self.table[key]):
                self.table[key] = value

    @invariant()
    def nothing_is_counted_twice(self) -> None:
        """No minute ever shows more events than have happened in it."""
        for (region, minute), one in getattr(self, "published", {}).items():
            assert one.events <= len(self.naive.events.get((region, minute), {})), (region, minute)

    def teardown(self) -> None:
        """At the end the whole log is read, and every minute is as the naive count says."""
        if not getattr(self, "log", None):
            return
        for source in SOURCES:  # the second one closes what the first revises
            self.beats(source, 3, 0, "ok", 0)
            self.beats(source, 3, 0, "ok", 0)
        while self.read < len(self.log):
            self.folds(12)
        assert self.fold.position.closed_to == self.naive.closed_to
        for (region, minute), known in self.naive.events.items():
            if known and minute < self.naive.closed_to:
                one = self.published[region, minute]
                series = {name: (found.events, found.actors) for name, found in one.series.items()}
                expected = self.naive.minute(region, minute)
                if self.redefined:  # what was published before stays as it was
                    series = {name: found for name, found in series.items() if not name.startswith(CAMPAIGN_PREFIX)}
                    expected = {name: found for name, found in expected.items() if not name.startswith(CAMPAIGN_PREFIX)}
                assert expected == {**series, "": (one.events, one.actors)}
        for region, shard in self.fold.shards.items():
            assert shard.totals.totals.duplicates == self.naive.duplicates.get(region, 0)
            assert shard.totals.totals.too_late == self.naive.too_late.get(region, 0)


class ColumnsMachine(EngagementMachine):
    """The same, with records as ingest agents write them, which are read by columns; but one actor's are not."""

    width = ID_BYTES

    def fold_run(self, begin: int, end: int) -> Output:
        """Fold a part of the log as it comes."""
        return self.fold.fold(range(begin, end), self.log[begin:end])


TestEngagement = EngagementMachine.TestCase
TestEngagement.settings = settings(
    max_examples=90, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)
TestEngagementByColumns = ColumnsMachine.TestCase
TestEngagementByColumns.settings = TestEngagement.settings
