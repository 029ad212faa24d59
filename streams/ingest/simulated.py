"""Source `simulated`: a small organisation that does not exist, on a clock of its own that runs fast.

First some days of history are sent as fast as Kafka takes them, then time goes on at `speed`. One region can go quiet,
and one feed can die, so that a newcomer sees both told apart. All feeds are in one process and share the clock; each
is a source of its own, with its own heartbeats.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import time
from typing import TYPE_CHECKING, Annotated, Final
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from streams.errors import OperatorError
from streams.ingest import times
from streams.ingest.simulation import HOUR, Office, Talk, posts
from streams.ingest.source import SOURCE_NAME, Item, SourceKind, SourceSettings, Standing, Surroundings, Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schemas.directory import Directory, Region
    from streams.ingest.intake import Intake
    from streams.ingest.submission import Submission

STEP: Final = 3 * HOUR
"""Stretch of history (ms) between two heartbeats."""
MINUTE: Final = 60_000
TIMEOUT: Final = 3 * MINUTE
TICK: Final = MINUTE // 4
"""Step of live time (simulated ms)."""
TICKS_PER_BEAT: Final = 4
TICKS_PER_SAVE: Final = 40
WORKING_DAYS: Final = 4
"""Mondays to Thursdays, which are working days everywhere."""
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Feed(Struct, frozen=True, forbid_unknown_fields=True):
    """One simulated place to which people write."""

    name: Annotated[str, Meta(description="name of the source", pattern=SOURCE_NAME)]
    regions: Annotated[tuple[str, ...], Meta(description="regions whose people write there", min_length=1)]
    tags: Annotated[tuple[str, ...], Meta(description="hashtags of their own talk")] = ()


class SimulatedSettings(SourceSettings, frozen=True, kw_only=True, tag="simulated"):
    """An organisation that does not exist, for looking around."""

    feed: Annotated[tuple[Feed, ...], Meta(description="one [[source.feed]] for each source", min_length=1)]
    tags: Annotated[tuple[str, ...], Meta(description="spellings of the campaign's hashtag")] = ()
    seed: Annotated[int, Meta(description="another seed gives another history")] = 1
    posts_per_day: Annotated[float, Meta(gt=0, le=100_000, description="of a region on a working day")] = 320
    history_days: Annotated[int, Meta(ge=0, le=90, description="history that is sent first (days)")] = 14
    speed: Annotated[float, Meta(ge=1, le=3600, description="simulated seconds in a real one")] = 60
    begins_at: Annotated[
        str,
        Meta(description="time of day, in UTC, at which live time begins", pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$"),
    ] = "09:00"
    quiet_region: Annotated[str, Meta(description="region that goes quiet; empty for none")] = ""
    quiet_after_seconds: Annotated[float, Meta(ge=0, description="when it goes quiet (seconds of live time)")] = 60
    dying_feed: Annotated[str, Meta(description="feed that dies; empty for none")] = ""
    dies_after_seconds: Annotated[float, Meta(ge=0, description="when it dies (seconds of live time)")] = 90


class FeedPosition(Struct, frozen=True):
    """Up to which simulated time (ms) a feed has sent everything."""

    sent_to: int = 0


class SimulatedTime:
    """The clock that all feeds share, moved by them together, in live time when a real clock says so.

    However long the machine stands still, no feed is ahead of another by more than a step. `monotonic` gives real
    seconds, `now` the real time in ms, which only chooses the first day.
    """

    def __init__(
        self, settings: SimulatedSettings, now: Callable[[], int], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._now = now
        self._monotonic = monotonic
        self._set = 0
        self._since: float | None = None
        self._saved: list[int] = []
        self._barrier = asyncio.Barrier(len(settings.feed))
        self.history_from = 0
        self.live_from = 0

    def __call__(self) -> int:
        """Give the simulated time in ms: it moves by steps that all feeds take together."""
        return self._set

    def seconds_until(self, moment: int) -> float:
        """Give the real seconds until a simulated moment of live time; not more than 0 where it is past."""
        since = self._monotonic() if self._since is None else self._since
        return since + (moment - self.live_from) / 1000 / self._settings.speed - self._monotonic()

    @property
    def live(self) -> bool:
        """Whether history is over."""
        return self._since is not None

    async def agree(self, sent_to: int) -> None:
        """Wait for all feeds, and find from their saved positions (0: none) where to begin."""
        self._saved.append(sent_to)
        await self.together()
        if not self.live_from:
            length = self._settings.history_days * 24 * HOUR
            if any(self._saved):
                self.live_from = self._begin(max(self._saved), 1)
                self.history_from = min(saved or self.live_from - length for saved in self._saved) // HOUR * HOUR
            else:
                self.live_from = self._begin(self._now(), -1)
                self.history_from = self.live_from - length
            self._set = self.history_from
        await self.together()

    def move(self, to: int) -> None:
        """Set the clock on; it never goes back."""
        self._set = max(self._set, to)

    async def together(self) -> bool:
        """Wait for all feeds, so that none seems to have stopped while the others went on; False when one gave up."""
        try:
            await self._barrier.wait()
        except asyncio.BrokenBarrierError:
            return False
        return True

    async def give_up(self) -> None:
        """Let nobody wait for this feed any more."""
        await self._barrier.abort()

    def run(self) -> None:
        """Let live time begin, if it has not."""
        if self._since is None:
            self._since = self._monotonic()

    def _begin(self, moment: int, direction: int) -> int:
        """Find the nearest beginning of a live time at or before (-1), or at or after (1), a moment."""
        hour, minute = map(int, self._settings.begins_at.split(":"))
        day = dt.datetime.fromtimestamp(moment / 1000, dt.UTC).replace(
            hour=hour, minute=minute, second=0, microsecond=0
        )
        while times.from_datetime(day) * direction < moment * direction or day.weekday() >= WORKING_DAYS:
            day += dt.timedelta(days=direction)
        return times.from_datetime(day)


class SimulatedSource:
    """One feed of the simulated organisation."""

    def __init__(
        self, settings: SimulatedSettings, feed: Feed, clock: SimulatedTime, surroundings: Surroundings
    ) -> None:
        self.name = feed.name
        self.clock: SimulatedTime = clock
        self.regions = feed.regions
        self._settings = settings
        self._talk = Talk(settings.seed, settings.tags)
        self._offices = [_office(_region(surroundings.directory, name), settings, feed) for name in feed.regions]
        self._lateness = Timing.of(surroundings.config.time, settings).lateness
        self._sent_to = 0
        self._dead = False

    @property
    def timing(self) -> Timing:
        """Give a heartbeat for each simulated minute; in history, where time jumps, a longer time-out."""
        beat = MINUTE / 1000 / self._settings.speed
        return Timing(beat, TIMEOUT if self.clock.live else 3 * STEP, self._lateness)

    def standing(self, now: int) -> Standing | None:  # noqa: ARG002 (what has been sent is the truth)
        """Tell how far the feed has got; a dead one tells nothing, and so does one that has not begun."""
        return None if self._dead or not self._sent_to else Standing(self._sent_to, reason="simulated")

    async def run(self, intake: Intake) -> str:
        """Send the history, then go on with the clock."""
        saved = intake.restore(FeedPosition) or FeedPosition()
        await self.clock.agree(saved.sent_to)
        self._sent_to = saved.sent_to or self.clock.history_from
        if await self._history(intake):
            self.clock.run()
            await self._live(intake)
        await intake.save(FeedPosition(self._sent_to))
        await intake.stopped()
        return "the simulation was stopped"

    async def _history(self, intake: Intake) -> bool:
        """Send what lies before live time; tell whether to go on."""
        for begin in range(self.clock.history_from, self.clock.live_from, STEP):
            end = min(begin + STEP, self.clock.live_from)
            if not await self._step(intake, end):
                return False
            await intake.beat()
        await intake.save(FeedPosition(self._sent_to))
        return True

    async def _live(self, intake: Intake) -> None:
        for number in itertools.count(1):
            to = self.clock.live_from + number * TICK
            await intake.pause(self.clock.seconds_until(to))
            self._dead = self.name == self._settings.dying_feed and to >= self._live_moment(
                self._settings.dies_after_seconds
            )
            if not await self._step(intake, to):
                return
            if number % TICKS_PER_BEAT == 0:
                await intake.beat()
            if number % TICKS_PER_SAVE == 0:
                await intake.save(FeedPosition(self._sent_to))

    async def _step(self, intake: Intake, to: int) -> bool:
        """Move the clock to `to` and send what has happened by then; False when any feed is asked to stop."""
        if intake.stopping:
            await self.clock.give_up()
            return False
        self.clock.move(to)
        if to > self._sent_to and not self._dead:
            await self._send(intake, to)
        return await self.clock.together()

    async def _send(self, intake: Intake, to: int) -> None:
        """Send what has happened after `_sent_to` up to `to`."""
        done: list[Submission] = []
        for hour in range(self._sent_to // HOUR, to // HOUR + 1):
            for office in self._offices:
                done += [one for one in posts(self._talk, office, hour) if self._happens(one, to)]
        done.sort(key=lambda one: one.at)
        await intake.take([Item(b"", f"simulated, {one.id}", one) for one in done])
        self._sent_to = to

    def _happens(self, one: Submission, to: int) -> bool:
        settings = self._settings
        quiet = one.region == settings.quiet_region and one.at >= self._live_moment(settings.quiet_after_seconds)
        return self._sent_to < one.at <= to and not quiet

    def _live_moment(self, seconds: float) -> float:
        """Give the simulated moment (ms) of so many real seconds after live time began."""
        return self.clock.live_from + seconds * 1000 * self._settings.speed


def _region(directory: Directory, name: str) -> Region:
    found = next((region for region in directory.region if region.name == name), None)
    if found is None:
        raise OperatorError(
            f"the region {name} of a simulated feed", "the directory has none", "add it there", retry=False
        )
    return found


def _office(region: Region, settings: SimulatedSettings, feed: Feed) -> Office:
    headcount = region.headcount
    people = headcount if isinstance(headcount, int) else headcount[-1].people if headcount else 0
    return Office(
        name=region.name,
        zone=ZoneInfo(region.time_zone),
        weekend=frozenset(WEEKDAYS.index(day) for day in region.weekend),
        people=people,
        posts=settings.posts_per_day,
        tags=feed.tags,
    )


def build(settings: SimulatedSettings, surroundings: Surroundings) -> Sequence[SimulatedSource]:
    """Make the feeds, which share one clock."""
    clock = SimulatedTime(settings, surroundings.clock)
    return [SimulatedSource(settings, feed, clock, surroundings) for feed in settings.feed]


KIND: Final = SourceKind(SimulatedSettings, build)
