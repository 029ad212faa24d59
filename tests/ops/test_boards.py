"""The boards of Grafana as they are shipped: what every panel must have, and that nothing has drifted."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from ops.exporter.families import FAMILIES
from ops.grafana import colours, files
from ops.grafana.board import SOURCE_UID, TAG
from ops.prometheus.recording import VERDICT_CODES, recordings
from schemas.regions import VERDICTS
from tests.support.boards import VALUES, boards, metric_names, panels, queries
from tests.support.programs import need

if TYPE_CHECKING:
    from pathlib import Path

BOARDS = boards()
PANELS = [(uid, panel) for uid, board in BOARDS.items() for panel in panels(board)]
QUERIES = queries()
OF_PROMETHEUS = {"up", "ALERTS", "scrape_samples_scraped", "scrape_duration_seconds", "process_resident_memory_bytes"}
"""What Prometheus makes of every scrape, and prometheus_client of every process."""
each_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
each_panel = pytest.mark.parametrize("panel", [panel for _, panel in PANELS], ids=[f"{u}-{p['id']}" for u, p in PANELS])
TABLES = [(uid, panel) for uid, panel in PANELS if panel["type"] == "table"]
each_table = pytest.mark.parametrize("panel", [panel for _, panel in TABLES], ids=[f"{u}-{p['id']}" for u, p in TABLES])
each_query = pytest.mark.parametrize("asked", QUERIES, ids=[asked.place for asked in QUERIES])


def test_the_files_are_what_the_program_makes() -> None:
    """Where this fails, run `jun boards write`."""
    made = files.shipped()
    assert {file: file.read_text(encoding="utf-8") for file in made} == made
    assert set(files.BOARDS.iterdir()) <= made.keys()


def test_there_is_a_board_for_each_question() -> None:
    assert set(BOARDS) == {
        f"jun-{name}" for name in ("overview", "region", "campaign", "channels", "recognition", "pipeline")
    }


@each_board
def test_a_board_is_one_that_the_sdk_s_model_reads_and_writes_back(board: dict) -> None:
    register_default_plugins()
    read = Dashboard.from_json(json.loads(json.dumps(board)))
    written = json.loads(JSONEncoder().encode(read))
    assert written["uid"] == board["uid"]
    assert [panel["id"] for panel in written["panels"]] == [panel["id"] for panel in board["panels"]]
    assert [panel.get("targets") for panel in written["panels"]] == [panel.get("targets") for panel in board["panels"]]
    assert written["templating"] == board["templating"]


@each_board
def test_a_board_can_t_be_edited_and_leads_back(board: dict) -> None:
    assert board["schemaVersion"] == 42
    assert board["editable"] is False
    assert board["tags"] == [TAG]
    assert "id" not in board, "Grafana gives numbers of its own"
    links = [link.get("url", "") for link in board["links"]]
    assert board["uid"] == "jun-overview" or any(link.startswith("/d/jun-overview?") for link in links)
    assert any(link["type"] == "dashboards" and link["tags"] == [TAG] for link in board["links"])


@each_board
def test_changes_of_verdict_are_marked_on_it(board: dict) -> None:
    assert ["jun_region_transitions_total" in one["target"]["expr"] for one in board["annotations"]["list"]] == [True]


@each_board
def test_numbers_of_panels_are_its_own_and_no_two_panels_overlap(board: dict) -> None:
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        cells = set(itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])))
        assert not cells & taken, panel["title"]
        taken |= cells


@each_board
def test_it_has_the_variables_that_it_uses_and_no_others(board: dict) -> None:
    declared = {variable["name"] for variable in board["templating"]["list"]}
    text = json.dumps(board)
    assert {name for name in ("region", "campaign", "window") if re.search(rf"\${name}\b", text)} | {
        "datasource"
    } == declared
    first = board["templating"]["list"][0]
    assert (first["name"], first["current"]["value"]) == ("datasource", SOURCE_UID)


@each_panel
def test_a_panel_says_what_it_shows_in_which_unit_and_from_where(panel: dict) -> None:
    assert panel["title"].strip()
    assert panel["description"].endswith(".")
    assert panel["description"] != panel["title"]
    assert panel["fieldConfig"]["defaults"]["unit"]
    for asks in (panel, *panel["targets"]):
        assert asks["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    letters = [target["refId"] for target in panel["targets"]]
    assert letters == sorted(set(letters))


@each_panel
def test_a_panel_has_only_colours_that_colour_blind_people_can_tell(panel: dict) -> None:
    known = {*colours.SERIES, "#000000"}
    assert set(re.findall(r"#[0-9A-Fa-f]{6}", json.dumps(panel))) <= known
    defaults = panel["fieldConfig"]["defaults"]
    assert "palette" not in json.dumps(panel)
    if panel["type"] in {"state-timeline", "bargauge", "timeseries"}:
        assert defaults["thresholds"]["steps"]
    if panel["type"] == "timeseries":
        of_series = {one["matcher"]["options"] for one in panel["fieldConfig"]["overrides"]}
        legends = {target["legendFormat"] for target in panel["targets"]}
        assert {legend for legend in legends if "{{" not in legend} <= of_series


@each_table
def test_a_table_names_each_of_its_columns(panel: dict) -> None:
    renamed = panel["transformations"][1]["options"]["renameByName"]
    many = len(panel["targets"]) > 1
    assert {f"Value #{t['refId']}" if many else "Value" for t in panel["targets"]} <= renamed.keys()
    by_name = {one["matcher"]["options"] for one in panel["fieldConfig"]["overrides"]}
    assert by_name <= set(renamed.values())


@each_query
def test_a_query_is_promql_over_metrics_that_exist(asked) -> None:
    known = {family.name for family in FAMILIES} | {rule.record for rule in recordings()} | OF_PROMETHEUS
    names = metric_names(asked.promql)
    assert names
    assert names <= known
    assert "$" not in asked.promql


@each_query
def test_a_rate_is_taken_over_grafana_s_interval_or_over_what_is_shown(asked) -> None:
    ranges = re.findall(r"\[([^\]]+)\]", asked.written)
    assert set(ranges) <= {"$__rate_interval", "$__range", "1d"}


@each_query
def test_two_exporters_count_as_one(asked) -> None:
    """Each metric of the exporter is aggregated before anything is made of it, as one exporter may take over."""
    for name in metric_names(asked.promql):
        if name.startswith("jun_"):
            assert re.search(rf"(max|min|count|sum)( by \([a-z, ]+\))? ?\([^()]*(\([^()]*)*{name}\b", asked.promql)


def test_links_lead_to_boards_that_are_there_and_set_variables_that_they_have() -> None:
    found = re.findall(
        r"/d/([a-z-]+)\?((?:var-[a-z]+=[^&]+&)*)", "".join(json.dumps(board) for board in BOARDS.values())
    )
    assert {uid for uid, _ in found} == set(BOARDS) - {"jun-channels", "jun-recognition"}
    for uid, chosen in set(found):
        declared = {variable["name"] for variable in BOARDS[uid]["templating"]["list"]}
        assert set(re.findall(r"var-([a-z]+)=", chosen)) <= declared


def test_a_new_verdict_gets_a_number_and_a_colour() -> None:
    assert set(VERDICT_CODES) == set(VERDICTS) == set(colours.VERDICT_COLOURS)
    assert len(set(VERDICT_CODES.values())) == len(set(colours.VERDICT_COLOURS.values())) == len(VERDICTS)


def test_the_provisioning_makes_the_source_that_the_boards_begin_with() -> None:
    made = {name: yaml.safe_load(text) for name, text in files.provisioning("http://here:1", "/there").items()}
    source = made["datasources/jun.yaml"]["datasources"][0]
    assert (source["uid"], source["type"], source["url"]) == (SOURCE_UID, "prometheus", "http://here:1")
    assert source["editable"] is False
    provider = made["dashboards/jun.yaml"]["providers"][0]
    assert provider["options"]["path"] == "/there"
    assert provider["allowUiUpdates"] is False


def test_an_installation_gets_the_boards_that_are_shipped() -> None:
    made = files.installation("http://here:1", "/there")
    assert {path.stem for path in made if path.suffix == ".json"} == set(BOARDS)


def test_every_variable_is_put_in_by_the_tests() -> None:
    assert all(name in VALUES for asked in QUERIES for name in re.findall(r"\$[a-z_]+", asked.written))


def test_where_returning_people_are_hidden_they_are_not_taken_for_none(tmp_path: Path) -> None:
    need("promtool")
    (asked,) = (one for one in QUERIES if one.place.startswith("jun-recognition: Returning"))
    shown = {
        'jun_region_participants{region="north", window="24h"}': "40",
        'jun_region_returning_participants{region="north", window="24h"}': "20",
        'jun_region_participants{region="south", window="24h"}': "60",
    }
    test = {
        "input_series": [{"series": name, "values": value} for name, value in shown.items()],
        "promql_expr_test": [{"expr": asked.promql, "eval_time": "0", "exp_samples": [{"labels": "{}", "value": 0.5}]}],
    }
    file = tmp_path / "case.yml"
    file.write_text(json.dumps({"tests": [test]}), encoding="utf-8")
    ran = subprocess.run(["promtool", "test", "rules", str(file)], check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@each_panel
def test_a_panel_over_events_by_kind_says_that_some_of_them_are_hidden(panel: dict) -> None:
    if "jun_region_events_by_kind_total" in json.dumps(panel["targets"]):
        assert "hidden" in panel["description"]
