"""Every alert rule, run by promtool over made-up series: it fires, and it does not."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from ops.exporter.families import FAMILIES
from ops.prometheus.alerts import alerts
from ops.prometheus.recording import recordings
from ops.prometheus.rules import FOLDER, documents
from ops.prometheus.thresholds import Thresholds, span
from tests.support.alert_cases import CASES, Case
from tests.support.programs import need

if TYPE_CHECKING:
    from pathlib import Path

ALERTS = {alert.name: alert for alert in alerts(Thresholds())}


def promtool(case: Case, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one case over the rules that are shipped, looking every quarter of a minute or at every sample."""
    names = []
    for name, text in documents(Thresholds(interval=15 if case.step == 1 else case.step * 60)).items():
        (folder / name).write_text(text, encoding="utf-8")
        names.append(name)
    alert = ALERTS[case.alert]
    fires = [
        {
            "exp_labels": {
                "severity": alert.severity,
                "scope": alert.scope,
                **{label: value for label, value in fired.items() if label not in {"summary", "description"}},
            },
            "exp_annotations": {
                "summary": fired["summary"],
                "description": fired["description"],
                "runbook_url": f"ops/runbooks/{alert.runbook}.md",
            },
        }
        for fired in case.fires
    ]
    moment = f"{round(case.at * 60)}s"
    document: dict[str, Any] = {
        "rule_files": names,
        "evaluation_interval": "15s" if case.step == 1 else f"{case.step}m",
        "tests": [
            {
                "name": case.sentence,
                "interval": f"{case.step}m",
                "input_series": [
                    {"series": name, "values": values} for name, values in {**case.also, **case.series}.items()
                ],
                "alert_rule_test": [{"eval_time": moment, "alertname": case.alert, "exp_alerts": fires}],
            }
        ],
    }
    file = folder / "case.yml"
    file.write_text(json.dumps(document), encoding="utf-8")  # JSON is YAML
    return subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.alert}: {case.sentence}")
def test_rule(case: Case, tmp_path: Path) -> None:
    need("promtool")
    tried = promtool(case, tmp_path)
    assert tried.returncode == 0, tried.stdout + tried.stderr


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_every_alert_has_a_case_that_fires_and_one_that_does_not(name: str) -> None:
    assert {bool(case.fires) for case in CASES if case.alert == name} == {True, False}


def test_the_files_are_what_the_program_makes() -> None:
    """Where this fails, run `jun alerts write`."""
    assert {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*")} == documents(Thresholds())


def test_promtool_has_nothing_to_say_against_rules_and_configuration() -> None:
    need("promtool")
    for command in (
        ["check", "rules", "--lint=all", "--lint-fatal", *map(str, FOLDER.glob("*.yml"))],
        ["check", "config", str(FOLDER.parent / "prometheus.yml")],
    ):
        checked = subprocess.run(["promtool", *command], capture_output=True, text=True, timeout=60, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_rules_use_only_metrics_that_exist() -> None:
    known = {family.name for family in FAMILIES} | {rule.record for rule in recordings()}
    for text in documents(Thresholds()).values():
        used = set(re.findall(r"jun[_:][a-z0-9_:]+", text)) - {"jun_exporter"}
        assert used <= known


def test_every_alert_has_a_runbook_that_tells_what_to_look_at_and_what_to_do() -> None:
    folder = FOLDER.parents[1] / "runbooks"
    pages = {alert.runbook for alert in ALERTS.values()}
    assert {file.stem for file in folder.glob("*.md")} == pages
    for page in pages:
        text = (folder / f"{page}.md").read_text(encoding="utf-8")
        for head in ("## What it means", "## What to look at", "## What to do"):
            assert head in text, f"{page} lacks {head}"
        assert all(f"`{alert.name}`" in text for alert in ALERTS.values() if alert.runbook == page)


def test_a_cause_may_not_be_told_later_than_what_it_explains() -> None:
    with pytest.raises(ValueError, match="wanted `notice` to be at most `region`"):
        Thresholds(notice=121)
    assert structs.replace(Thresholds(), notice=120).notice == 120


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (90, "90s"), (3600, "1h"), (5400, "90m"), (86_400, "1d"), (604_800, "7d")],
)
def test_durations_are_written_as_prometheus_reads_them(seconds: int, text: str) -> None:
    assert span(seconds) == text
