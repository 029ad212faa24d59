"""Recording rules: ratios from numerators and denominators, and what several alerts or panels want in one form.

Every rule takes the maximum over exporters first: two of them, while one takes over from the other, tell the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

if TYPE_CHECKING:
    from schemas.regions import Verdict

VERDICT_CODES: Final[dict[Verdict, int]] = {
    "active": 1,
    "quiet": 2,
    "learning": 3,
    "hidden": 4,
    "unknown": 5,
    "silent": 6,
}
"""Verdicts as numbers, for boards, which show a number as a word; the most urgent is the highest."""


class Recording(Struct, frozen=True):
    """A rule that keeps the result of `expr` under the name `record`; `about` is for docs/metrics.md."""

    record: str
    about: str
    expr: str
    labels: dict[str, str] = field(default_factory=dict)


def recordings() -> tuple[Recording, ...]:
    """Give all recording rules, in an order in which none needs a later one."""
    return (*_line(), *_participation(), *_campaigns())


def _line() -> tuple[Recording, ...]:
    codes = "\n  or ".join(
        f'{code} * jun_region_verdict{{verdict="{verdict}"}}' for verdict, code in VERDICT_CODES.items()
    )
    return (
        Recording(
            "jun:regions:count",
            "Regions by verdict.",
            "sum by (verdict) (max by (region, verdict) (jun_region_verdict))",
        ),
        Recording(
            "jun:region_verdict_code",
            "The verdict as a number: "
            + ", ".join(f"{code} {verdict}" for verdict, code in VERDICT_CODES.items())
            + ".",
            f"max by (region) (\n  {codes}\n)\n"
            "* on (region) group_left (team, title)\nmax by (region, team, title) (jun_region_info)",
        ),
        Recording("jun:clock_timestamp_seconds:max", "The log's clock.", "max(jun_clock_timestamp_seconds)"),
        Recording(
            "jun:watermark_lag_seconds:max",
            "How far the figures of the last region are behind the log's clock.",
            "max(jun_clock_timestamp_seconds)\n  - min(max by (region) (jun_region_watermark_timestamp_seconds))",
        ),
        Recording(
            "jun:consumer_lag_records:sum",
            "Records that the workers have not yet acknowledged, by topic.",
            "sum by (topic) (max by (partition, topic) (jun_consumer_lag_records))",
        ),
    )


def _participation() -> tuple[Recording, ...]:
    people = "max by (region, window) (jun_region_participants)"
    headcount = "max by (region) (jun_region_headcount)"
    return (
        Recording(
            "jun:region_participation_ratio",
            "Share of a region's people who took part in the window; absent while either is hidden.",
            f"{people}\n  / on (region) group_left ()\n({headcount} > 0)",
        ),
        Recording(
            "jun:region_returning_ratio",
            "Share of a region's participants who had taken part before.",
            f"max by (region, window) (jun_region_returning_participants)\n  / on (region, window)\n({people} > 0)",
        ),
        Recording(
            "jun:campaign_participation_ratio",
            "Share of a region's people who took part in a campaign in the window.",
            "max by (campaign, region, window) (jun_campaign_participants)\n"
            f"  / on (region) group_left ()\n({headcount} > 0)",
        ),
        Recording(
            "jun:participation_ratio",
            "Share of all people who took part in the window, over the regions where both are shown.",
            f"sum by (window) ({people} and on (region) {headcount} > 0)\n"
            f"  /\nsum by (window) ({people} * 0 + on (region) group_left () ({headcount} > 0))",
        ),
    )


def _campaigns() -> tuple[Recording, ...]:
    start = "max by (campaign) (jun_campaign_start_timestamp_seconds)"
    end = "max by (campaign) (jun_campaign_end_timestamp_seconds)"

    def pace(window: str) -> Recording:
        burn = f'max by (campaign) (jun_campaign_burn_rate{{certainty="likely", window="{window}"}})'
        return Recording(
            f"jun:campaign_pace_ratio:{window}",
            f"Pace of the last {window} over the pace that reaches the goal on the last day; 1 is on time.",
            f"1 / ({burn} > 0)",
        )

    return (
        Recording(
            "jun:campaign_reached:sum",
            "People and posts since a campaign's start over its regions, at least.",
            'max by (campaign, measure) (jun_campaign_reached{bound="least"})',
        ),
        Recording(
            "jun:campaign_goal:sum",
            "What a campaign wants to reach, in people or posts.",
            "max by (campaign, measure) (jun_campaign_target)",
        ),
        Recording(
            "jun:campaign_progress_ratio",
            "What is reached, at least, over the goal.",
            "jun:campaign_reached:sum / on (campaign, measure) jun:campaign_goal:sum",
        ),
        Recording(
            "jun:campaign_planned_ratio",
            "Share of a campaign's time that is gone, from 0 to 1; absent without a first and a last day.",
            f"clamp(\n  (scalar(jun:clock_timestamp_seconds:max) - {start})\n  / ({end} - {start}),\n  0, 1\n)",
        ),
        Recording(
            "jun:campaign_needed_per_second",
            "Pace that reaches the goal on the last day, in people or posts a second; absent after that day.",
            "clamp_min(jun:campaign_goal:sum - on (campaign, measure) jun:campaign_reached:sum, 0)\n"
            "  / on (campaign) group_left ()\n"
            "(max by (campaign) (jun_campaign_end_timestamp_seconds) - scalar(jun:clock_timestamp_seconds:max) > 0)",
        ),
        pace("3d"),
        pace("7d"),
    )
