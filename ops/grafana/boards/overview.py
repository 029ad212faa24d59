"""*Overview*: how every region is, who takes part, and what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.grafana import colours as k
from ops.grafana.board import CAMPAIGN, OVERVIEW, PIPELINE, REGION, About, Row, board, campaign, region, to, window
from ops.grafana.panels import Column, Head, Query, bars, table, tiles, timeline

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard as m

VERDICT = 'max by (region, title) (jun:region_verdict_code{region=~"$region"})'
TO_REGION = (("The region", to(REGION, region="${__field.labels.region}")),)
TO_LINE = (("The line", to(PIPELINE)),)
ROW_TO_REGION = (("The region", to(REGION, region="${__value.raw}")),)
"""The same from the cell of a table."""


def titled(expr: str) -> str:
    """Put the title beside the region in the result of a query by region."""
    return f"{expr}\n* on (region) group_left (title) max by (region, title) (jun_region_info)"


def overview() -> m.Dashboard:
    """Give the board."""
    about = About(OVERVIEW, "Jun: overview", "How every region is, who takes part, and what changed.")
    return board(
        about, [_now(), _grid(), _part(), _changes(), _list()], [region(several=True), campaign(several=True), window()]
    )


def _now() -> Row:
    verdicts = tiles(
        Head(1, "Regions by verdict", "How many regions have each verdict now.", "none"),
        Query("jun:regions:count", "{{verdict}}"),
        colours=k.VERDICT_COLOURS,
    )
    everything = tiles(
        Head(
            2,
            "Everything silent",
            "Whether nobody posts anywhere, by the verdict of the whole: the line is suspect, not the offices.",
            "none",
        ),
        Query("max(jun_everything_silent)", "everything silent"),
        states=k.EVERYTHING,
        links=TO_LINE,
    )
    part = tiles(
        Head(
            3,
            "Taking part ($window)",
            "Share of all people who took part in the window, over the regions where both are shown.",
            "percentunit",
        ),
        Query('jun:participation_ratio{window="$window"}', "all regions"),
    )
    behind = tiles(
        Head(4, "Figures are behind by", "How far the last region's figures are behind the log's clock.", "s"),
        Query("jun:watermark_lag_seconds:max", "behind"),
        steps=((None, k.GREEN), (600, k.ORANGE), (1800, k.VERMILLION)),
        links=TO_LINE,
    )
    return Row("Now", 5, ((11, verdicts), (4, everything), (5, part), (4, behind)))


def _grid() -> Row:
    grid = tiles(
        Head(5, "Regions by verdict, the most urgent first", "A tile for each region; it leads to its board.", "none"),
        Query(f"sort_desc({VERDICT})", "{{title}}"),
        states=k.VERDICT_STATES,
        links=TO_REGION,
    )
    return Row("Regions", 10, ((24, grid),))


def _part() -> Row:
    share = 'max by (region) (jun:region_participation_ratio{region=~"$region", window="$window"})'
    regions = bars(
        Head(
            6,
            "Participation by region ($window)",
            "Share of a region's people who took part in the window; absent while hidden.",
            "percentunit",
        ),
        Query(f"sort_desc({titled(share)})", "{{title}}"),
        steps=((None, k.BLUE),),
        top=1,
        links=TO_REGION,
    )
    campaigns = bars(
        Head(
            7,
            "Campaigns against their goal",
            "What is reached over what is wanted, in people or posts; planned is the share of its days that are gone.",
            "percentunit",
        ),
        Query('jun:campaign_progress_ratio{campaign=~"$campaign"}', "{{campaign}}, {{measure}} reached"),
        Query('jun:campaign_planned_ratio{campaign=~"$campaign"}', "{{campaign}}, planned by now"),
        steps=((None, k.SKY), (1, k.GREEN)),
        top=1,
        links=(("The campaign", to(CAMPAIGN, campaign="${__field.labels.campaign}")),),
    )
    return Row("Taking part", 9, ((12, regions), (12, campaigns)))


def _changes() -> Row:
    verdicts = timeline(
        Head(8, "Verdicts", "Which verdict each region had when.", "none"),
        Query(VERDICT, "{{title}}"),
        states=k.VERDICT_STATES,
        links=TO_REGION,
    )
    times = 'max by (region, verdict) (increase(jun_region_transitions_total{region=~"$region"}[1d]))'
    changes = table(
        Head(9, "Changes of verdict in 24 hours", "How often each region changed to each verdict.", "none"),
        Column("Times", f"round({times}) > 0", "none"),
        keys={"region": "Region", "verdict": "To"},
        sort="Times",
        links=ROW_TO_REGION,
    )
    moved = 'delta(jun:region_participation_ratio{region=~"$region", window="24h"}[1d])'
    yesterday = table(
        Head(
            10,
            "Participation against yesterday",
            "By how much the share of people who took part in 24 hours rose or fell in a day.",
            "percentunit",
        ),
        Column("Change", f"max by (region) ({moved})", "percentunit"),
        keys={"region": "Region"},
        sort="Change",
        links=ROW_TO_REGION,
    )
    return Row("What changed today", 9, ((12, verdicts), (6, changes), (6, yesterday)))


def _list() -> Row:
    def of(metric: str, more: str = "") -> str:
        return titled(f'max by (region) ({metric}{{region=~"$region"{more}}})')

    windowed = ', window="$window"'
    regions = table(
        Head(11, "Regions", "The latest figures of each region; what is empty is hidden or not known.", "none"),
        Column("Verdict", VERDICT, "none", k.VERDICT_STATES),
        Column("Since", f"1000 * {of('jun_region_verdict_since_timestamp_seconds')}", "dateTimeFromNow"),
        Column("Last event", f"1000 * {of('jun_region_last_event_timestamp_seconds')}", "dateTimeFromNow"),
        Column("Took part ($window)", of("jun_region_participants", windowed), "none"),
        Column("Of", of("jun_region_headcount"), "none"),
        Column("Share", of("jun:region_participation_ratio", windowed), "percentunit"),
        Column("Silence noticed within", of("jun_region_promised_detection_seconds"), "s"),
        keys={"region": "Region", "title": "Title"},
        links=ROW_TO_REGION,
    )
    firing = 'ALERTS{alertname=~"Jun.+", alertstate="firing", severity!="none"}'
    alerts = table(
        Head(12, "Alerts that fire", "What is told now; each has a runbook in ops/runbooks.", "none"),
        Column("Firing", f"count by (alertname, region, source, severity) ({firing})", "none"),
        keys={"alertname": "Alert", "region": "Region", "source": "Source", "severity": "Severity"},
    )
    return Row("All figures", 11, ((16, regions), (8, alerts)))
