"""Writes the rules as Prometheus reads them; the files in rules/ are those with the default thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ops.prometheus.alerts import alerts
from ops.prometheus.recording import recordings
from ops.prometheus.thresholds import Thresholds, span
from ops.yaml_text import block

if TYPE_CHECKING:
    from ops.prometheus.alerts import Alert
    from ops.prometheus.recording import Recording

FOLDER: Final = Path(__file__).parent / "rules"
RUNBOOKS: Final = "ops/runbooks"
"""Where the runbooks are, unless the address of a place that shows them is given."""

HEAD: Final = "# Made from ops/prometheus by `jun alerts write`: change it there.\n"


def documents(thresholds: Thresholds, runbooks: str = RUNBOOKS) -> dict[str, str]:
    """Give the text of each file of rules by its name; `runbooks` is a folder or an address, no slash after it."""
    rules = [
        *map(_recording, recordings()),
        *(_alert(alert, runbooks) for alert in alerts(thresholds)),
    ]
    # one group, so that alerts are judged by what was recorded a moment before
    group = {"name": "jun", "interval": span(thresholds.interval), "rules": rules}
    return {"jun.yml": HEAD + block({"groups": [group]})}


def _recording(rule: Recording) -> dict[str, Any]:
    labels = {"labels": rule.labels} if rule.labels else {}
    return {"record": rule.record, "expr": rule.expr, **labels}


def _alert(alert: Alert, runbooks: str) -> dict[str, Any]:
    times = {"for": alert.pending, "keep_firing_for": alert.hold}
    return {
        "alert": alert.name,
        "expr": alert.expr,
        **{name: span(seconds) for name, seconds in times.items() if seconds},
        "labels": {"severity": alert.severity, "scope": alert.scope},
        "annotations": {
            "summary": alert.summary,
            "description": alert.evidence,
            "runbook_url": f"{runbooks}/{alert.runbook}.md",
        },
    }
