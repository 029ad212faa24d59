"""Campaigns: what they want, how far they are, whether they will get there. All from released figures."""

from __future__ import annotations

from streams.measures.campaigns.adopt import MOST, Candidate, Used, adoptable, candidates
from streams.measures.campaigns.book import (
    NO_END,
    Definition,
    Period,
    campaigns_of,
    concerns,
    definitions,
    period,
    tags_of,
    target,
)
from streams.measures.campaigns.pace import FAST_BURN, KEPT_DAYS, SLOW_BURN, Burn, Pace, Point, pace
from streams.measures.campaigns.projection import Projection, project
from streams.measures.campaigns.reached import Reached, reached
from streams.measures.campaigns.standing import Part, Place, Standing, standings
from streams.measures.campaigns.status import CampaignStatus, status_of

__all__ = [
    "FAST_BURN",
    "KEPT_DAYS",
    "MOST",
    "NO_END",
    "SLOW_BURN",
    "Burn",
    "CampaignStatus",
    "Candidate",
    "Definition",
    "Pace",
    "Part",
    "Period",
    "Place",
    "Point",
    "Projection",
    "Reached",
    "Standing",
    "Used",
    "adoptable",
    "campaigns_of",
    "candidates",
    "concerns",
    "definitions",
    "pace",
    "period",
    "project",
    "reached",
    "standings",
    "status_of",
    "tags_of",
    "target",
]
