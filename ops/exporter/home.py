"""The page for people: every region with its verdict and the sources, plain HTML without script."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from html import escape
from typing import TYPE_CHECKING, Final

from ops.grafana.colours import VERDICT_COLOURS
from ops.prometheus.recording import VERDICT_CODES
from schemas.activity import WHOLE, WINDOWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ops.exporter.known import Known
    from schemas.regions import RegionStatus, Released, Verdict

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
DAY_WINDOW: Final = list(WINDOWS).index("24h")
SIGNS: Final[dict[Verdict, str]] = {
    "active": "●",
    "quiet": "○",
    "silent": "■",
    "unknown": "?",
    "hidden": "–",
    "learning": "…",
}
"""Verdicts are told by shape and word, so that nobody depends on colours."""
URGENT: Final = sorted(VERDICT_CODES, key=lambda verdict: -VERDICT_CODES[verdict])
"""Verdicts, the most urgent first."""

_COLOURS: Final = "".join(f".{verdict}{{border-color:{colour}}}" for verdict, colour in VERDICT_COLOURS.items())
_HEAD: Final = f"""<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="15">
<meta name="viewport" content="width=device-width"><title>Jun</title>
<style>:root{{color-scheme:light dark}}
body{{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}}
table{{border-collapse:collapse;width:100%}}th,td{{text-align:left;vertical-align:top;
padding:.2rem .8rem .2rem 0;border-bottom:1px solid #8884}}
td{{font-variant-numeric:tabular-nums}}td:nth-child(-n+5),th{{white-space:nowrap}}td:last-child{{width:100%}}
b{{border-left:.5rem solid;padding-left:.4rem;font-weight:500}}{_COLOURS}p b{{margin-right:1rem}}
@media(max-width:44rem){{thead{{display:none}}tr{{display:flex;flex-wrap:wrap;border-bottom:1px solid #8884}}
td{{border:0}}td:first-child{{font-weight:700}}td:empty{{display:none}}}}</style>
"""


def page(known: Known, now: float) -> str:
    """Make the page; `now` is in seconds since the epoch."""
    parts = [_HEAD, "<h1>Jun</h1>", f"<p>{_summary(known, now)}</p>"]
    if known.caught_up:
        parts.append(f"<p>{_counts(known)}</p>")
        parts.append(_table(("Region", "Verdict", "Since", "People in 24 h", "Of", "Why"), _regions(known)))
        parts.append("<h2>Sources</h2>")
        parts.append(_table(("Source", "Status", "Since", "Complete to", "Why"), _sources(known)))
    parts.append('<p><a href="/metrics">metrics</a> · <a href="/-/healthy">healthy</a> · <a href="/-/ready">ready</a>')
    return "".join(parts)


def _summary(known: Known, now: float) -> str:
    if not known.caught_up:
        return "The log is still being read." if known.broker_up else "Kafka does not answer yet."
    told = []
    if known.simulated:
        told.append("This organisation is <strong>simulated</strong>; its clock is not the world's.")
    if not known.broker_up:
        told.append("<strong>Kafka does not answer</strong>; these are the last figures.")
    if known.everything_silent():
        told.append("<strong>Everything is silent</strong>: look at the line before the offices.")
    if known.statuses:
        clock = max(status.clock for status in known.statuses.values()) / 1000
        behind = "" if known.simulated else f", {_span(now - clock)} ago"
        told.append(f"The log's clock is {_moment(clock)}{behind}.")
    else:
        told.append("No region has been judged yet.")
    return " ".join(told)


def _counts(known: Known) -> str:
    counts = Counter(known.verdict(name) for name in known.regions)
    return " ".join(_sign(verdict, f"{counts[verdict]} ") for verdict in URGENT if counts[verdict])


def _sign(verdict: Verdict, count: str = "") -> str:
    return f'<b class="{verdict}">{SIGNS[verdict]} {count}{verdict}</b>'


def _regions(known: Known) -> Iterable[Sequence[str]]:
    """Give the rows, the most urgent first."""
    for name in sorted(known.regions, key=lambda name: (URGENT.index(known.verdict(name)), name)):
        region, status = known.regions[name], known.statuses.get(name)
        yield (
            escape(region.title or name),
            _sign(known.verdict(name)),
            _since(status.since / 1000, status.clock / 1000) if status else "",
            _people(status),
            _released(status.headcount) if status else "",
            escape(status.reason) if status else "no figures yet",
        )


def _sources(known: Known) -> Iterable[Sequence[str]]:
    for source, state in known.sources().items():
        since, complete = _moment(state.since / 1000), _moment(state.complete_to / 1000)
        yield escape(source), state.status, since, complete, escape(state.reason)


def _people(status: RegionStatus | None) -> str:
    window = status.windows.get(WHOLE) if status else None
    return _released(window.actors[DAY_WINDOW]) if window and len(window.actors) > DAY_WINDOW else ""


def _released(count: Released) -> str:
    return str(count)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Make a table; the cells are HTML, the heads text."""
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _since(at: float, clock: float) -> str:
    """Say a moment of event time, and how long that is by the log's clock."""
    return f"{dt.datetime.fromtimestamp(at, dt.UTC):%a %H:%M} UTC, {_span(clock - at)}"


def _moment(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _span(seconds: float) -> str:
    whole = max(0, round(seconds))
    return (
        f"{whole} s"
        if whole < 120
        else f"{whole // 60} min"
        if whole < 7200
        else f"{whole // 3600} h"
        if whole < 172_800
        else f"{whole // 86_400} d"
    )
