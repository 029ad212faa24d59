from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ops import alert_files
from ops.alertmanager.calendars import calendars, interval
from ops.alertmanager.routes import FILE_NAME, FOLDER, document, inhibitions, receiver_names
from ops.commands import alerts as command
from ops.prometheus.alerts import alerts
from ops.prometheus.thresholds import Thresholds
from ops.yaml_text import block
from schemas.directory import Directory, Region
from streams.errors import OperatorError
from tests.support.programs import need

if TYPE_CHECKING:
    from pathlib import Path

SPAIN = {"time_zone": "Europe/Madrid", "holidays": "ES-CM", "working_hours": "08:00-14:00, 16:00-19:30"}
DIRECTORY = Directory(
    region=(
        Region(name="mancha", team="south", **SPAIN),
        Region(name="murcia", team="south", **SPAIN),
        Region(name="san.juan", **SPAIN),
        Region(name="tehran", team="east", time_zone="Asia/Tehran", weekend=("thursday", "friday")),
        Region(name="station", team="ice", weekend=()),
    )
)
ALERTS = alerts(Thresholds())


def written(folder: Path, **changes: Any) -> Path:
    """The configuration of the directory above, beside its template."""
    shutil.copytree(FOLDER / "templates", folder / "templates")
    file = folder / FILE_NAME
    file.write_text(document(DIRECTORY, (2026,), **changes), encoding="utf-8")
    return file


def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["amtool", *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_the_shipped_files_are_what_the_program_makes() -> None:
    """Where this fails, run `jun alerts write`."""
    assert alert_files.drift(alert_files.shipped()) == []


@pytest.mark.parametrize("shipped", [True, False])
def test_amtool_takes_the_configuration(tmp_path: Path, shipped: bool) -> None:
    need("amtool")
    checked = amtool("check-config", str(FOLDER / FILE_NAME if shipped else written(tmp_path)))
    assert checked.returncode == 0, checked.stderr


def test_amtool_takes_the_example_of_receivers_which_has_all_that_the_routes_of_no_team_want(tmp_path: Path) -> None:
    need("amtool")
    shutil.copytree(FOLDER / "templates", tmp_path / "templates")
    receivers = (FOLDER / "receivers.example.yml").read_text(encoding="utf-8")
    (tmp_path / FILE_NAME).write_text(document(Directory(), receivers=receivers), encoding="utf-8")
    checked = amtool("check-config", str(tmp_path / FILE_NAME))
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=JunRegionSilent severity=page scope=region region=mancha team=south", "team-south"),
        ("alertname=JunSparseRegionSilent severity=ticket scope=region region=murcia team=south", "team-south"),
        ("alertname=JunRegionSilent severity=page scope=region region=tehran team=east", "team-east"),
        ("alertname=JunRegionSilent severity=page scope=region region=station team=ice", "team-ice"),
        ("alertname=JunRegionSilent severity=page scope=region region=san.juan", "offices"),
        ("alertname=JunSparseRegionSilent severity=ticket scope=region region=san.juan", "offices"),
        ("alertname=JunRegionSourceDown severity=none scope=region region=mancha", "nobody"),
        ("alertname=JunEverythingSilent severity=page scope=global", "operations"),
        ("alertname=JunSourceDown severity=page scope=source source=chat", "operations"),
        ("alertname=JunDeadLettersRising severity=ticket scope=source source=chat reason=future", "operations"),
        ("alertname=JunPipelineStalled severity=page scope=pipeline", "operations"),
        ("alertname=JunPipelineBehind severity=page scope=pipeline", "operations"),
        ("alertname=JunExporterDown severity=page scope=pipeline job=jun", "operations"),
        ("alertname=JunKafkaDown severity=page scope=pipeline", "operations"),
        ("alertname=JunLagGrowing severity=ticket scope=pipeline topic=events", "operations"),
        ("alertname=JunCampaignOffPaceFast severity=ticket scope=campaign campaign=spring", "campaigns"),
        ("alertname=JunCampaignOffPaceSlow severity=ticket scope=campaign campaign=spring", "campaigns"),
        ("alertname=JunChannelBroken severity=ticket scope=channel region=mancha", "channels"),
    ],
)
def test_every_alert_goes_to_the_right_receiver(tmp_path: Path, labels: str, receiver: str) -> None:
    need("amtool")
    file = written(tmp_path)
    routed = amtool(
        "config", "routes", "test", f"--config.file={file}", f"--verify.receivers={receiver}", *labels.split()
    )
    assert routed.returncode == 0, routed.stdout + routed.stderr
    name = labels.split(maxsplit=1)[0].removeprefix("alertname=")
    alert = next(alert for alert in ALERTS if alert.name == name)
    assert f"severity={alert.severity} scope={alert.scope}" in labels


def test_every_receiver_is_reached_by_some_route() -> None:
    config = yaml.safe_load(document(DIRECTORY))

    def reached(route: dict[str, Any]) -> set[str]:
        below: set[str] = set().union(*(reached(child) for child in route.get("routes", [])))
        return below | {route["receiver"]} if "receiver" in route else below

    assert (
        reached(config["route"])
        == {receiver["name"] for receiver in config["receivers"]}
        == {*receiver_names(DIRECTORY)}
    )


def test_tickets_of_regions_wait_until_they_work_and_pages_do_not() -> None:
    config = yaml.safe_load(document(DIRECTORY, (2026,)))
    regions = next(route for route in config["route"]["routes"] if route["receiver"] == "offices")
    muted = [
        (route.get("matchers"), child["matchers"], child["mute_time_intervals"])
        for route in [*regions["routes"], regions]
        for child in route.get("routes", [])
        if "mute_time_intervals" in child
    ]
    assert muted == [
        (['team="east"'], ['severity="ticket"', 'region="tehran"'], ["off-asia-tehran-1"]),
        (['team="south"'], ['severity="ticket"', 'region=~"mancha|murcia"'], ["off-europe-madrid-1"]),
        (['scope="region"'], ['severity="ticket"', 'region="san.juan"'], ["off-europe-madrid-1"]),
    ]


def test_regions_with_one_calendar_share_it_and_those_never_off_have_none() -> None:
    names = {name: [region.name for region in group] for name, group in calendars(DIRECTORY.region).items()}
    assert names == {"off-europe-madrid-1": ["mancha", "murcia", "san.juan"], "off-asia-tehran-1": ["tehran"]}


def test_a_calendar_has_the_weekend_the_free_hours_and_the_holidays_of_its_place() -> None:
    region = Region(name="mancha", own_days=(dt.date(2026, 9, 8),), **SPAIN)
    made = interval("off", region, (2026,))
    weekend, hours, *days = made["time_intervals"]
    assert {entry["location"] for entry in made["time_intervals"]} == {"Europe/Madrid"}
    assert weekend["weekdays"] == ["saturday", "sunday"]
    assert [(span["start_time"], span["end_time"]) for span in hours["times"]] == [
        ("00:00", "08:00"),
        ("14:00", "16:00"),
        ("19:30", "24:00"),
    ]
    dates = {(*day["years"], *day["months"], *day["days_of_month"]) for day in days}
    # Epiphany, Corpus Christi (not a holiday in all of Spain), and the day of its own
    assert {("2026", "1", "6"), ("2026", "6", "4"), ("2026", "9", "8")} <= dates
    assert ("2026", "9", "11") not in dates  # Catalonia's


def test_hours_through_the_night_leave_the_day_free() -> None:
    hours = interval("off", Region(name="port", weekend=(), working_hours="22:00-06:00"), ())["time_intervals"][0]
    assert hours["times"] == [{"start_time": "06:00", "end_time": "22:00"}]


def test_alerts_in_inhibition_rules_exist() -> None:
    names = {alert.name for alert in ALERTS}
    for rule in inhibitions():
        for matcher in [*rule["source_matchers"], *rule["target_matchers"]]:
            label, _, values = matcher.replace("=~", "=").replace("!=", "=").partition("=")
            if label == "alertname":
                assert set(json.loads(values).split("|")) <= names


def test_alerts_of_others_in_the_same_alertmanager_are_never_held_back() -> None:
    ours = {"alertname": {alert.name for alert in ALERTS}, "scope": {alert.scope for alert in ALERTS}}
    for rule in inhibitions():
        positive = [matcher for matcher in rule["target_matchers"] if "!=" not in matcher]
        wanted = [matcher.replace("=~", "=").partition("=") for matcher in positive]
        assert any(set(json.loads(values).split("|")) <= ours[label] for label, _, values in wanted)


RUNBOOK = "ops/runbooks/region-silent.md"


def message(status: str, *alerts: tuple[str, str]) -> dict[str, Any]:
    made = [
        {
            "status": each,
            "labels": {"alertname": "JunRegionSilent", "severity": "page"},
            "annotations": {"summary": summary, "description": "Nothing for 9h.", "runbook_url": RUNBOOK},
            "startsAt": "2026-05-04T03:20:00Z",
            "endsAt": "2026-05-04T04:10:00Z",
        }
        for each, summary in alerts
    ]  # fmt: skip
    return {
        "status": status,
        "alerts": made,
        "commonLabels": made[0]["labels"],
        "commonAnnotations": {"runbook_url": RUNBOOK},
        "externalURL": "http://alerts",
    }


def rendered(folder: Path, text: str, data: dict[str, Any]) -> str:
    file = folder / "data.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    done = amtool(
        "template", "render", f"--template.glob={FOLDER / 'templates' / '*.tmpl'}",
        f"--template.text={text}", f"--template.data={file}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("status", "alerts", "title"),
    [
        ("firing", [("firing", "Mancha has gone silent")], "● Mancha has gone silent"),
        ("firing", [("firing", "Mancha has gone silent"), ("firing", "Murcia has gone silent")],
         "● Mancha has gone silent (+1 more)"),
        ("firing", [("resolved", "Mancha has gone silent"), ("firing", "Murcia has gone silent")],
         "● Murcia has gone silent"),
        ("resolved", [("resolved", "Mancha has gone silent")], "✓ over: Mancha has gone silent"),
        ("resolved", [("resolved", "a"), ("resolved", "b")], "✓ over: a (+1 more)"),
    ],
)  # fmt: skip
def test_the_first_line_of_a_message_says_it_all(
    tmp_path: Path, status: str, alerts: list[tuple[str, str]], title: str
) -> None:
    need("amtool")
    assert rendered(tmp_path, '{{ template "jun.title" . }}', message(status, *alerts)).strip() == title


def test_the_text_of_a_message_has_a_line_for_each_alert_and_where_to_read_on(tmp_path: Path) -> None:
    need("amtool")
    data = message("firing", ("firing", "Mancha has gone silent"), ("resolved", "Murcia has gone silent"))
    assert rendered(tmp_path, '{{ template "jun.text" . }}', data).strip().splitlines() == [
        "● Mancha has gone silent, since 03:20 UTC",
        "  Nothing for 9h.",
        "✓ Murcia has gone silent: over at 04:10 UTC",
        "→ ops/runbooks/region-silent.md",
    ]


def test_the_files_of_an_installation_are_written_for_its_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need("amtool", "promtool")
    (tmp_path / "jun.toml").write_text('[[source]]\nkind = "http"\nname = "chat"\n')
    (tmp_path / "regions.toml").write_text('[[region]]\nname = "mancha"\nteam = "south"\n')
    out = tmp_path / "out"
    command.write(out, config=tmp_path / "jun.toml", runbooks="https://wiki.example.org/jun")
    assert "wrote" in capsys.readouterr().out
    assert amtool("check-config", str(out / "alertmanager" / FILE_NAME)).returncode == 0
    checked = subprocess.run(
        ["promtool", "check", "config", str(out / "prometheus" / "prometheus.yml")], check=False, capture_output=True
    )
    assert checked.returncode == 0
    assert "team-south" in (out / "alertmanager" / FILE_NAME).read_text()
    assert "https://wiki.example.org/jun/region-silent.md" in (out / "prometheus/rules/jun.yml").read_text()
    command.write(out, config=tmp_path / "jun.toml", runbooks="https://wiki.example.org/jun")
    assert "nothing has changed" in capsys.readouterr().out


def test_receivers_that_can_not_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="the receivers in"):
        command.write(tmp_path, receivers=tmp_path / "missing.yml")


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)
VALUES = st.recursive(
    TEXT | st.integers(),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(TEXT, inner, min_size=1, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(TEXT, VALUES, min_size=1, max_size=3))
def test_what_is_written_as_yaml_is_read_as_it_was(value: dict[str, Any]) -> None:
    assert yaml.safe_load(block(value)) == value
