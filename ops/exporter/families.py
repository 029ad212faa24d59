"""The table of all metrics: name, kind, labels, unit and meaning of each; docs/metrics.md is made from it.

Labels are in alphabetical order, as prometheus_client writes them. Names end in their unit; a counter ends in _total,
an info in _info.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from ops.exporter import campaign_families as campaigns
from ops.exporter.family import Family, counter, gauge, info

REGION: Final = ("region",)
WINDOW: Final = ("region", "window")
TAG: Final = ("region", "tag")
TAG_WINDOW: Final = ("region", "tag", "window")
CAMPAIGN_WINDOW: Final = ("campaign", "region", "window")

REGION_INFO: Final = info(
    "jun_region_info", ("region", "team", "time_zone", "title"), "What the directory says of the region; always 1."
)
VERDICT: Final = gauge(
    "jun_region_verdict", ("region", "verdict"), "1 for the verdict that holds, 0 for the others; unknown before any."
)
VERDICT_SINCE: Final = gauge(
    "jun_region_verdict_since_timestamp_seconds", REGION, "Event time since which the verdict holds."
)
REGION_WATERMARK: Final = gauge(
    "jun_region_watermark_timestamp_seconds", REGION, "Event time up to which the region's figures are complete."
)
REGION_CLOCK: Final = gauge(
    "jun_region_clock_timestamp_seconds", REGION, "The log's clock when the region's figures were released."
)
LAST_EVENT: Final = gauge(
    "jun_region_last_event_timestamp_seconds", REGION, "Event time of the last event; absent before any."
)
HEADCOUNT: Final = gauge("jun_region_headcount", REGION, "People who belong to the region today; absent while hidden.")
HEADCOUNT_HIDDEN: Final = gauge(
    "jun_region_headcount_hidden", REGION, "1 while the headcount may not be shown, 0 while it is shown."
)
EMPTY: Final = gauge("jun_region_silence_empty_seconds", REGION, "For how long nothing has been seen, by the verdict.")
EXPECTED: Final = gauge("jun_region_silence_expected_events", REGION, "Events that were expected in the empty time.")
ODDS: Final = gauge(
    "jun_region_silence_odds", REGION, "The detector's evidence of silence; compare with its threshold."
)
THRESHOLD: Final = gauge("jun_region_silence_threshold", REGION, "Evidence from which the region is called silent.")
PROMISED: Final = gauge(
    "jun_region_promised_detection_seconds", REGION, "Time within which a silence that begins now would be noticed."
)
WEEKLY: Final = gauge(
    "jun_region_weekly_check", REGION, "1 where a silence takes more than 72 h to notice, so that a person should look."
)
HELD: Final = gauge(
    "jun_region_silence_held",
    REGION,
    "1 while a silence that came back within the cool-down of one that was told is not told anew, as it may not last.",
)
SOURCE_OF_REGION: Final = gauge(
    "jun_region_source_up",
    ("region", "source"),
    "1 while the source that feeds the region delivers, 0 while it is down.",
)
KINDS_TOTAL: Final = counter(
    "jun_region_events_by_kind_total", ("kind", "region"), "Events since the beginning of the log; absent while hidden."
)
KINDS_HIDDEN: Final = gauge(
    "jun_region_events_by_kind_hidden", ("kind", "region"), "1 while the count of this kind may not be shown, else 0."
)
DUPLICATES: Final = counter("jun_region_duplicate_events_total", REGION, "Events that came again and were not counted.")
LATE: Final = counter("jun_region_late_events_total", REGION, "Events that revised a minute already published.")
TOO_LATE: Final = counter(
    "jun_region_too_late_events_total", REGION, "Events beyond the horizon, kept as dead letters."
)

COUNTS: Final[dict[str, str]] = {
    "participants": "actors",
    "returning_participants": "returning",
    "events": "events",
    "posts": "posts",
    "replies": "replies",
    "reshares": "reshares",
}
"""The counts of a rolling window: how the metric calls each, and its field of ReleasedWindow."""

_ABOUT: Final[dict[str, str]] = {
    "participants": "People who took part in the window, released (rounded)",
    "returning_participants": "Those of the participants who took part before, released (rounded)",
    "events": "Events of all kinds in the window",
    "posts": "Posts in the window",
    "replies": "Replies in the window",
    "reshares": "Reshares in the window",
}


class Series(Struct, frozen=True):
    """The metrics of one sort of series (a region, a tag, a campaign) over the rolling windows."""

    counts: dict[str, Family]
    hidden: Family


def _series(sort: str, labels: tuple[str, ...], *without: str) -> Series:
    names = [name for name in COUNTS if name not in without]
    return Series(
        counts={
            COUNTS[name]: gauge(f"jun_{sort}_{name}", labels, f"{_ABOUT[name]}; absent while hidden.") for name in names
        },
        hidden=gauge(f"jun_{sort}_hidden", labels, "1 while any of the counts of the window may not be shown, else 0."),
    )


WHOLE_SERIES: Final = _series("region", WINDOW)
TAG_SERIES: Final = _series("tag", TAG_WINDOW, "returning_participants")
CAMPAIGN_SERIES: Final = _series("campaign", CAMPAIGN_WINDOW)
TAG_INFO: Final = info("jun_tag_info", ("label", "region", "tag"), "The form of the tag that most people write.")

OF_A_REGION: Final[tuple[Family, ...]] = (
    REGION_INFO,
    VERDICT,
    VERDICT_SINCE,
    REGION_WATERMARK,
    REGION_CLOCK,
    LAST_EVENT,
    HEADCOUNT,
    HEADCOUNT_HIDDEN,
    EMPTY,
    EXPECTED,
    ODDS,
    THRESHOLD,
    PROMISED,
    WEEKLY,
    HELD,
    SOURCE_OF_REGION,
    KINDS_TOTAL,
    KINDS_HIDDEN,
    DUPLICATES,
    LATE,
    TOO_LATE,
    *WHOLE_SERIES.counts.values(),
    WHOLE_SERIES.hidden,
    TAG_INFO,
    *TAG_SERIES.counts.values(),
    TAG_SERIES.hidden,
    *CAMPAIGN_SERIES.counts.values(),
    CAMPAIGN_SERIES.hidden,
    *campaigns.OF_A_REGION,
)
"""What is released of each region, in the order of the page."""

EVERYTHING_SILENT: Final = gauge(
    "jun_everything_silent",
    (),
    "1 while everything is silent, by the verdict of the whole: the line is suspect, not the offices.",
)
CLOCK: Final = gauge("jun_clock_timestamp_seconds", (), "The log's clock: the largest of any released region.")
EVENT_TIME: Final = gauge(
    "jun_event_time_timestamp_seconds", (), "Event time that the line has reached: the largest watermark of a region."
)
SIMULATED: Final = gauge("jun_simulated", (), "1 where the organisation is made up and its clock is not the world's.")
SOURCE_UP: Final = gauge(
    "jun_source_up", ("source",), "1 while the source delivers (or has ended), 0 while it is down."
)
SOURCE_STATUS: Final = gauge(
    "jun_source_status", ("source", "status"), "1 for the status that holds, 0 for the others."
)
SOURCE_SINCE: Final = gauge(
    "jun_source_status_since_timestamp_seconds", ("source",), "The log's clock since which the status holds."
)
SOURCE_WATERMARK: Final = gauge(
    "jun_source_watermark_timestamp_seconds", ("source",), "Event time up to which the source has sent everything."
)
TRANSITIONS: Final = counter(
    "jun_region_transitions_total", ("region", "verdict"), "Changes to the verdict, as the topic alerts records them."
)
DEAD_LETTERS: Final = counter(
    "jun_dead_letters_total", ("reason", "source"), "Inputs that were refused, by the reason and where they came from."
)
LAG: Final = gauge(
    "jun_consumer_lag_records",
    ("partition", "topic"),
    "Records that the workers have not yet acknowledged; absent while Kafka does not answer.",
)
BUILD_INFO: Final = info("jun_build_info", ("python", "version"), "Which Jun this is, on which Python; always 1.")
BROKER_UP: Final = gauge("jun_broker_up", (), "1 while Kafka answers the exporter, 0 while it does not.")
CAUGHT_UP: Final = gauge(
    "jun_exporter_caught_up", (), "1 once everything that stood in the log at the start has been read; regions follow."
)
SCRAPES: Final = counter("jun_exporter_scrapes_total", (), "Answers given to scrapes.")
SCRAPE_SECONDS: Final = gauge(
    "jun_exporter_scrape_duration_seconds", (), "Time that making the page before this one took."
)
SERIES: Final = gauge("jun_exporter_series", (), "Series of regions on this page.")
UNREADABLE: Final = counter(
    "jun_exporter_unreadable_records_total", ("topic",), "Records that this process could not read since it started."
)
LEFT_OUT: Final = gauge(
    "jun_exporter_left_out_values",
    ("label",),
    "Values of a label that were left out since the set would not be bounded.",
)

OF_THE_LINE: Final[tuple[Family, ...]] = (
    *campaigns.OVER_REGIONS,
    EVERYTHING_SILENT,
    CLOCK,
    EVENT_TIME,
    SIMULATED,
    SOURCE_UP,
    SOURCE_STATUS,
    SOURCE_SINCE,
    SOURCE_WATERMARK,
    TRANSITIONS,
    DEAD_LETTERS,
    LAG,
    BUILD_INFO,
    BROKER_UP,
    CAUGHT_UP,
    SCRAPES,
    SCRAPE_SECONDS,
    SERIES,
    UNREADABLE,
    LEFT_OUT,
)
"""What is told of the campaigns' goals, the line and the exporter itself."""

FAMILIES: Final = (*OF_A_REGION, *OF_THE_LINE)
