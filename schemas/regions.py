"""The values of the topics `regions` and `alerts`: what may be released of a region, and every change of verdict."""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

from msgspec import Meta, Struct, field

from schemas.activity import SourceState
from schemas.version import Version, version_field

Verdict = Literal["active", "quiet", "silent", "unknown", "hidden", "learning"]
"""`quiet` is as expected; `unknown`: a source is down; `learning`: too little history; `hidden`: too few people."""

VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)

JUDGED: Final[frozenset[Verdict]] = frozenset({"active", "quiet", "silent"})
"""Verdicts that say something of the people."""

WholeVerdict = Literal["everything is silent", "not everything is silent"]
"""The verdict of the whole: all regions at once say more of the line than of the offices."""

EVERYTHING_SILENT: Final = "everything is silent"
NOT_EVERYTHING_SILENT: Final = "not everything is silent"

Released = Annotated[int, Meta(ge=0)] | Literal["hidden"]
"""A count that may be shown, or the word that says that it may not. Never confuse it with zero."""


class ReleasedWindow(Struct, frozen=True, array_like=True):
    """One series over the rolling windows, in the order of schemas.activity.WINDOWS, as far as it may be shown."""

    actors: tuple[Released, ...]
    events: tuple[Released, ...]
    posts: tuple[Released, ...] = ()
    replies: tuple[Released, ...] = ()
    reshares: tuple[Released, ...] = ()
    returning: tuple[Released, ...] = ()


class CampaignDay(Struct, frozen=True, array_like=True):
    """What was shown of a campaign in a region when its figures were renewed on a UTC `day` (days since the epoch)."""

    day: int
    people: Released
    posts: Released


class TagTogether(Struct, frozen=True, array_like=True):
    """A tag that goes with a campaign's: at least so many people of 28 days used it together with them.

    `share` (0 to 1) of the people who used the tag did, at least; `lift` is that over the campaign's own share.
    """

    tag: str
    people: int
    share: float
    lift: float


class ReleasedCampaign(Struct, frozen=True, omit_defaults=True):
    """What may be shown of a campaign in a region since its first local day, [begins, ends) in minutes.

    Nothing before minute `counted_from` is in it. `days` are the last renewals, oldest first; `candidates` the tags
    that the campaign might adopt.
    """

    begins: int
    ends: int
    people: Released = "hidden"
    posts: Released = "hidden"
    counted_from: int = 0
    days: tuple[CampaignDay, ...] = ()
    candidates: tuple[TagTogether, ...] = ()


class Evidence(Struct, frozen=True, omit_defaults=True):
    """The numbers behind a verdict: what was seen, what was expected, how rare that is. Seconds and counts.

    `incident_since` (event time, ms) is when the first silence of the incident was called that is open: one that goes
    on, or is over for less than the cool-down. `held_until` (ms) is set while a silence came back within the cool-down
    of one that was told: it is to be told, if it lasts, from then on.
    """

    empty_seconds: float = 0
    expected_events: float = 0
    odds: float = 0
    threshold: float = 0
    promised_detection_seconds: float = 0
    weekly_check: bool = False
    incident_since: int = 0
    held_until: int = 0


class RegionStatus(Struct, frozen=True, omit_defaults=True):
    """What is released of a region at one minute of event time: the whole value, under the region's key.

    `minute` is minutes since the epoch, `since` the event time (ms) since which the verdict holds. `headcount` is that
    of the local day, hidden under the minimum group. Totals count since the beginning of the log. `sources` and
    `watermark` (ms) are about machines, not people, and never hidden. `everything_silent_since` (ms) is above 0 while
    everything is silent, as far as the newest minute of any region tells.
    """

    region: str
    minute: int
    verdict: Verdict
    since: int
    reason: str
    watermark: int
    clock: int
    headcount: Released = "hidden"
    last_event_at: int = 0
    events_total: dict[str, Released] = field(default_factory=dict)
    windows: dict[str, ReleasedWindow] = field(default_factory=dict)
    campaigns: dict[str, ReleasedCampaign] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    sources: dict[str, SourceState] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    duplicates: int = 0
    late: int = 0
    too_late: int = 0
    everything_silent_since: int = 0
    v: Version = version_field()


class Transition(Struct, frozen=True, omit_defaults=True):
    """One change of verdict, for the record. `at` is event time (ms); `old` is empty for the first verdict.

    With the `scope` `whole` it is the verdict of all regions together, and `region` is empty. `part_of_whole` marks a
    region's silence that was called while everything was silent, and its end: whoever tells people tells the whole.
    """

    region: str
    at: int
    old: Verdict | WholeVerdict | Literal[""]
    new: Verdict | WholeVerdict
    reason: str
    evidence: Evidence = field(default_factory=Evidence)
    scope: Literal["region", "whole"] = "region"
    part_of_whole: bool = False
    v: Version = version_field()
