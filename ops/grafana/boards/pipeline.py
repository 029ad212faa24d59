"""*Pipeline*: whether the line itself is well, from the sources to the exporter."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from ops.grafana import colours as k
from ops.grafana.board import PIPELINE, About, Row, board
from ops.grafana.panels import Column, Head, Query, lines, table, tiles, timeline
from schemas.deadletter import Reason

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard as m

JOB = 'job="jun"'


def pipeline() -> m.Dashboard:
    """Give the board."""
    about = About(PIPELINE, "Jun: pipeline", "The line itself: sources, topics, workers and the exporter.")
    return board(about, [_now(), _time(), _sources(), _records(), _exporter()], [])


def _now() -> Row:
    exporter = tiles(
        Head(1, "Exporter", "Whether Prometheus reaches the exporter.", "none"),
        Query(f"max(up{{{JOB}}})", "exporter"),
        states=k.UP,
    )
    kafka = tiles(
        Head(2, "Kafka", "Whether Kafka answers the exporter.", "none"),
        Query("max(jun_broker_up)", "Kafka"),
        states=k.UP,
    )
    caught_up = tiles(
        Head(3, "Log read to its end", "Whether the exporter has read what stood in the log at its start.", "none"),
        Query("min(jun_exporter_caught_up)", "caught up"),
        states=(k.State(0, "not yet", k.ORANGE), k.State(1, "yes", k.GREEN)),
    )
    behind = tiles(
        Head(4, "Clock is behind by", "The log's clock behind the world's; of no meaning in a simulation.", "s"),
        Query("time() - jun:clock_timestamp_seconds:max", "behind"),
        steps=((None, k.GREEN), (120, k.ORANGE), (600, k.VERMILLION)),
    )
    simulated = tiles(
        Head(5, "Simulated", "Whether the organisation is made up.", "none"),
        Query("max(jun_simulated)", "simulated"),
        states=k.YES,
    )
    version = table(
        Head(6, "Version", "Which Jun runs, on which Python.", "none"),
        Column("Exporters", "count by (version, python) (jun_build_info)", "none"),
        keys={"version": "Jun", "python": "Python"},
    )
    return Row("Now", 4, ((4, exporter), (4, kafka), (4, caught_up), (4, behind), (3, simulated), (5, version)))


def _time() -> Row:
    behind = lines(
        Head(7, "Figures are behind by", "The last and the first region's figures behind the log's clock.", "s"),
        Query("jun:watermark_lag_seconds:max", "last region"),
        Query("max(jun_clock_timestamp_seconds) - max(jun_event_time_timestamp_seconds)", "first region"),
        steps=((None, k.GREEN), (1800, k.VERMILLION)),
    )
    moves = lines(
        Head(
            8, "The clock moves", "Seconds of the log's clock in a second; 1 in a live line, 0 when it stands.", "none"
        ),
        Query("max(deriv(jun_clock_timestamp_seconds[$__rate_interval]))", "pace"),
    )
    lag = lines(
        Head(9, "Records not yet acknowledged", "What workers have not acknowledged yet, by topic.", "none"),
        Query("jun:consumer_lag_records:sum", "{{topic}}"),
        colours={"events": k.BLUE, "activity": k.ORANGE},
    )
    return Row("Time and lag", 8, ((8, behind), (8, moves), (8, lag)))


def _sources() -> Row:
    up = timeline(
        Head(10, "Sources", "Whether each source delivered, when.", "none"),
        Query("max by (source) (jun_source_up)", "{{source}}"),
        states=k.UP,
    )
    clock = "on () group_left () max(jun_clock_timestamp_seconds)"
    figures = table(
        Head(11, "Sources now", "How each source stands, and how far it has sent everything.", "none"),
        Column("Up", "max by (source) (jun_source_up)", "none", k.UP),
        Column("Since", "1000 * max by (source) (jun_source_status_since_timestamp_seconds)", "dateTimeFromNow"),
        Column(
            "Behind the clock by",
            f"-1 * (max by (source) (jun_source_watermark_timestamp_seconds) - {clock})",
            "s",
        ),
        Column("Regions", "count by (source) (max by (region, source) (jun_region_source_up))", "none"),
        keys={"source": "Source"},
    )
    status = table(
        Head(12, "Status", "The word that each source has for how it is.", "none"),
        Column("Holds", "max by (source, status) (jun_source_status) == 1", "none"),
        keys={"source": "Source", "status": "Status"},
    )
    return Row("Sources", 8, ((9, up), (9, figures), (6, status)))


def _records() -> Row:
    reasons = dict(zip(get_args(Reason), (*k.SERIES, "#000000", *k.SERIES), strict=False))
    letters = lines(
        Head(13, "Dead letters", "Inputs that were refused in each interval, by the reason.", "none"),
        Query(
            "sum by (reason) (max by (reason, source) (increase(jun_dead_letters_total[$__rate_interval]))) ",
            "{{reason}}",
        ),
        colours=reasons,
        stacked=True,
    )
    by_source = table(
        Head(14, "Dead letters in 24 hours", "Where they came from; they are kept and can be redriven.", "none"),
        Column("Letters", "max by (reason, source) (increase(jun_dead_letters_total[1d])) >= 0", "none"),
        keys={"source": "Source", "reason": "Reason"},
        sort="Letters",
    )
    counted = "sum(max by (region) (increase({}[$__rate_interval])))"
    repeats = lines(
        Head(
            15,
            "Late and repeated events",
            "Events of all regions that revised a minute, came too late, or again.",
            "none",
        ),
        Query(counted.format("jun_region_late_events_total"), "late"),
        Query(counted.format("jun_region_too_late_events_total"), "too late"),
        Query(counted.format("jun_region_duplicate_events_total"), "repeated"),
    )
    return Row("Records", 8, ((9, letters), (7, by_source), (8, repeats)))


def _exporter() -> Row:
    series = lines(
        Head(
            16,
            "Series of regions",
            "Series on the exporter's page; the scrape is refused from 100,000 samples on.",
            "none",
        ),
        Query("max(jun_exporter_series)", "series"),
        Query(f"max(scrape_samples_scraped{{{JOB}}})", "samples of a scrape"),
    )
    scrape = lines(
        Head(17, "Time of a scrape", "Time that making the page took, and the whole scrape.", "s"),
        Query("max(jun_exporter_scrape_duration_seconds)", "making the page"),
        Query(f"max(scrape_duration_seconds{{{JOB}}})", "whole scrape"),
    )
    memory = lines(
        Head(18, "Memory of the exporter", "Resident memory of the process.", "bytes"),
        Query(f"max(process_resident_memory_bytes{{{JOB}}})", "memory"),
    )
    scrapes = lines(
        Head(19, "Scrapes", "Answers that were given in each interval.", "none"),
        Query("max(increase(jun_exporter_scrapes_total[$__rate_interval]))", "scrapes"),
    )
    left_out = table(
        Head(20, "Values left out", "Values of labels left out since the set would not be bounded.", "none"),
        Column("Values", "max by (label) (jun_exporter_left_out_values)", "none"),
        keys={"label": "Label"},
    )
    return Row("Exporter", 8, ((5, series), (5, scrape), (5, memory), (4, scrapes), (5, left_out)))
