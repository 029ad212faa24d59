"""The state of one region: what is known of it, as its table entry."""

from __future__ import annotations

from msgspec import Struct, field

from schemas.activity import FiguresRecord, SourceState
from schemas.regions import Evidence, Verdict
from streams.measures.privacy import Release
from streams.measures.regions.campaigns import Kept
from streams.measures.silence.incident import Incident


class RegionState(Struct):
    """All that the region agent remembers of a region, folded up to source `offset`; times in ms.

    `detector` is the silence detector's packed state of the region, `fit` its last fit, `campaigns` what is remembered
    of them by name, `top` the tags that have labels of their own. `waiting` has, by shard, what is of minutes that not
    all shards have closed yet, `closed` how far each has, `shard_sources` how each sees its sources, `told` the offset
    of its last change of them. `part_of_whole` says that its silence was called while everything was silent,
    `forgiven_to` the minute to which it has been let off when such a time ended.
    """

    region: str
    offset: int = -1
    minute: int = -1
    clock: int = 0
    verdict: Verdict | None = None
    since: int = 0
    sources: dict[str, SourceState] = field(default_factory=dict)
    detector: bytes = b""
    fit: bytes = b""
    release: Release | None = None
    campaigns: dict[str, Kept] = field(default_factory=dict)
    top: tuple[str, ...] = ()
    reason: str = ""
    evidence: Evidence = field(default_factory=Evidence)
    waiting: dict[int, list[FiguresRecord]] = field(default_factory=dict)
    closed: dict[int, int] = field(default_factory=dict)
    part_of_whole: bool = False
    forgiven_to: int = -1
    shard_sources: dict[int, dict[str, SourceState]] = field(default_factory=dict)
    told: dict[int, int] = field(default_factory=dict)
    incident: Incident = field(default_factory=Incident)
