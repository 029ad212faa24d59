"""*Campaign*: how far one campaign is, whether it keeps its pace, and in which regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.grafana import colours as k
from ops.grafana.board import CAMPAIGN, REGION, About, Row, board, campaign, region, to, window
from ops.grafana.panels import Column, Head, Query, bars, lines, table, tiles

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard as m

ONE = 'campaign=~"$campaign"'
HERE = f'{ONE}, region=~"$region"'
WINDOWED = f'{HERE}, window="$window"'


def one_campaign() -> m.Dashboard:
    """Give the board."""
    about = About(
        CAMPAIGN,
        "Jun: campaign",
        "One campaign: how far it is, whether it keeps the pace that its goal needs, and in which regions.",
        "now-7d",
    )
    rows = [_goal(), _pace(), _projection(), _regions(), _adopt(), _events()]
    return board(about, rows, [campaign(several=False), region(several=True), window()])


def _goal() -> Row:
    clock = "scalar(jun:clock_timestamp_seconds:max)"
    progress = tiles(
        Head(1, "Reached", "What is reached over what is wanted, of those regions that are shown.", "percentunit"),
        Query(f"jun:campaign_progress_ratio{{{ONE}}}", "{{measure}}"),
        steps=((None, k.SKY), (1, k.GREEN)),
    )
    planned = tiles(
        Head(2, "Planned by now", "The share of the campaign's days that are gone.", "percentunit"),
        Query(f"max(jun:campaign_planned_ratio{{{ONE}}})", "planned"),
    )
    reached = tiles(
        Head(3, "Reached, in numbers", "People and posts since its first day, at least.", "none"),
        Query(f"jun:campaign_reached:sum{{{ONE}}}", "{{measure}}"),
    )
    goal = tiles(
        Head(4, "Goal", "What is to be reached by the last day; a share is turned into people.", "none"),
        Query(f"jun:campaign_goal:sum{{{ONE}}}", "{{measure}}"),
    )
    left = tiles(
        Head(5, "Time left", "Until the end of the last day.", "s"),
        Query(f"max(jun_campaign_end_timestamp_seconds{{{ONE}}}) - {clock}", "left"),
        steps=((None, k.VERMILLION), (86_400, k.ORANGE), (604_800, k.GREEN)),
    )
    needed = tiles(
        Head(6, "Needed a day", "People or posts a day that reach the goal on the last day.", "none"),
        Query(f"86400 * jun:campaign_needed_per_second{{{ONE}}}", "{{measure}}"),
    )
    return Row("Goal", 5, ((4, progress), (4, planned), (4, reached), (4, goal), (4, left), (4, needed)))


def _pace() -> Row:
    progress = lines(
        Head(7, "Reached against planned", "What is reached, and what an even pace would have reached.", "percentunit"),
        Query(f"max(jun:campaign_progress_ratio{{{ONE}}})", "reached"),
        Query(f"max(jun:campaign_planned_ratio{{{ONE}}})", "planned"),
        colours={"reached": k.BLUE, "planned": k.GREY},
    )
    pace = lines(
        Head(
            8,
            "Pace over the pace that is needed",
            "At 1 the goal is reached on the last day; below it is late.",
            "none",
        ),
        Query(f"max(jun:campaign_pace_ratio:3d{{{ONE}}})", "3 days"),
        Query(f"max(jun:campaign_pace_ratio:7d{{{ONE}}})", "7 days"),
        steps=((None, k.VERMILLION), (1, k.GREEN)),
    )
    return Row("Pace", 8, ((12, progress), (12, pace)))


def _projection() -> Row:
    day = tiles(
        Head(
            14,
            "The goal will be reached on",
            "Going on as it does; in 8 of 10 campaigns between the earliest and the latest. Absent beyond a year.",
            "dateTimeAsIso",
        ),
        Query(f"1000 * max by (bound) (jun_campaign_projected_timestamp_seconds{{{ONE}}})", "{{bound}}"),
    )
    beyond = tiles(
        Head(15, "Not within a year", "Whether the projection ends without the goal within 365 days.", "none"),
        Query(f"max by (bound) (jun_campaign_beyond_a_year{{{ONE}}})", "{{bound}}"),
        states=k.YES,
    )
    burn = lines(
        Head(
            16,
            "Burn rate",
            "Pace that the goal needs over that of the window, likely; 1 is on time, at 2 half of the rest is missed.",
            "none",
        ),
        *(
            Query(f'max(jun_campaign_burn_rate{{{ONE}, certainty="likely", window="{name}"}})', name)
            for name in ("1d", "3d", "7d")
        ),
        steps=((None, k.GREEN), (1, k.VERMILLION)),
    )
    bounds = lines(
        Head(17, "People, at least and at most", "What is hidden lies between the two.", "none"),
        *(
            Query(f'max(jun_campaign_reached{{{ONE}, bound="{bound}", measure="people"}})', f"at {bound}")
            for bound in ("least", "most")
        ),
    )
    return Row("Projection", 8, ((6, day), (4, beyond), (7, burn), (7, bounds)))


def _adopt() -> Row:
    standings = table(
        Head(18, "How regions stand to their part of the goal", "Their part is that of their headcount.", "none"),
        Column("Holds", f"max by (region, standing) (jun_campaign_region_standing{{{HERE}}}) == 1", "none"),
        keys={"region": "Region", "standing": "Stands"},
        links=(("The region", to(REGION, region="${__value.raw}")),),
    )

    def of(metric: str) -> str:
        return f"max by (region, tag) ({metric}{{{HERE}}})"

    tags = table(
        Head(
            19,
            "Tags that it might adopt",
            "Tags that people use together with the campaign's, the closest first.",
            "none",
        ),
        Column("Lift", of("jun_campaign_candidate_lift"), "none"),
        Column("Share", of("jun_campaign_candidate_share"), "percentunit"),
        Column("People", of("jun_campaign_candidate_participants"), "none"),
        keys={"tag": "Tag", "region": "Region"},
        sort="Lift",
    )
    return Row("Standing and tags", 8, ((10, standings), (14, tags)))


def _regions() -> Row:
    links = (("The region", to(REGION, region="${__field.labels.region}")),)
    share = bars(
        Head(
            9,
            "Participation by region ($window)",
            "Share of a region's people who took part in the campaign; absent while hidden.",
            "percentunit",
        ),
        Query(f"sort_desc(max by (region) (jun:campaign_participation_ratio{{{WINDOWED}}}))", "{{region}}"),
        steps=((None, k.BLUE),),
        top=1,
        links=links,
    )
    figures = table(
        Head(10, "Figures by region ($window)", "What is empty is hidden.", "none"),
        Column("Since the start", f"max by (region) (jun_campaign_since_start_participants{{{HERE}}})", "none"),
        Column("People", f"max by (region) (jun_campaign_participants{{{WINDOWED}}})", "none"),
        Column("Returning", f"max by (region) (jun_campaign_returning_participants{{{WINDOWED}}})", "none"),
        Column("Posts", f"max by (region) (jun_campaign_posts{{{WINDOWED}}})", "none"),
        Column("Replies", f"max by (region) (jun_campaign_replies{{{WINDOWED}}})", "none"),
        Column("Reshares", f"max by (region) (jun_campaign_reshares{{{WINDOWED}}})", "none"),
        Column("Hidden", f"max by (region) (jun_campaign_hidden{{{WINDOWED}}})", "none", k.YES),
        keys={"region": "Region"},
        sort="People",
        links=(("The region", to(REGION, region="${__value.raw}")),),
    )
    return Row("Regions", 10, ((10, share), (14, figures)))


def _events() -> Row:
    def total(metric: str) -> str:
        return f"sum(max by (campaign, region) ({metric}{{{WINDOWED}}}))"

    people = lines(
        Head(11, "People ($window)", "Sum over the regions that are shown, and so at least so many.", "none"),
        Query(total("jun_campaign_participants"), "people"),
    )
    kinds = lines(
        Head(12, "Events ($window)", "Posts, replies and reshares of the regions that are shown, at least.", "none"),
        Query(total("jun_campaign_posts"), "posts"),
        Query(total("jun_campaign_replies"), "replies"),
        Query(total("jun_campaign_reshares"), "reshares"),
        stacked=True,
    )
    hidden = lines(
        Head(13, "Regions that are hidden ($window)", "Regions with a count that may not be shown.", "none"),
        Query(f"sum(max by (campaign, region) (jun_campaign_hidden{{{WINDOWED}}}))", "hidden"),
    )
    return Row("Over time", 8, ((8, people), (8, kinds), (8, hidden)))
