"""Makes alertmanager.yml: routes by severity, scope, team and calendar; what holds what back; receivers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from msgspec import Struct

from ops.alertmanager.calendars import calendars, interval
from ops.prometheus.alerts import Scope
from ops.prometheus.thresholds import DAY, span
from ops.yaml_text import block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.directory import Directory, Region

FOLDER: Final = Path(__file__).parent
FILE_NAME: Final = "alertmanager.yml"
HEAD: Final = "# Made from ops/alertmanager and the directory by `jun alerts write`: change it there.\n"
WEBHOOK: Final = "http://127.0.0.1:9095"
"""Where messages go until receivers are given: to this address, with the receiver's name as the path."""

NOBODY, OPERATIONS, OFFICES, CAMPAIGNS, CHANNELS = "nobody", "operations", "offices", "campaigns", "channels"


class Pace(Struct, frozen=True):
    """How messages are gathered, in whole seconds.

    `wait` is at least one evaluation of the rules, so that what holds an alert back is known before it is sent.
    """

    wait: int = 30
    gather: int = 300
    repeat_page: int = DAY // 6
    repeat_ticket: int = DAY


def document(
    directory: Directory,
    years: Sequence[int] = (),
    *,
    webhook: str = WEBHOOK,
    receivers: str = "",
    pace: Pace | None = None,
) -> str:
    """Give the text of alertmanager.yml.

    `years` are those whose holidays mute tickets. `receivers` is the text of a file that has the list `receivers:`;
    without it every receiver is a webhook under `webhook`.
    """
    pace = pace or Pace()
    route = _route(directory, pace)
    made = {"receivers": [_webhook(name, webhook) for name in receiver_names(directory)]}
    text = HEAD + block({"templates": ["templates/*.tmpl"], "route": route, "inhibit_rules": inhibitions()})
    off = [interval(name, regions[0], years) for name, regions in calendars(directory.region).items()]
    text += block({"time_intervals": off}) if off else ""
    return text + (receivers or block(made))


def receiver_names(directory: Directory) -> list[str]:
    """Give the receivers that the routes lead to."""
    return [NOBODY, OPERATIONS, OFFICES, CAMPAIGNS, CHANNELS, *(_team_receiver(team) for team in _teams(directory))]


def inhibitions() -> list[dict[str, Any]]:
    """Give what holds what back: a cause is told once, and what follows from it is not."""

    def rule(source: Sequence[str], target: Sequence[str], *equal: str) -> dict[str, Any]:
        made: dict[str, Any] = {"source_matchers": list(source), "target_matchers": list(target)}
        return {**made, "equal": list(equal)} if equal else made

    def alert(*names: str) -> str:
        return _one_of("alertname", names)

    line = ("JunPipelineStalled", "JunPipelineBehind", "JunLagGrowing")
    blind = ("JunExporterDown", "JunKafkaDown", "JunPipelineStalled")
    return [
        rule([alert("JunExporterDown")], [alert("JunKafkaDown", *line)]),
        rule([alert("JunKafkaDown")], [alert(*line)]),
        rule([alert("JunPipelineStalled")], [alert("JunPipelineBehind", "JunLagGrowing")]),
        # figures that are only late are true all the same, so JunPipelineBehind holds back nothing
        # the scopes are named, so that alerts of others in the same Alertmanager are left alone
        rule([alert(*blind)], [_one_of("scope", [scope for scope in get_args(Scope) if scope != "pipeline"])]),
        rule([alert("JunEverythingSilent")], [_is("scope", "region")]),
        rule(
            [alert("JunRegionSourceDown")],
            [_one_of("scope", ("region", "channel")), 'alertname!="JunRegionSourceDown"'],
            "region",
        ),
        rule([alert("JunCampaignOffPaceFast")], [alert("JunCampaignOffPaceSlow")], "campaign"),
    ]


def _route(directory: Directory, pace: Pace) -> dict[str, Any]:
    return {
        "receiver": OPERATIONS,
        "group_by": ["alertname", "scope", "team"],
        "group_wait": span(pace.wait),
        "group_interval": span(pace.gather),
        "repeat_interval": span(pace.repeat_page),
        "routes": [
            {"matchers": [_is("severity", "none")], "receiver": NOBODY},
            {"matchers": [_is("scope", "region")], "receiver": OFFICES, **_regions(directory, pace)},
            {
                "matchers": [_is("scope", "campaign")],
                "receiver": CAMPAIGNS,
                "repeat_interval": span(pace.repeat_ticket),
            },
            {"matchers": [_is("scope", "channel")], "receiver": CHANNELS, "repeat_interval": span(pace.repeat_ticket)},
            {"matchers": [_is("severity", "ticket")], "repeat_interval": span(pace.repeat_ticket)},
        ],
    }


def _regions(directory: Directory, pace: Pace) -> dict[str, Any]:
    """Give the routes of the teams, and in each those of tickets, which wait until the region works."""
    routes: list[dict[str, Any]] = []
    for team in _teams(directory):
        route: dict[str, Any] = {"matchers": [_is("team", team)], "receiver": _team_receiver(team)}
        tickets = _tickets([region for region in directory.region if region.team == team], directory, pace)
        routes.append({**route, "routes": tickets} if tickets else route)
    routes += _tickets([region for region in directory.region if not region.team], directory, pace)
    return {"routes": routes} if routes else {}


def _tickets(regions: Sequence[Region], directory: Directory, pace: Pace) -> list[dict[str, Any]]:
    chosen = {region.name for region in regions}
    routes = []
    for name, group in calendars(directory.region).items():
        members = [region.name for region in group if region.name in chosen]
        if members:
            matchers = [_is("severity", "ticket"), _one_of("region", members)]
            repeat = span(pace.repeat_ticket)
            routes.append({"matchers": matchers, "mute_time_intervals": [name], "repeat_interval": repeat})
    return routes


def _webhook(name: str, address: str) -> dict[str, Any]:
    if name == NOBODY:
        return {"name": name}
    return {"name": name, "webhook_configs": [{"url": f"{address}/{name}"}]}


def _teams(directory: Directory) -> list[str]:
    return sorted({region.team for region in directory.region if region.team})


def _team_receiver(team: str) -> str:
    return f"team-{team}"


def _is(label: str, value: str) -> str:
    return f"{label}={json.dumps(value, ensure_ascii=False)}"


def _one_of(label: str, values: Sequence[str]) -> str:
    if len(values) == 1:
        return _is(label, values[0])
    return f"{label}=~{json.dumps('|'.join(map(re.escape, values)), ensure_ascii=False)}"
