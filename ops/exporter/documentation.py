"""docs/metrics.md, made from the table of metrics and the recording rules, so that it can't say anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ops.exporter import families as f
from ops.exporter.known import SOURCE_FUSE
from ops.exporter.line import REASONS, STATUSES
from ops.exporter.regions import TAGS_IN, TAGS_OUT
from ops.prometheus.alerts import alerts
from ops.prometheus.recording import recordings
from ops.prometheus.thresholds import Thresholds, span
from schemas.activity import WINDOWS
from schemas.events import KINDS, UNASSIGNED
from schemas.regions import VERDICTS
from streams.measures.campaigns import MOST
from streams.measures.regions.whole import ENOUGH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ops.exporter.family import Family

LABELS: Final[dict[str, str]] = {
    "region": f"regions of the directory, and `{UNASSIGNED}` for accounts that no region knows",
    "verdict": ", ".join(f"`{verdict}`" for verdict in VERDICTS),
    "window": "rolling windows that end now: "
    + ", ".join(f"`{window}`" for window in WINDOWS)
    + "; of a pace `1d`, `3d`, `7d`",
    "kind": ", ".join(f"`{kind}`" for kind in KINDS),
    "tag": (
        f"folded key of a hashtag. Of each region those {TAGS_IN} with the most people in the longest window; one that"
        f" is shown stays until it is no longer among {TAGS_OUT}. Of a campaign in a region, {MOST} that it might adopt"
    ),
    "label": "the form of a tag that most people write; on `jun_exporter_left_out_values` the name of a label",
    "campaign": "campaigns of the configuration",
    "purpose": "`inform`, `appreciate`, `engage`, `feedback`",
    "measure": "`people`, `posts`, `share`",
    "bound": "`least` and `most` by what is hidden and rounded; `earliest`, `likely` and `latest` of a projection",
    "certainty": "`likely`, and `sure`: after all that the rounding leaves possible",
    "standing": "`ahead`, `on_plan`, `behind`, `hidden`",
    "source": f"sources of the configuration, and at most {SOURCE_FUSE} that run elsewhere; the rest is `__other__`",
    "status": ", ".join(f"`{status}`" for status in STATUSES),
    "reason": ", ".join(f"`{reason}`" for reason in REASONS),
    "topic": "topics that workers or the exporter read, without their prefix",
    "partition": "partitions of those topics; on no metric about people",
    "team": "of the directory",
    "time_zone": "of the directory",
    "title": "of the directory and the configuration",
    "version": "of this program",
    "python": "of its interpreter",
}
"""Where the values of each label come from: each set is bounded, and nobody's name, handle or pseudonym is in one."""

_INTRODUCTION: Final = f"""# Metrics
Made by `jun metrics docs --file docs/metrics.md`; change it in `ops/exporter/families.py` and `ops/prometheus`.

The exporter (`jun exporter`) shows at `/metrics` what has been released of the regions, and how the line fares, as
OpenMetrics 1.0.0 or Prometheus text 0.0.4, whichever the client likes better. What begins with `process_` is what
prometheus_client tells of every process.

## How to read them
- **Zero, hidden, unknown are three things.** A count that is zero is shown as 0. A count that may not be shown is
  absent, and the flag `…_hidden` of its window is 1. A region without a status yet has the verdict `unknown` and no
  counts at all, hidden or not; its counters are at 0.
- Counts of people are released rounded, once a minute of event time. Sum them if you like: totals are sums of what was
  released, and so a lower bound. Divide only sums or single regions, never average ratios; the rules below do it right.
- Times are in seconds since 1970, UTC. *Event time* is when things happened, the *log's clock* is the largest clock of
  an ingest agent that the log has seen. `jun_simulated` is 1 where both are made up.
- Counters go on after a restart of the exporter. Those of events are totals that the workers keep. Dead letters and
  transitions are counted by the exporter from their topics: counts and offsets are kept together in
  `exporter-counts.json` in the state folder, so that nothing is counted twice, and nothing is forgotten when the topic
  lets it go (dead letters after 14 days). Where that file is lost, counting begins with what the topic still has.
- Before the exporter has read the log to the end that it had at the start, only its own metrics are shown, and
  `/-/ready` answers 503; `/-/healthy` answers 200 as long as the process runs.
- The lag is that of commits, which workers make for showing only. A control record that a foreign transaction left at
  the very end of a partition counts as one that is never read.
- `jun_everything_silent` follows the verdict of the whole (`docs/silence.md`), which the region agent gives when at
  least {ENOUGH} regions can be judged: `active`, `quiet` or `silent`.
- Two exporters at once show the same: take `max by (…)` over them, as the rules do.
"""


def document() -> str:
    """Give the whole page."""
    thresholds = Thresholds()
    parts = [
        _INTRODUCTION,
        "## Labels\n" + _table(("label", "values"), ((f"`{name}`", text) for name, text in LABELS.items())),
        "## Of each region\n" + _metrics(f.OF_A_REGION),
        "## Of campaigns, the line and the exporter\n" + _metrics(f.OF_THE_LINE),
        "## Recording rules\n"
        + _table(
            ("rule", "labels", "meaning", "formula"),
            (
                (f"`{rule.record}`", _pairs(rule.labels), rule.about, f"`{' '.join(rule.expr.split())}`")
                for rule in recordings()
            ),
        ),
        "## Alerts\n"
        "`page` wakes somebody, `ticket` waits for working hours, `none` only holds others back.\n\n"
        + _table(
            ("alert", "severity", "scope", "after", "what to do"),
            (
                (
                    f"`{one.name}`",
                    one.severity,
                    one.scope,
                    span(one.pending),
                    f"[{one.runbook}]({_runbook(one.runbook)})",
                )
                for one in alerts(thresholds)
            ),
        ),
    ]
    return "\n".join(parts)


def _metrics(families: Iterable[Family]) -> str:
    return _table(
        ("metric", "type", "unit", "labels", "meaning"),
        (
            (f"`{one.name}`", one.kind, one.unit or "", ", ".join(f"`{label}`" for label in one.labels), one.about)
            for one in families
        ),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _pairs(labels: dict[str, str]) -> str:
    return ", ".join(f"`{name}={value}`" for name, value in labels.items())


def _runbook(page: str) -> str:
    return f"../ops/runbooks/{page}.md"
