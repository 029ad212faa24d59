"""Campaigns: what they want, how far they are, whether they will get there. All from released figures."""

from __future__ import annotations

from streams.measures.campaigns.adopt import Candidate, Used, candidates
from streams.measures.campaigns.book import Period, campaigns_of, concerns, period, target
from streams.measures.campaigns.pace import Burn, Pace, Point, pace, remember
from streams.measures.campaigns.projection import Projection, project
from streams.measures.campaigns.reached import Reached, reached
from streams.measures.campaigns.standing import Part, Standing, standings

__all__ = [
    "Burn",
    "Candidate",
    "Pace",
    "Part",
    "Period",
    "Point",
    "Projection",
    "Reached",
    "Standing",
    "Used",
    "campaigns_of",
    "candidates",
    "concerns",
    "pace",
    "period",
    "project",
    "reached",
    "remember",
    "standings",
    "target",
]
