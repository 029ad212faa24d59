"""The kinds of panel that the boards are made of, each with title, description, unit and data source."""

from __future__ import annotations

from string import ascii_uppercase
from typing import TYPE_CHECKING, Any, Final

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.models import common as c
from grafana_foundation_sdk.models import dashboard as m
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from msgspec import Struct

from ops.grafana.colours import GREY, SERIES, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grafana_foundation_sdk.cog.builder import Builder

SOURCE: Final = c.DataSourceRef(type_val="prometheus", uid="${datasource}")
Step = tuple[float | None, str]
"""From which value on (None: the lowest) which colour holds."""
Links = tuple[tuple[str, str], ...]
"""Titles and addresses of the boards that a value leads to."""


class Head(Struct, frozen=True):
    """What every panel has: its number on the board, which never changes, its title, description and unit.

    `unit` is one of Grafana's own: short, percentunit, s, dateTimeAsIso, none …
    """

    number: int
    title: str
    about: str
    unit: str = "short"


class Query(Struct, frozen=True):
    """One query of a panel, and how its series are called."""

    expr: str
    legend: str = ""


class Column(Struct, frozen=True):
    """One column of a table: its query, its unit, and the words that its numbers stand for."""

    title: str
    expr: str
    unit: str = "short"
    states: tuple[State, ...] = ()


def lines(
    head: Head,
    *queries: Query,
    colours: Mapping[str, str] | None = None,
    steps: Sequence[Step] = (),
    stacked: bool = False,
) -> m.Panel:
    """Give lines over time; `colours` by the name of a series, else each query has one of its own."""
    builder = timeseries.Panel().line_width(2).fill_opacity(40 if stacked else 8).axis_soft_min(0)
    builder.show_points(c.VisibilityMode.NEVER).span_nulls(False)
    builder.legend(
        common.VizLegendOptions()
        .display_mode(c.LegendDisplayMode.TABLE)
        .placement(c.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["lastNotNull", "max"])
    )
    builder.tooltip(common.VizTooltipOptions().mode(c.TooltipDisplayMode.MULTI).sort(c.SortOrder.DESCENDING))
    if stacked:
        builder.stacking(common.StackingConfig().mode(c.StackingMode.NORMAL))
    if steps:
        builder.thresholds_style(common.GraphThresholdsStyleConfig().mode(c.GraphThresholdsStyleMode.DASHED))
    for name, colour in (colours or _in_turn(queries)).items():
        fixed = m.FieldColor(mode=m.FieldColorModeId.FIXED, fixed_color=colour)
        builder.override_by_name(name, [m.DynamicConfigValue(id_val="color", value=fixed)])
    panel = _finish(builder, head, queries)
    _thresholds(panel, steps or ((None, GREY),))
    return panel


def tiles(
    head: Head,
    *queries: Query,
    states: Sequence[State] = (),
    steps: Sequence[Step] = (),
    colours: Mapping[str, str] | None = None,
    links: Links = (),
) -> m.Panel:
    """Give the latest values as tiles, coloured by `states`, by `steps`, or by the name of the series."""
    coloured = bool(states or steps or colours)
    builder = (
        stat.Panel()
        .color_mode(c.BigValueColorMode.BACKGROUND_SOLID if coloured else c.BigValueColorMode.NONE)
        .graph_mode(c.BigValueGraphMode.NONE)
        .text_mode(c.BigValueTextMode.VALUE_AND_NAME if _several(queries) else c.BigValueTextMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    )
    for name, colour in (colours or {}).items():
        fixed = m.FieldColor(mode=m.FieldColorModeId.FIXED, fixed_color=colour)
        builder.override_by_name(name, [m.DynamicConfigValue(id_val="color", value=fixed)])
    panel = _finish(builder, head, queries, instant=True)
    return _styled(panel, states, steps, links)


def bars(head: Head, *queries: Query, steps: Sequence[Step], top: float | None = None, links: Links = ()) -> m.Panel:
    """Give the latest values as horizontal bars, from 0 to `top` or to the largest."""
    builder = (
        bargauge.Panel()
        .orientation(c.VizOrientation.HORIZONTAL)
        .display_mode(c.BarGaugeDisplayMode.BASIC)
        .value_mode(c.BarGaugeValueMode.TEXT)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .min(0)
    )
    if top is not None:
        builder.max(top)
    panel = _finish(builder, head, queries, instant=True)
    return _styled(panel, (), steps, links)


def timeline(head: Head, *queries: Query, states: Sequence[State], links: Links = ()) -> m.Panel:
    """Give which state held when, a row for each series."""
    builder = (
        statetimeline.Panel()
        .merge_values(True)
        .show_value(c.VisibilityMode.AUTO)
        .row_height(0.85)
        .line_width(0)
        .fill_opacity(85)
        .legend(
            common.VizLegendOptions()
            .display_mode(c.LegendDisplayMode.LIST)
            .placement(c.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
    )
    return _styled(_finish(builder, head, queries), states, (), links)


def table(head: Head, *columns: Column, keys: Mapping[str, str], sort: str = "", links: Links = ()) -> m.Panel:
    """Give a table with a row for each set of labels; `keys` are the labels that are shown, by their titles.

    Every column's query must give these labels and no others. `links` are those of the first key.
    """
    builder = tables.Panel().show_header(True).cell_height(c.TableCellHeight.SM).filterable(True)
    if sort:
        builder.sort_by([common.TableSortByFieldState().display_name(sort).desc(True)])
    names = ["Value"] if len(columns) == 1 else [f"Value #{letter}" for letter in ascii_uppercase[: len(columns)]]
    for column in columns:
        properties = [m.DynamicConfigValue(id_val="unit", value=column.unit)]
        if column.states:
            cell = c.TableColoredBackgroundCellOptions(mode=c.TableCellBackgroundDisplayMode.BASIC)
            properties += [
                m.DynamicConfigValue(id_val="mappings", value=[_mapping(column.states)]),
                m.DynamicConfigValue(id_val="custom.cellOptions", value=cell),
            ]
        builder.override_by_name(column.title, properties)
    if links:
        builder.override_by_name(next(iter(keys.values())), [m.DynamicConfigValue(id_val="links", value=_links(links))])
    panel = _finish(builder, head, [Query(column.expr) for column in columns], instant=True, as_table=True)
    shown = [*keys, *names]
    panel.transformations = [
        m.DataTransformerConfig(id_val="merge", options={}),
        m.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": {"Time": True},
                "indexByName": {name: place for place, name in enumerate(shown)},
                "renameByName": {**keys, **dict(zip(names, (column.title for column in columns), strict=True))},
            },
        ),
    ]
    return panel


def _finish(
    builder: Builder[m.Panel], head: Head, queries: Sequence[Query], *, instant: bool = False, as_table: bool = False
) -> m.Panel:
    panel = builder.build()
    panel.id_val, panel.title, panel.description = head.number, head.title, head.about
    panel.datasource = SOURCE
    panel.targets = [
        _target(query, letter, instant=instant, as_table=as_table)
        for letter, query in zip(ascii_uppercase, queries, strict=False)
    ]
    config = panel.field_config or m.FieldConfigSource()
    config.defaults.unit = head.unit
    config.defaults.no_value = "nothing"
    panel.field_config = config
    return panel


def _target(query: Query, letter: str, *, instant: bool, as_table: bool) -> Any:
    target = prometheus.Dataquery().datasource(SOURCE).ref_id(letter).expr(query.expr).legend_format(query.legend)
    target.format(PromQueryFormat.TABLE if as_table else PromQueryFormat.TIME_SERIES)
    return (target.instant() if instant else target.range()).build()


def _styled(panel: m.Panel, states: Sequence[State], steps: Sequence[Step], links: Links) -> m.Panel:
    defaults = (panel.field_config or m.FieldConfigSource()).defaults
    if states:
        defaults.mappings = [_mapping(states)]
    if steps or states:
        _thresholds(panel, steps or ((None, GREY),))
        defaults.color = m.FieldColor(mode=m.FieldColorModeId.THRESHOLDS)
    if links:
        defaults.links = _links(links)
    return panel


def _thresholds(panel: m.Panel, steps: Sequence[Step]) -> None:
    config = panel.field_config or m.FieldConfigSource()
    config.defaults.thresholds = m.ThresholdsConfig(
        mode=m.ThresholdsMode.ABSOLUTE, steps=[m.Threshold(value=value, color=colour) for value, colour in steps]
    )


def _mapping(states: Sequence[State]) -> m.ValueMap:
    return m.ValueMap(
        options={
            str(state.value): m.ValueMappingResult(text=state.text, color=state.colour, index=place)
            for place, state in enumerate(states)
        }
    )


def _links(links: Links) -> list[m.DashboardLink]:
    return [m.DashboardLink(title=title, type_val=m.DashboardLinkType.LINK, url=url) for title, url in links]


def _in_turn(queries: Sequence[Query]) -> dict[str, str]:
    return {query.legend: colour for query, colour in zip(queries, SERIES, strict=False)}


def _several(queries: Sequence[Query]) -> bool:
    return len(queries) > 1 or any("{{" in query.legend for query in queries)
