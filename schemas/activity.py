"""The values of the topic `activity`: the whole roll-up of one (region, shard, minute), and changes of its sources.

These are exact figures that stay inside Jun; only the region agent may turn them into something to be released.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, field

from schemas.events import RegionName, Status
from schemas.version import Version, version_field

WINDOWS: Final[dict[str, int]] = {"1h": 60, "24h": 1_440, "7d": 10_080, "28d": 40_320}
"""The rolling windows by name, in minutes."""

WHOLE: Final = ""
"""The series of everything in a region, beside the series of its tags and campaigns."""

TAG_LIMIT: Final = 50
"""How many tags of a region have their rolling windows published, those with the most people in 7 d first."""

CAMPAIGN_PREFIX: Final = "campaign:"
"""A campaign's series is this and its name; no folded tag has a colon in it."""

TOGETHER_LIMIT: Final = 20
"""How many tags are published that go with a campaign, those that most people used with it first."""


class SeriesMinute(Struct, frozen=True, gc=False, array_like=True):
    """One series in one minute: events, and distinct people who did a counting kind."""

    events: int
    actors: int


class SeriesWindow(Struct, frozen=True, gc=False, array_like=True):
    """One series over the rolling windows that end with this minute; tuples are in the order of WINDOWS.

    `returning` counts those of `actors` whose first act inside the window was not their first in 28 days.
    """

    actors: tuple[int, ...]
    posts: tuple[int, ...]
    replies: tuple[int, ...]
    reshares: tuple[int, ...]
    events: tuple[int, ...]
    returning: tuple[int, ...] = ()


Count = Annotated[int, Meta(ge=0, lt=2**53)]
"""A count; JSON keeps none above exactly."""


class Windows(Struct, frozen=True, gc=False):
    """Several series over the rolling windows, by columns: each column has one list for each of WINDOWS.

    Every list is as long as `series`, whose names differ. `new` counts the people whose first act in 28 days lies in
    the window. Raises ValueError for others: counts out of place would be shown as those of another series or region.
    """

    series: list[str] = field(default_factory=list)
    actors: list[list[Count]] = field(default_factory=list)
    new: list[list[Count]] = field(default_factory=list)
    events: list[list[Count]] = field(default_factory=list)
    posts: list[list[Count]] = field(default_factory=list)
    replies: list[list[Count]] = field(default_factory=list)
    reshares: list[list[Count]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Check the shape."""
        count = len(self.series)
        windows = len(WINDOWS) if count else 0
        for column in (self.actors, self.new, self.events, self.posts, self.replies, self.reshares):
            # in one step each: this is done twice for every minute of every region
            if len(column) < windows or not {count}.issuperset(map(len, column)):
                raise ValueError(f"wanted a count for each of {count} series in each of {windows} windows")
        if len(set(self.series)) != count:
            raise ValueError("wanted each series once")

    def by_series(self) -> dict[str, SeriesWindow]:
        """Turn the columns into one SeriesWindow for each series."""
        returning = [
            [people - fresh for people, fresh in zip(actors, new, strict=True)]
            for actors, new in zip(self.actors, self.new, strict=True)
        ]
        columns = (self.actors, self.posts, self.replies, self.reshares, self.events, returning)
        rows = zip(*(zip(*column, strict=True) for column in columns), strict=True)
        return {name: SeriesWindow(*row) for name, row in zip(self.series, rows, strict=True)}


class CampaignCount(Struct, frozen=True, gc=False, array_like=True):
    """A campaign in a region since its first day there: distinct people who took part, and posts.

    `definition` is the mark of the tags and days that are counted (streams.measures.campaigns.Definition), so that
    two definitions are never mixed. Nothing before minute `counted_from` is in it. `together` has, in the first value
    of each UTC day, for the tags used with the campaign's by most people: how many people of 28 days did so.
    """

    definition: str
    people: int
    posts: int
    counted_from: int
    together: dict[str, int] = {}


class SourceState(Struct, frozen=True, gc=False):
    """How a source that feeds the region stands: `since` and `complete_to` in ms, `reason` in words."""

    status: Status
    since: int
    complete_to: int
    reason: str = ""


class Activity(Struct, omit_defaults=True, tag_field="type", tag="activity"):
    """The roll-up of one minute of event time in one shard of a region; whole, so that a repeat overwrites.

    `minute` is minutes since the epoch; the bucket is [minute, minute + 1). `revision` rises with each late change.
    `span` > 1 says that the span - 1 minutes before are complete and empty. `windows` has the whole region, every
    campaign and the tags with the most people (at most TAG_LIMIT of them), `campaigns` each campaign of the region
    since its start; both are there in the first revision only, as the figures at the moment of closing. `observed` is
    false where a source of the region was down. `totals` (events by kind, repeats counted once), `duplicates`, `late`
    and `too_late` count since the log began.
    """

    region: RegionName
    minute: int
    revision: int
    events: int
    actors: int
    kinds: dict[str, int]
    series: dict[str, SeriesMinute]
    shard: int = 0
    shards: int = 1
    span: int = 1
    observed: bool = True
    windows: Windows = field(default_factory=Windows)
    campaigns: dict[str, CampaignCount] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    sources: dict[str, SourceState] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    late: int = 0
    too_late: int = 0
    v: Version = version_field()


class ActivityFigures(Activity, omit_defaults=True, tag_field="type", tag="activity"):
    """An Activity read without `series`, which is half of it: for whoever needs what it says of the region only."""

    series: dict[str, SeriesMinute] = field(default_factory=dict, name="-")


class SourceChange(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="sources"):
    """A source of the region has changed its state: sent at once, without waiting for the minute to close.

    `clock` is the partition's clock (ms) and `watermark` its event time (ms) at that moment. `offset` is the place in
    `events` of the heartbeat that told it: after a crash a change may be published again, and is known by it.
    """

    region: RegionName
    clock: int
    watermark: int
    sources: dict[str, SourceState]
    shard: int = 0
    shards: int = 1
    offset: int = -1
    v: Version = version_field()


ActivityRecord = Activity | SourceChange
FiguresRecord = ActivityFigures | SourceChange
ActivityType = Literal["activity", "sources"]
