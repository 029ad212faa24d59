"""*Region*: one region's verdict with its evidence, its people, its tags, and what it is heard through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.grafana import colours as k
from ops.grafana.board import CAMPAIGN, PIPELINE, REGION, About, Row, board, region, to, window
from ops.grafana.panels import Column, Head, Query, bars, lines, table, tiles, timeline
from schemas.activity import WINDOWS

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard as m

ONE = 'region=~"$region"'
WINDOWED = f'{ONE}, window="$window"'


def one_region() -> m.Dashboard:
    """Give the board."""
    about = About(
        REGION,
        "Jun: region",
        "One region: its verdict with the evidence, its people and tags, and the sources it is heard through.",
    )
    return board(about, [_now(), _verdict(), _people(), _tags(), _heard()], [region(several=False), window()])


def _now() -> Row:
    def tile(number: int, title: str, about: str, unit: str, expr: str) -> tuple[int, m.Panel]:
        return 4, tiles(Head(number, title, about, unit), Query(expr, title))

    verdict = Head(1, "Verdict", "The verdict that holds now.", "none")
    since = f"1000 * max(jun_region_verdict_since_timestamp_seconds{{{ONE}}})"
    last = f"1000 * max(jun_region_last_event_timestamp_seconds{{{ONE}}})"
    people = f"max(jun_region_participants{{{WINDOWED}}})"
    headcount = f"max(jun_region_headcount{{{ONE}}})"
    share = f"max(jun:region_participation_ratio{{{WINDOWED}}})"
    return Row(
        "Now",
        4,
        (
            (4, tiles(verdict, Query(f"max(jun:region_verdict_code{{{ONE}}})", "verdict"), states=k.VERDICT_STATES)),
            tile(2, "Since", "Event time since which the verdict holds.", "dateTimeFromNow", since),
            tile(3, "Last event", "Event time of the last event.", "dateTimeFromNow", last),
            tile(4, "Took part ($window)", "People who took part, at least; absent while hidden.", "none", people),
            tile(5, "Headcount", "People who belong to the region today; absent while hidden.", "none", headcount),
            tile(6, "Participation ($window)", "Share of its people who took part.", "percentunit", share),
        ),
    )


def _verdict() -> Row:
    history = timeline(
        Head(7, "Verdict history", "Which verdict held when.", "none"),
        Query(f"max by (title) (jun:region_verdict_code{{{ONE}}})", "{{title}}"),
        states=k.VERDICT_STATES,
    )
    odds = lines(
        Head(
            8,
            "Evidence of silence",
            "The detector's log odds of silence against the threshold from which the region is called silent.",
        ),
        Query(f"max(jun_region_silence_odds{{{ONE}}})", "evidence"),
        Query(f"max(jun_region_silence_threshold{{{ONE}}})", "threshold"),
        colours={"evidence": k.BLUE, "threshold": k.VERMILLION},
    )
    empty = lines(
        Head(9, "Empty time", "For how long nothing has been seen, and what time it takes to notice a silence.", "s"),
        Query(f"max(jun_region_silence_empty_seconds{{{ONE}}})", "empty"),
        Query(f"max(jun_region_promised_detection_seconds{{{ONE}}})", "noticed within"),
    )
    expected = lines(
        Head(10, "Events expected in the empty time", "How many events the region's past has at such a time.", "short"),
        Query(f"max(jun_region_silence_expected_events{{{ONE}}})", "expected"),
    )
    return Row("Verdict", 8, ((9, history), (5, odds), (5, empty), (5, expected)))


def _people() -> Row:
    people = lines(
        Head(11, "People who took part", "Distinct people in each rolling window, at least.", "none"),
        *(Query(f'max(jun_region_participants{{{ONE}, window="{name}"}})', name) for name in WINDOWS),
    )
    kinds = lines(
        Head(12, "Events ($window)", "Posts, replies and reshares in the window, at least.", "none"),
        Query(f"max(jun_region_posts{{{WINDOWED}}})", "posts"),
        Query(f"max(jun_region_replies{{{WINDOWED}}})", "replies"),
        Query(f"max(jun_region_reshares{{{WINDOWED}}})", "reshares"),
        stacked=True,
    )
    returning = lines(
        Head(13, "Returning ($window)", "Share of the participants who had taken part before.", "percentunit"),
        Query(f"max(jun:region_returning_ratio{{{WINDOWED}}})", "returning"),
    )
    hidden = timeline(
        Head(14, "What may be shown", "A window is hidden while any of its counts is of fewer than the group.", "none"),
        Query(f"max by (window) (jun_region_hidden{{{ONE}}})", "{{window}}"),
        states=k.SHOWN,
    )
    return Row("People", 8, ((7, people), (7, kinds), (5, returning), (5, hidden)))


def _tags() -> Row:
    def of(metric: str) -> str:
        label = f"max by (label, region, tag) (jun_tag_info{{{ONE}}})"
        return f"max by (region, tag) ({metric}{{{WINDOWED}}})\n* on (region, tag) group_left (label) {label}"

    top = table(
        Head(15, "Top tags ($window)", "The tags with the most people, as most of them write it.", "none"),
        Column("People", of("jun_tag_participants"), "none"),
        Column("Posts", of("jun_tag_posts"), "none"),
        Column("Events", of("jun_tag_events"), "none"),
        keys={"label": "Tag", "tag": "Key", "region": "Region"},
        sort="People",
    )
    campaigns = bars(
        Head(16, "Campaigns ($window)", "Share of the region's people who took part in each campaign.", "percentunit"),
        Query(f"sort_desc(max by (campaign) (jun:campaign_participation_ratio{{{WINDOWED}}}))", "{{campaign}}"),
        steps=((None, k.BLUE),),
        top=1,
        links=(("The campaign", to(CAMPAIGN, campaign="${__field.labels.campaign}")),),
    )
    return Row("Tags and campaigns", 9, ((12, top), (12, campaigns)))


def _heard() -> Row:
    sources = timeline(
        Head(17, "Sources of the region", "Whether each source that feeds the region delivered, when.", "none"),
        Query(f"min by (source) (jun_region_source_up{{{ONE}}})", "{{source}}"),
        states=k.UP,
        links=(("The line", to(PIPELINE)),),
    )
    late = lines(
        Head(
            18,
            "Late, too late, repeated",
            "Events that changed a closed minute, that came after the horizon, and that came again.",
            "none",
        ),
        Query(f"max(increase(jun_region_late_events_total{{{ONE}}}[$__rate_interval]))", "late"),
        Query(f"max(increase(jun_region_too_late_events_total{{{ONE}}}[$__rate_interval]))", "too late"),
        Query(f"max(increase(jun_region_duplicate_events_total{{{ONE}}}[$__rate_interval]))", "repeated"),
    )
    behind = lines(
        Head(19, "Figures are behind by", "How far the region's figures are behind the log's clock.", "s"),
        Query(
            f"max(jun_region_clock_timestamp_seconds{{{ONE}}}) - max(jun_region_watermark_timestamp_seconds{{{ONE}}})",
            "behind",
        ),
    )
    return Row("Heard through", 7, ((10, sources), (7, late), (7, behind)))
