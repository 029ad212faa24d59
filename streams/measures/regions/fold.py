"""The fold of `activity`: a pure function of the log, from exact figures to statuses and transitions of regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from schemas.activity import ActivityFigures, FiguresRecord, SourceChange
from schemas.codec import Reader, UnreadableError, check_names
from schemas.config import Config
from schemas.directory import Directory
from schemas.regions import JUDGED, RegionStatus, Transition
from streams.measures.campaigns import definitions
from streams.measures.engagement.output import Refused
from streams.measures.headcount import Headcounts
from streams.measures.privacy import Release, release_evidence, release_sources, rules_of
from streams.measures.regions import campaigns
from streams.measures.regions.closing import Closed, Closing
from streams.measures.regions.shards import join
from streams.measures.regions.state import RegionState
from streams.measures.regions.verdict import evidence_of, verdict_of
from streams.measures.regions.whole import View, Whole, weigh
from streams.measures.silence.detector import Detector
from streams.measures.silence.incident import Incident
from streams.measures.top_tags import keep_tags

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.measures.silence.state import Assessment

MINUTE: Final = 60_000
reader: Final[Reader[FiguresRecord]] = Reader(FiguresRecord, check_names)


class RegionsSettings(Struct, frozen=True):
    """What the fold needs besides the log."""

    config: Config
    directory: Directory


class RegionsOutput(Struct):
    """What a run of records has brought: the last status of each region, every transition, what was refused."""

    statuses: list[RegionStatus] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


class RegionsFold:
    """Folds the records of `activity`. A region's state is a function of its own records and of the pooled baseline."""

    def __init__(self, settings: RegionsSettings) -> None:
        self.settings = settings
        self.offset = -1
        self.clock = 0
        self.states: dict[str, RegionState] = {}
        self.changed: set[str] = set()
        self._judged: dict[str, None] = {}
        self._every = False
        self.whole = Whole()
        self.settled = -1
        self.detector = Detector(settings.directory.region, settings.config.silence.false_alarms_per_week)
        self.rules = rules_of(settings.config.privacy)
        self._cool_down = settings.config.silence.cool_down
        self._closing = Closing(
            self.rules,
            {region.name: definitions(settings.config.campaign, region) for region in settings.directory.region},
        )
        self._headcounts = {region.name: Headcounts(region) for region in settings.directory.region}

    def fold(self, offsets: Iterable[int], values: Iterable[bytes | None], *, every: bool = False) -> RegionsOutput:
        """Fold a run of records; those that a region's entry holds already are skipped.

        With `every` the output has each status that the records have passed through, however they were joined.
        """
        self._every = every
        output = RegionsOutput()
        for offset, raw in zip(offsets, values, strict=False):
            if raw is not None:
                try:
                    self._take(reader.read(raw), offset, output)
                except UnreadableError as error:
                    output.refused.append(Refused(offset, error.reason, str(error), raw))
            self.offset = max(self.offset, offset)
        self._tell(output)
        return output

    def headcount(self, region: str, at: int) -> int:
        """Give the people of a region at `at` (ms); 0 where the directory does not know the region or its number."""
        known = self._headcounts.get(region)
        return known.at(at) if known is not None else 0

    def _take(self, record: FiguresRecord, offset: int, output: RegionsOutput) -> None:
        state = self.states.get(record.region)
        if state is None:
            state = self.states[record.region] = RegionState(record.region)
        if offset <= state.offset:
            return
        state.offset = offset
        self.detector.replaying = offset <= self.settled
        self.changed.add(record.region)
        if isinstance(record, SourceChange):
            if 0 <= record.offset <= state.told.get(record.shard, -1):
                return  # a crash has published it again
            state.told[record.shard] = record.offset
        for one in join(state, record):
            self._follow(state, one, output)
            if self._every:
                self._tell(output)

    def _follow(self, state: RegionState, one: FiguresRecord, output: RegionsOutput) -> None:
        if isinstance(one, SourceChange):
            self._change(state, one, output)
            return
        if one.minute > self.whole.newest:
            self._weigh_whole(output)
            self.whole.newest = one.minute
        if one.minute > state.minute:
            if state.forgiven_to < self.whole.ended_after < one.minute:
                self._forgive(state)
            self._close(state, one, output)

    def _forgive(self, state: RegionState) -> None:
        self.detector.forgive(state.region, self.whole.last_event)
        state.forgiven_to = self.whole.ended_after
        if not self.detector.machine(state.region).is_silent():
            state.incident = Incident()  # whoever was told of its silence was told last of the whole's

    def _tell(self, output: RegionsOutput) -> None:
        """Give the status of each region that has been judged anew."""
        self._closing.settle()
        for name in self._judged:
            output.statuses.append(self._status(self.states[name]))
        self._judged.clear()

    def _change(self, state: RegionState, change: SourceChange, output: RegionsOutput) -> None:
        state.clock = max(state.clock, change.clock)
        state.sources = change.sources
        at = max(change.watermark, state.since, (state.minute + 1) * MINUTE)
        assessment = self.detector.assess(state.region) if state.minute >= 0 else None
        self._judge(state, assessment, at, output)

    def _weigh_whole(self, output: RegionsOutput) -> None:
        """Judge the whole as the newest minute has left it, once a region has a newer one."""
        known = [self.states[name] for name in self._headcounts if name in self.states]
        judged = [state for state in known if state.verdict in JUDGED]
        if self.whole.since or any(state.verdict == "silent" for state in judged):
            views = [self._view(state) for state in judged]
            transition = weigh(self.whole, views, lambda last: self._surprises(judged, last))
            if transition:
                output.transitions.append(transition)

    def _surprises(self, judged: Iterable[RegionState], last: int) -> list[float]:
        """Give of each that is not silent how surprising it is that it has not posted since the minute `last`."""
        return [
            self.detector.surprise(state.region, last + 1, self.whole.newest + 1)
            for state in judged
            if state.verdict != "silent"
        ]

    def _view(self, state: RegionState) -> View:
        said = self.detector.assess(state.region)
        silent = state.verdict == "silent"
        return View(silent, state.minute, said.last_event, said.silent_since, said.expected_events)

    def _close(self, state: RegionState, activity: ActivityFigures, output: RegionsOutput) -> None:
        at = (activity.minute + 1) * MINUTE
        state.minute = activity.minute
        state.sources = activity.sources
        state.clock = max(state.clock, at)
        self.clock = max(self.clock, state.clock)
        observed = bool(state.sources) and all(one.status != "down" for one in state.sources.values())
        assessment = self.detector.observe(
            state.region, activity.minute, activity.events, observed=observed, span=activity.span
        )
        if activity.windows.series:
            last = (assessment.last_event + 1) * MINUTE if assessment.last_event >= 0 else 0
            self._closing.close(Closed(state, activity, self.headcount(state.region, at), last))
        self._judge(state, assessment, at, output)

    def _judge(self, state: RegionState, assessment: Assessment | None, at: int, output: RegionsOutput) -> None:
        people = self.headcount(state.region, at)
        if not people:  # then what has been released says whether there are enough
            self._closing.settle()
        enough = people >= self.rules.group or (not people and state.release is not None and not state.release.hidden)
        verdict, reason = verdict_of(state.sources, people, self.rules.group, assessment, enough=enough)
        if verdict == "silent" and verdict != state.verdict:
            state.part_of_whole = self.whole.since_at(state.minute) > 0
        if not (verdict == "silent" and state.part_of_whole):  # that silence is told as the whole's
            state.incident.follow(verdict, at, self._cool_down)
        again = state.incident.words() if verdict == "silent" else ""
        evidence = evidence_of(assessment, state.incident, at, self._cool_down)
        state.reason = f"{reason}; {again}" if again else reason
        state.evidence = release_evidence(evidence, hidden=not enough)
        self._judged[state.region] = None
        if verdict != state.verdict:
            output.transitions.append(
                Transition(
                    region=state.region,
                    at=at,
                    old=state.verdict or "",
                    new=verdict,
                    reason=state.reason,
                    evidence=state.evidence,
                    part_of_whole=state.part_of_whole,
                )
            )
            state.part_of_whole = state.part_of_whole and verdict == "silent"
            state.verdict, state.since = verdict, at

    def _status(self, state: RegionState) -> RegionStatus:
        shown = state.release or Release(0)
        windows = keep_tags(shown.windows, state.top)
        return RegionStatus(
            region=state.region,
            minute=max(state.minute, 0),
            verdict=state.verdict or "unknown",
            since=state.since,
            reason=state.reason,
            watermark=(state.minute + 1) * MINUTE,
            clock=state.clock,
            headcount=shown.headcount,
            last_event_at=shown.last_event_at,
            events_total=shown.events_total,
            windows=windows,
            campaigns=campaigns.status(state.campaigns, state.release),
            labels={tag: label for tag, label in shown.labels.items() if tag in windows},
            sources=release_sources(state.sources),
            evidence=state.evidence,
            duplicates=shown.duplicates,
            late=shown.late,
            too_late=shown.too_late,
            everything_silent_since=self.whole.since_at(state.minute),
        )
