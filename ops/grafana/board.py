"""Puts panels, variables, annotations and links together into a board that nobody edits in Grafana."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.models import dashboard as m
from msgspec import Struct

from ops.grafana.colours import ORANGE
from ops.grafana.panels import SOURCE
from schemas.activity import WINDOWS

if TYPE_CHECKING:
    from collections.abc import Sequence

TAG: Final = "jun"
SOURCE_UID: Final = "jun-prometheus"
"""The data source that the provisioning makes, and that the boards begin with."""
COLUMNS: Final = 24
"""The width of Grafana's grid."""
ROWS_FROM: Final = 1000
"""Numbers of rows begin here, apart from those of panels."""

OVERVIEW, REGION, CAMPAIGN, CHANNELS, RECOGNITION, PIPELINE = (
    "jun-overview",
    "jun-region",
    "jun-campaign",
    "jun-channels",
    "jun-recognition",
    "jun-pipeline",
)
"""The uids of the boards, which are part of their addresses."""


class Row(Struct, frozen=True):
    """A row of the board: its title, its height, and the panels in it with their widths (24 in all at most)."""

    title: str
    height: int
    panels: tuple[tuple[int, m.Panel], ...]


class About(Struct, frozen=True):
    """What a board is: its uid, title and description, and from when on it shows at first, as Grafana writes it."""

    uid: str
    title: str
    text: str
    since: str = "now-24h"


def board(about: About, rows: Sequence[Row], variables: Sequence[m.VariableModel]) -> m.Dashboard:
    """Give a board; it shows the changes of verdict of the regions that are chosen, or of all."""
    of = 'region=~"$region"' if any(variable.name == "region" for variable in variables) else ""
    made = (
        build.Dashboard(about.title)
        .uid(about.uid)
        .description(about.text)
        .tags([TAG])
        .readonly()
        .timezone("browser")
        .time(about.since, "now")
        .refresh("30s")
        .tooltip(m.DashboardCursorSync.CROSSHAIR)
        .annotation(_transitions(of))
        .build()
    )
    boards = m.DashboardLink("Boards", m.DashboardLinkType.DASHBOARDS, tags=[TAG], keep_time=True)
    back = m.DashboardLink("Back to the overview", m.DashboardLinkType.LINK, url=to(OVERVIEW))
    made.links = [boards] if about.uid == OVERVIEW else [back, boards]
    for link in made.links:
        link.placement = ""  # beside the variables, not in a menu
    made.templating.list_val = [data_source(), *variables]
    made.panels = place(rows)
    return made


def place(rows: Sequence[Row]) -> list[m.Panel | m.RowPanel]:
    """Lay the rows below each other, and the panels of each from left to right."""
    placed: list[m.Panel | m.RowPanel] = []
    y = 0
    for number, row in enumerate(rows, ROWS_FROM):
        head = m.RowPanel(title=row.title, id_val=number, grid_pos=m.GridPos(h=1, w=COLUMNS, x=0, y=y))
        placed.append(head)
        x = 0
        for width, panel in row.panels:
            panel.grid_pos = m.GridPos(h=row.height, w=width, x=x, y=y + 1)
            placed.append(panel)
            x += width
        y += 1 + row.height
    return placed


def data_source() -> m.VariableModel:
    """Give the choice of the data source."""
    chosen = m.VariableOption(selected=True, text="Jun", value=SOURCE_UID)
    return build.DatasourceVariable("datasource").label("Data source").type("prometheus").current(chosen).build()


def region(*, several: bool) -> m.VariableModel:
    """Give the choice of a region, or of several or all."""
    return _of_labels("region", "Region", "jun_region_info", several=several)


def campaign(*, several: bool) -> m.VariableModel:
    """Give the choice of a campaign, or of several or all."""
    return _of_labels("campaign", "Campaign", "jun_campaign_info", several=several)


def window() -> m.VariableModel:
    """Give the choice of the rolling window."""
    chosen = m.VariableOption(selected=True, text="24h", value="24h")
    options = [m.VariableOption(selected=name == "24h", text=name, value=name) for name in WINDOWS]
    made = build.CustomVariable("window").label("Window").values(",".join(WINDOWS)).current(chosen).options(options)
    return made.allow_custom_value(False).build()


def _of_labels(name: str, label: str, metric: str, *, several: bool) -> m.VariableModel:
    """Choose by the title, as people know it; what goes into queries is the key."""
    query = f"query_result(max by ({name}, title) ({metric}))"
    made = (
        build.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": query, "refId": f"variable-{name}", "qryType": 3})
        .definition(query)
        .regex(f'/{name}="(?<value>[^"]+)".*title="(?<text>[^"]+)"/')
        .refresh(m.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(m.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
        .multi(several)
        .include_all(several)
        .allow_custom_value(False)
    )
    if several:
        everything = m.VariableOption(selected=True, text=["All"], value=["$__all"])
        made = made.all_value(".*").current(everything)
    return made.build()


def _transitions(of: str) -> build.AnnotationQuery:
    """Mark each change of verdict at the time at which it was scraped."""
    expr = f"max by (region, verdict) (increase(jun_region_transitions_total{{{of}}}[$__rate_interval])) > 0"
    return (
        build.AnnotationQuery()
        .name("Changes of verdict")
        .datasource(SOURCE)
        .enable(True)
        .icon_color(ORANGE)
        .target(prometheus.Dataquery().datasource(SOURCE).expr(expr).ref_id("Anno").range())
        .title_format("{{region}} is {{verdict}}")
        .text_format("A change of verdict.")
        .tag_keys("region,verdict")
    )


def to(uid: str, **variables: str) -> str:
    """Give the address of another board; `variables` are chosen there, source and times are taken along."""
    chosen = "".join(f"var-{name}={value}&" for name, value in variables.items())
    return f"/d/{uid}?{chosen}${{datasource:queryparam}}&${{__url_time_range}}"
