"""The metrics of campaigns besides their rolling windows: what is configured, since their start, goal and pace."""

from __future__ import annotations

from typing import Final

from ops.exporter.family import Family, gauge, info

CAMPAIGN: Final = ("campaign",)
CAMPAIGN_REGION_LABELS: Final = ("campaign", "region")
CANDIDATE: Final = ("campaign", "region", "tag")

CAMPAIGN_INFO: Final = info("jun_campaign_info", ("campaign", "purpose", "title"), "What the campaign is; always 1.")
CAMPAIGN_REGION: Final = gauge(
    "jun_campaign_region", ("campaign", "region"), "1 for each region that the campaign is for."
)
CAMPAIGN_START: Final = gauge(
    "jun_campaign_start_timestamp_seconds", ("campaign",), "Begin of the first day in UTC; absent where none is set."
)
CAMPAIGN_END: Final = gauge(
    "jun_campaign_end_timestamp_seconds", ("campaign",), "End of the last day in UTC; absent where none is set."
)
CAMPAIGN_GOAL: Final = gauge(
    "jun_campaign_goal", ("campaign", "measure"), "What is to be reached: people, posts, or a share of the headcount."
)

SINCE_START_PEOPLE: Final = gauge(
    "jun_campaign_since_start_participants",
    CAMPAIGN_REGION_LABELS,
    "People of the region who took part since the campaign's first local day, released (rounded); absent while hidden.",
)
SINCE_START_POSTS: Final = gauge(
    "jun_campaign_since_start_posts",
    CAMPAIGN_REGION_LABELS,
    "Posts of the campaign in the region since its first local day, released (rounded); absent while hidden.",
)
SINCE_START_HIDDEN: Final = gauge(
    "jun_campaign_since_start_hidden",
    CAMPAIGN_REGION_LABELS,
    "1 while either of the counts since the start may not be shown, else 0.",
)
COUNTED_FROM: Final = gauge(
    "jun_campaign_counted_from_timestamp_seconds",
    CAMPAIGN_REGION_LABELS,
    "Event time before which nothing is in the counts since the start; absent where the campaign has no first day.",
)
CANDIDATE_PEOPLE: Final = gauge(
    "jun_campaign_candidate_participants",
    CANDIDATE,
    "People of 28 days who used a tag together with the campaign's, which might adopt it, released (rounded).",
)
CANDIDATE_SHARE: Final = gauge(
    "jun_campaign_candidate_share", CANDIDATE, "Share of the tag's people who did, at least."
)
CANDIDATE_LIFT: Final = gauge(
    "jun_campaign_candidate_lift", CANDIDATE, "That share over the campaign's share of all people, at least."
)
REACHED: Final = gauge(
    "jun_campaign_reached",
    ("bound", "campaign", "measure"),
    "People and posts since the start over all regions of the campaign: at least, and at most by what is hidden.",
)
TARGET: Final = gauge(
    "jun_campaign_target",
    ("campaign", "measure"),
    "What is to be reached in people or posts; a share is one of the headcounts that are shown.",
)
BURN: Final = gauge(
    "jun_campaign_burn_rate",
    ("campaign", "certainty", "window"),
    "Pace that the goal needs from now on over the pace of the window: likely, and for sure at least, after rounding.",
)
PROJECTED: Final = gauge(
    "jun_campaign_projected_timestamp_seconds",
    ("bound", "campaign"),
    "When the goal will be reached; in 8 of 10 campaigns from earliest to latest. Absent where that is beyond a year.",
)
BEYOND: Final = gauge(
    "jun_campaign_beyond_a_year",
    ("bound", "campaign"),
    "1 where the projection does not reach the goal within 365 days, 0 where it does; absent before there is one.",
)
PACE_AS_OF: Final = gauge(
    "jun_campaign_pace_timestamp_seconds", CAMPAIGN, "Event time of the last day on which pace and projection rest."
)
STANDING: Final = gauge(
    "jun_campaign_region_standing",
    ("campaign", "region", "standing"),
    "1 for how the region stands to its part of the goal, 0 for the others.",
)

OF_A_REGION: Final[tuple[Family, ...]] = (
    SINCE_START_PEOPLE,
    SINCE_START_POSTS,
    SINCE_START_HIDDEN,
    COUNTED_FROM,
    CANDIDATE_PEOPLE,
    CANDIDATE_SHARE,
    CANDIDATE_LIFT,
)
"""What is released of a campaign in each region."""

OVER_REGIONS: Final[tuple[Family, ...]] = (
    CAMPAIGN_INFO,
    CAMPAIGN_REGION,
    CAMPAIGN_START,
    CAMPAIGN_END,
    CAMPAIGN_GOAL,
    REACHED,
    TARGET,
    BURN,
    PROJECTED,
    BEYOND,
    PACE_AS_OF,
    STANDING,
)
"""What is told of a campaign as a whole, all of it from what is released of its regions."""
