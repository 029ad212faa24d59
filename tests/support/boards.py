"""The boards as Grafana reads them: panels, queries with their variables put in, names of metrics."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import promql_parser
from msgspec import Struct

from ops.grafana.files import BOARDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VALUES = {
    "$__rate_interval": "1m",
    "$__range": "10m",
    "$region": ".*",
    "$campaign": ".*",
    "$window": "24h",
}
"""What Grafana would put in, the longer names first."""


class Asked(Struct, frozen=True):
    """A query of a board: where it stands, its PromQL with the variables put in, and as it is written."""

    place: str
    promql: str
    written: str


def boards() -> dict[str, dict[str, Any]]:
    """Give the boards that are shipped, by uid."""
    read = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(BOARDS.glob("*.json"))]
    return {board["uid"]: board for board in read}


def panels(board: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the panels of a board without its rows."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def queries() -> list[Asked]:
    """Give every query of every board: of its panels, its annotations and its variables."""
    return [asked for uid, board in boards().items() for asked in _queries(uid, board)]


def _queries(uid: str, board: Mapping[str, Any]) -> Iterator[Asked]:
    for panel in panels(board):
        for target in panel["targets"]:
            yield _asked(f"{uid}: {panel['title']} {target['refId']}", target["expr"])
    for annotation in board["annotations"]["list"]:
        yield _asked(f"{uid}: annotation {annotation['name']}", annotation["target"]["expr"])
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield _asked(f"{uid}: variable {variable['name']}", variable["definition"][len("query_result(") : -1])


def _asked(place: str, written: str) -> Asked:
    promql = written
    for name, value in VALUES.items():
        promql = promql.replace(name, value)
    return Asked(place, promql, written)


def metric_names(promql: str) -> set[str]:
    """Give the metrics that a query reads; raises ValueError where it is not PromQL."""
    return set(_names(promql_parser.parse(promql)))


def _names(node: Any) -> Iterator[str]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node.name
    for part in ("expr", "lhs", "rhs", "vector_selector", "vs", "param"):
        inner = getattr(node, part, None)
        if inner is not None:
            yield from _names(inner)
    args = getattr(node, "args", None)
    for inner in args or ():
        yield from _names(inner)
