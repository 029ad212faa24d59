"""What the recording rules make of exported figures, as promtool works it out; expected values are worked by hand."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from ops.prometheus.recording import recordings
from ops.prometheus.rules import documents
from ops.prometheus.thresholds import Thresholds
from tests.support.programs import need

if TYPE_CHECKING:
    from pathlib import Path

SERIES = {
    'jun_region_verdict{region="a", verdict="silent"}': 1,
    'jun_region_verdict{region="b", verdict="silent"}': 1,
    'jun_region_verdict{region="c", verdict="silent"}': 0,
    'jun_region_verdict{region="c", verdict="active"}': 1,
    'jun_region_info{region="a", team="east", title="Alpha", time_zone="UTC"}': 1,
    'jun_region_info{region="c", team="", title="Gamma", time_zone="UTC"}': 1,
    # two exporters tell the same of region a
    'jun_region_participants{region="a", window="7d", instance="one"}': 30,
    'jun_region_participants{region="a", window="7d", instance="two"}': 30,
    'jun_region_participants{region="b", window="7d"}': 0,
    'jun_region_participants{region="c", window="7d"}': 500,
    'jun_region_returning_participants{region="a", window="7d"}': 20,
    'jun_region_returning_participants{region="b", window="7d"}': 0,
    'jun_region_headcount{region="a"}': 120,
    'jun_region_headcount{region="b"}': 80,
    # the headcount of c is hidden, the participants of d are
    'jun_region_headcount{region="d"}': 1000,
    'jun_campaign_participants{campaign="spring", region="a", window="28d"}': 36,
    'jun_campaign_participants{campaign="spring", region="b", window="28d"}': 24,
    'jun_campaign_participants{campaign="spring", region="c", window="28d"}': 99,
    'jun_campaign_reached{bound="least", campaign="spring", measure="people"}': 60,
    'jun_campaign_reached{bound="least", campaign="spring", measure="people", instance="two"}': 60,
    'jun_campaign_reached{bound="most", campaign="spring", measure="people"}': 78,
    'jun_campaign_reached{bound="least", campaign="spring", measure="posts"}': 70,
    'jun_campaign_target{campaign="spring", measure="people"}': 80,
    'jun_campaign_target{campaign="autumn", measure="posts"}': 50,
    'jun_campaign_burn_rate{campaign="spring", certainty="likely", window="3d"}': 2,
    'jun_campaign_burn_rate{campaign="spring", certainty="sure", window="3d"}': 1.5,
    'jun_campaign_burn_rate{campaign="spring", certainty="likely", window="7d"}': 4,
    # a goal that is reached needs no pace
    'jun_campaign_burn_rate{campaign="autumn", certainty="likely", window="3d"}': 0,
    'jun_campaign_start_timestamp_seconds{campaign="spring"}': 200,
    'jun_campaign_start_timestamp_seconds{campaign="autumn"}': 100,
    'jun_campaign_end_timestamp_seconds{campaign="spring"}': 2000,
    'jun_campaign_end_timestamp_seconds{campaign="autumn"}': 999,
    "jun_clock_timestamp_seconds": 1000,
    'jun_region_watermark_timestamp_seconds{region="a"}': 990,
    'jun_region_watermark_timestamp_seconds{region="b"}': 870,
    'jun_consumer_lag_records{topic="events", partition="0", instance="one"}': 4,
    'jun_consumer_lag_records{topic="events", partition="0", instance="two"}': 3,
    'jun_consumer_lag_records{topic="events", partition="1"}': 5,
    'jun_consumer_lag_records{topic="activity", partition="0"}': 0,
}

EXPECTED = {
    "jun:regions:count": {'{verdict="active"}': 1, '{verdict="silent"}': 2},
    "jun:region_verdict_code": {'{region="a", team="east", title="Alpha"}': 6, '{region="c", title="Gamma"}': 1},
    "jun:clock_timestamp_seconds:max": {"{}": 1000},
    "jun:watermark_lag_seconds:max": {"{}": 130},
    "jun:consumer_lag_records:sum": {'{topic="activity"}': 0, '{topic="events"}': 9},
    "jun:region_participation_ratio": {'{region="a", window="7d"}': 0.25, '{region="b", window="7d"}': 0},
    "jun:region_returning_ratio": {'{region="a", window="7d"}': 20 / 30},
    "jun:campaign_participation_ratio": {
        '{campaign="spring", region="a", window="28d"}': 0.3,
        '{campaign="spring", region="b", window="28d"}': 0.3,
    },
    "jun:participation_ratio": {'{window="7d"}': 30 / 200},
    "jun:campaign_reached:sum": {
        '{campaign="spring", measure="people"}': 60,
        '{campaign="spring", measure="posts"}': 70,
    },
    "jun:campaign_goal:sum": {
        '{campaign="spring", measure="people"}': 80,
        '{campaign="autumn", measure="posts"}': 50,
    },
    "jun:campaign_progress_ratio": {'{campaign="spring", measure="people"}': 0.75},
    # 800 s of the spring's 1800 are gone; the autumn is over
    "jun:campaign_planned_ratio": {'{campaign="spring"}': 800 / 1800, '{campaign="autumn"}': 1},
    "jun:campaign_pace_ratio:3d": {'{campaign="spring"}': 0.5},
    "jun:campaign_pace_ratio:7d": {'{campaign="spring"}': 0.25},
    # 20 people in the 1000 s that are left; the autumn is over
    "jun:campaign_needed_per_second": {'{campaign="spring", measure="people"}': 0.02},
}


def test_ratios_and_sums_are_those_of_the_figures_that_are_shown(tmp_path: Path) -> None:
    need("promtool")
    for name, text in documents(Thresholds()).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    asked = [
        {
            "expr": record,
            "eval_time": "1m",
            "exp_samples": [
                {"labels": record + ("" if labels == "{}" else labels), "value": value}
                for labels, value in found.items()
            ],
        }
        for record, found in EXPECTED.items()
    ]
    document = {
        "rule_files": list(documents(Thresholds())),
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": f"{value}x5"} for name, value in SERIES.items()],
                "promql_expr_test": asked,
            }
        ],
    }
    file = tmp_path / "case.yml"
    file.write_text(json.dumps(document), encoding="utf-8")
    tried = subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert tried.returncode == 0, tried.stdout + tried.stderr


@pytest.mark.parametrize("name", sorted({rule.record for rule in recordings()}))
def test_every_rule_is_worked_out_here(name: str) -> None:
    assert name in EXPECTED
