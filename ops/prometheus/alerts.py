"""Alert rules: what is told, to whom it matters (scope), how urgently (severity), and where to read on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

from ops.prometheus.thresholds import span
from schemas.events import UNASSIGNED

if TYPE_CHECKING:
    from ops.prometheus.thresholds import Thresholds

Severity = Literal["page", "ticket", "none"]
"""`page` wakes somebody, `ticket` waits for working hours, `none` is told to nobody and only holds others back."""
Scope = Literal["region", "source", "pipeline", "global", "campaign", "channel"]

JOB: Final = "jun"
"""Prometheus' name of the job that scrapes the exporter."""


class Alert(Struct, frozen=True):
    """An alert rule; `pending` and `hold` in seconds are Prometheus' for and keep_firing_for.

    `summary` is one line that reads well on a phone, `evidence` the numbers. `runbook` is a page of ops/runbooks.
    """

    name: str
    expr: str
    severity: Severity
    scope: Scope
    summary: str
    evidence: str
    runbook: str
    pending: int
    hold: int


def alerts(thresholds: Thresholds) -> tuple[Alert, ...]:
    """Give all alert rules."""
    return (
        *_regions(thresholds),
        *_sources(thresholds),
        *_line(thresholds),
        *_campaigns(thresholds),
        _channel(thresholds),
    )


def _value(query: str, label: str, form: str) -> str:
    """Make the part of a text that shows a figure of the region or source that the alert is about."""
    return (
        '{{ with printf "' + query + '" $labels.' + label + " | query }}{{ . | first | value | " + form + " }}{{ end }}"
    )


def _regions(t: Thresholds) -> tuple[Alert, ...]:
    silent = f'max by (region) (jun_region_verdict{{verdict="silent", region!="{UNASSIGNED}"}}) == 1'
    weekly = "max by (region) (jun_region_weekly_check) == 1"
    held = "max by (region) (jun_region_silence_held) == 1"
    names = "on (region) group_left (team, time_zone, title)\nmax by (region, team, time_zone, title) (jun_region_info)"
    empty = _value("max(jun_region_silence_empty_seconds{region=%q})", "region", "humanizeDuration")
    expected = _value("max(jun_region_silence_expected_events{region=%q})", "region", "humanize")
    # true of a drop as well, in which some events come and those are counted that were expected since it showed
    evidence = f"Its last event came {empty} ago; {expected} were expected since it went quiet."
    return (
        Alert(
            "JunRegionSilent",
            f"(\n  {silent}\n  unless on (region) {weekly}\n  unless on (region) {held}\n)\n* {names}",
            "page",
            "region",
            "{{ $labels.title }} has gone silent",
            evidence,
            "region-silent",
            t.region,
            t.hold,
        ),
        Alert(
            "JunSparseRegionSilent",
            f"(\n  {silent}\n  and on (region) {weekly}\n  unless on (region) {held}\n)\n* {names}",
            "ticket",
            "region",
            "{{ $labels.title }}, where little is posted anyway, seems to have gone silent",
            f"{evidence} In a region like this it takes days to tell.",
            "region-silent",
            t.region,
            t.hold,
        ),
        Alert(
            "JunRegionSilentAgain",
            f"(\n  {silent}\n  and on (region) {held}\n)\n* {names}",
            "ticket",
            "region",
            "{{ $labels.title }} is silent again, shortly after it had recovered",
            f"{evidence} It belongs to the silence that was told before, and is told anew if it lasts.",
            "region-silent",
            t.region,
            t.hold,
        ),
        Alert(
            "JunRegionSourceDown",
            "min by (region) (jun_region_source_up) == 0",
            "none",
            "region",
            "A source of {{ $labels.region }} is down",
            "It holds back the alerts of the region, which can't be judged; the source has an alert of its own.",
            "source-down",
            0,
            t.hold,
        ),
        Alert(
            "JunEverythingSilent",
            "max(jun_everything_silent) == 1",
            "page",
            "global",
            "Everything is silent at once",
            "{{ with query \"sum(max by (region) (jun_region_verdict{verdict='silent'}))\" }}"
            "{{ . | first | value }}{{ end }} regions are called silent so far, and no other has posted since."
            " Suspect the line before the offices.",
            "everything-silent",
            t.notice,
            t.hold,
        ),
    )


def _sources(t: Thresholds) -> tuple[Alert, ...]:
    blind = _value("count(max by (region) (jun_region_source_up{source=%q}) == 0)", "source", "humanize")
    window = span(t.dead_letters_window)
    return (
        Alert(
            "JunSourceDown",
            "max by (source) (jun_source_up) == 0",
            "page",
            "source",
            "The source {{ $labels.source }} is down",
            f"It feeds {blind} regions, which are unknown until it is back, not silent.",
            "source-down",
            t.notice,
            t.hold,
        ),
        Alert(
            "JunDeadLettersRising",
            f"max by (reason, source) (increase(jun_dead_letters_total[{window}])) > {t.dead_letters}",
            "ticket",
            "source",
            "{{ $labels.source }} sends what can't be taken ({{ $labels.reason }})",
            f"{{{{ $value | humanize }}}} inputs were refused in {window}; they are kept and can be redriven.",
            "dead-letters-rising",
            t.notice,
            t.dead_letters_window,
        ),
    )


def _line(t: Thresholds) -> tuple[Alert, ...]:
    up = f'max by (job) (up{{job="{JOB}"}})'
    return (
        Alert(
            "JunPipelineStalled",
            f"changes(jun:clock_timestamp_seconds:max[{span(t.stalled)}]) == 0\n"
            f"or\nabsent(jun:clock_timestamp_seconds:max) and on () {up} == 1",
            "page",
            "pipeline",
            "The line stands still: no new figures",
            f"The log's clock has not moved for more than {span(t.stalled)}. No verdict can be trusted.",
            "pipeline-stalled",
            t.stalled_for,
            t.hold,
        ),
        Alert(
            "JunPipelineBehind",
            f"(\n  time() - jun:clock_timestamp_seconds:max > {t.behind}\n"
            "  unless on () max(jun_simulated) == 1\n)\n"
            f"or\njun:watermark_lag_seconds:max > {t.watermark}",
            "page",
            "pipeline",
            "The figures are {{ $value | humanizeDuration }} behind",
            "Verdicts come late by as much.",
            "pipeline-behind",
            t.behind_for,
            t.hold,
        ),
        Alert(
            "JunExporterDown",
            f'{up} == 0\nor\nabsent(up{{job="{JOB}"}})',
            "page",
            "pipeline",
            "The exporter can't be reached",
            "Boards and alerts are blind until it is back; nothing is lost.",
            "exporter-down",
            t.notice,
            0,
        ),
        Alert(
            "JunKafkaDown",
            "max(jun_broker_up) == 0",
            "page",
            "pipeline",
            "Kafka does not answer",
            "Figures stand still until it is back; sources keep what they have or are told to send again.",
            "kafka-down",
            t.notice,
            t.hold,
        ),
        Alert(
            "JunLagGrowing",
            f"jun:consumer_lag_records:sum > {t.lag_records}\n"
            f"and deriv(jun:consumer_lag_records:sum[{span(t.lag_for)}]) > 0",
            "ticket",
            "pipeline",
            "Workers fall behind on {{ $labels.topic }}",
            "{{ $value | humanize }} records are waiting, and more come in than are worked off.",
            "lag-growing",
            t.lag_for,
            t.hold,
        ),
    )


def _campaigns(t: Thresholds) -> tuple[Alert, ...]:
    def off_pace(name: str, windows: tuple[str, str], burn: float, pending: int, how: str) -> Alert:
        long, short = (
            f'max by (campaign) (jun_campaign_burn_rate{{certainty="sure", window="{window}"}}) >= {burn:.4g}'
            for window in windows
        )
        return Alert(
            name,
            f"{long}\nand\n{short}\nunless on () max(jun_simulated) == 1",
            "ticket",
            "campaign",
            f"The campaign {{{{ $labels.campaign }}}} {how}",
            "To reach its goal on the last day it must go on at least {{ $value | humanize }} times as fast as in the"
            f" last {windows[0]}.",
            "campaign-off-pace",
            pending,
            t.hold,
        )

    return (
        off_pace("JunCampaignOffPaceFast", ("3d", "1d"), t.fast_burn, t.fast_for, "has all but stopped"),
        off_pace("JunCampaignOffPaceSlow", ("7d", "3d"), t.slow_burn, t.slow_for, "falls behind its goal"),
    )


def _channel(t: Thresholds) -> Alert:
    window = span(t.mails_window)

    def mails(kinds: str) -> str:
        counted = f'increase(jun_region_events_by_kind_total{{kind=~"{kinds}"}}[{window}])'
        return f"sum by (region) (max by (kind, region) ({counted}))"

    return Alert(
        "JunChannelBroken",
        f"{mails('bounce')}\n  / {mails('bounce|delivered')} > {t.bounces}\n"
        f"and {mails('bounce|delivered')} >= {t.mails}",
        "ticket",
        "channel",
        "Mail to {{ $labels.region }} comes back",
        f"{{{{ $value | humanizePercentage }}}} of the mails of {window} bounced.",
        "channel-broken",
        t.mails_for,
        t.hold,
    )
