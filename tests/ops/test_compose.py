"""docker-compose.yml and the Dockerfile, held against the program: every name is looked up, no container is started."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.broker.settings import Node, properties
from ops.cli import build
from ops.config.environment import apply, variables
from ops.grafana import files as grafana
from schemas.config import Config
from schemas.topics import MAXIMUM_BYTES, TOPICS
from streams.ingest.push import PushSettings

ROOT = Path(__file__).parents[2]
COMPOSE = Path(sys.prefix) / "compose" / "docker-compose"
PROFILES = (("single",), ("cluster",), ("single", "live", "notify"))
ONCE = {"topics", "topics-cluster"}


def resolved(text: str) -> str:
    """Put the defaults in where variables stand."""
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", text)


FILE: dict[str, Any] = yaml.safe_load(resolved((ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("jun-monitor")}
BROKERS = {name: service for name, service in SERVICES.items() if service["image"].startswith("apache/kafka")}
each = pytest.mark.parametrize("name", SERVICES)
each_of_ours = pytest.mark.parametrize("name", OURS)
each_broker = pytest.mark.parametrize("name", BROKERS)


def words(service: dict[str, Any]) -> list[str]:
    command = service["command"]
    return command.split() if isinstance(command, str) else command


def environment(service: dict[str, Any], prefix: str) -> dict[str, str]:
    return {name: value for name, value in service.get("environment", {}).items() if name.startswith(prefix)}


def compose(*arguments: str) -> str:
    if not COMPOSE.exists():
        missing = f"wanted Docker Compose in {COMPOSE}: `make test` fetches it"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    ran = subprocess.run([COMPOSE, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert not ran.stderr
    return ran.stdout


@pytest.mark.parametrize("profiles", PROFILES, ids="+".join)
def test_compose_itself_has_nothing_to_say_against_it(profiles: tuple[str, ...]) -> None:
    compose(*(word for profile in profiles for word in ("--profile", profile)), "config", "--quiet")


def test_without_a_word_there_are_one_broker_and_two_workers_and_in_the_cluster_three_and_four() -> None:
    common = {"ingest", "exporter", "prometheus", "alertmanager", "grafana", "worker-1", "worker-2"}
    assert set(compose("config", "--services").split()) == common | {"kafka", "topics"}
    cluster = {"kafka-1", "kafka-2", "kafka-3", "topics-cluster", "worker-3", "worker-4"}
    assert set(compose("--profile", "cluster", "config", "--services").split()) == common | cluster


def test_compose_reads_what_this_test_reads() -> None:
    read = json.loads(compose("--profile", "*", "config", "--format", "json"))["services"]
    assert set(read) == set(SERVICES)
    for name, service in OURS.items():
        assert read[name]["command"] == words(service)
        assert read[name]["environment"] == service["environment"]


@each
def test_images_are_pinned_and_services_are_bound_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+", service["image"])
    assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys()
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].split(":")[0]) > 0
    assert service.get("read_only") or name in BROKERS
    assert service["healthcheck"].get("test") or name in ONCE


@each
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@each
def test_what_is_waited_for_is_healthy_or_done(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert how["condition"] == ("service_completed_successfully" if other in ONCE else "service_healthy")
        absent = not set(SERVICES[other].get("profiles", ())) <= set(SERVICES[name].get("profiles", ()))
        assert how.get("required", True) is False or not absent


@each
def test_folders_and_files_that_are_mounted_exist_and_named_volumes_are_declared(name: str) -> None:
    for mount in SERVICES[name].get("volumes", ()):
        source = mount.split(":")[0]
        if source.startswith("."):
            assert (ROOT / source).exists(), mount
            assert mount.endswith(":ro")
        else:
            assert source in FILE["volumes"]


@each
def test_secrets_are_files_that_the_service_is_given(name: str) -> None:
    service = SERVICES[name]
    given = set(service.get("secrets", ()))
    assert given <= FILE["secrets"].keys()
    named = re.findall(r"/run/secrets/([a-z_]+)", json.dumps(service))
    assert set(named) <= given
    assert set(named) == given - {"notify_url"}, "the address of notify is named in jun.toml"


@each_of_ours
def test_its_command_is_one_of_ours_and_reads_a_configuration_that_is_mounted(name: str) -> None:
    service = OURS[name]
    function, bound, _ = build().parse_args(words(service), exit_on_error=False, print_error=False)
    assert function.__name__ == words(service)[0]
    config = bound.arguments["config"]
    (mounted,) = (mount.split(":") for mount in service["volumes"] if mount.split(":")[1] == str(config.parent))
    assert (ROOT / mounted[0] / config.name).is_file()


@each_of_ours
def test_its_variables_are_settings_with_values_that_they_take(name: str) -> None:
    given = environment(OURS[name], "JUN_")
    assert given.keys() <= variables().keys()
    assert apply({}, given)[1] == []
    assert given["JUN_KAFKA__EMBEDDED"] == "false"
    assert given["JUN_KAFKA__BOOTSTRAP_SERVERS"] == "kafka:9092"
    written = {mount.split(":")[1] for mount in OURS[name]["volumes"] if not mount.endswith(":ro")}
    written |= {mount.split(":")[0] for mount in OURS[name]["tmpfs"]}
    assert given["JUN_STATE__FOLDER"] in written or name in ONCE


@each_of_ours
def test_it_is_asked_for_its_health_where_it_answers(name: str) -> None:
    service = OURS[name]
    if name in ONCE:
        assert service["healthcheck"] == {"disable": True}
        return
    port = service["environment"]["JUN_EXPORTER__PORT" if name == "exporter" else "JUN_HEALTH__PORT"]
    assert f"http://127.0.0.1:{port}/-/ready" in service["healthcheck"]["test"][-1]


def test_only_ingest_has_the_key_of_the_pseudonyms() -> None:
    having = {name for name, service in SERVICES.items() if "pseudonym_key" in service.get("secrets", ())}
    assert having == {"ingest", "clock"}


def test_published_ports_are_those_of_the_program() -> None:
    assert SERVICES["ingest"]["ports"] == [f"127.0.0.1:{PushSettings(name='x').port}:8088"]
    port = Config().exporter.port
    assert SERVICES["exporter"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    scraped = (ROOT / "ops/prometheus/prometheus.yml").read_text(encoding="utf-8")
    assert f'"exporter:{port}"' in scraped
    assert '"alertmanager:9093"' in scraped
    assert grafana.PROMETHEUS == "http://prometheus:9090"


def test_grafana_finds_the_boards_where_the_provisioning_says() -> None:
    mounts = dict(mount.split(":")[:2][::-1] for mount in SERVICES["grafana"]["volumes"])
    assert mounts[grafana.IN_GRAFANA] == "./ops/grafana/dashboards"
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (ROOT / mounts[str(Path(home).parent)] / Path(home).name).is_file()


def test_prometheus_and_alertmanager_find_their_files() -> None:
    for name in ("prometheus", "alertmanager"):
        mounts = dict(mount.split(":")[:2][::-1] for mount in SERVICES[name]["volumes"])
        option = next(one for one in SERVICES[name]["command"] if one.startswith("--config.file="))
        file = Path(option.partition("=")[2])
        source = mounts.get(str(file)) or f"{mounts[str(file.parent)]}/{file.name}"
        assert (ROOT / source).is_file()


@each_broker
def test_a_broker_is_told_what_the_embedded_one_is(name: str) -> None:
    given = environment(BROKERS[name], "KAFKA_")
    copies = len([one for one in BROKERS if BROKERS[one]["profiles"] == BROKERS[name]["profiles"]])
    node = Node(9092, dict.fromkeys(range(1, copies + 1), 9093))
    own = properties(node, Path("/var/lib/kafka/data"), {})
    for variable, value in given.items():
        setting = variable.removeprefix("KAFKA_").lower().replace("_", ".")
        if setting in {"heap.opts", "advertised.listeners", "listeners", "node.id", "controller.quorum.voters"}:
            continue
        assert setting in own or setting in {"inter.broker.listener.name", "replica.fetch.max.bytes"}, variable
        if setting in own and "listener" not in setting:
            assert value == own[setting], variable
    assert given["KAFKA_MESSAGE_MAX_BYTES"] == str(MAXIMUM_BYTES)
    assert given["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{name}:9092"
    voters = dict(one.split("@") for one in given["KAFKA_CONTROLLER_QUORUM_VOTERS"].split(","))
    assert voters[given["KAFKA_NODE_ID"]] == f"{name}:9093"
    assert len(voters) == copies


def test_the_cluster_keeps_as_many_copies_as_it_has_brokers() -> None:
    given = OURS["topics-cluster"]["environment"]
    assert (given["JUN_TOPICS__REPLICATION"], given["JUN_TOPICS__MINIMUM_IN_SYNC"]) == ("3", "2")


def test_the_image_is_made_from_the_locks_and_runs_as_the_user_of_the_services() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    stages = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert len(stages) == 2
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", stage) for stage in stages)
    assert "--require-hashes" in text
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert all((ROOT / source).exists() for source in line.split())
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert all(f"!{source}\n" in ignored for source in line.split())
    assert {service["user"] for service in OURS.values()} == set(re.findall(r"^USER (\S+)", text, re.MULTILINE))
    assert 'ENTRYPOINT ["jun"]' in text


def test_operators_are_told_of_every_topic_process_and_variable() -> None:
    text = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
    assert all(f"| `{topic.name}` | create, alter |" in text for topic in TOPICS)
    assert {words(service)[0] for service in OURS.values()} <= set(re.findall(r"`jun ([a-z]+)", text))
    used = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    assert all(f"`{name}`" in text for name in used)


def test_secrets_of_the_receivers_in_the_example_are_where_alertmanager_sees_them() -> None:
    example = (ROOT / "ops/alertmanager/receivers.example.yml").read_text(encoding="utf-8")
    files = re.findall(r"_file: (\S+)", example)
    assert files
    mounted = {mount.split(":")[1] for mount in SERVICES["alertmanager"]["volumes"]}
    assert {str(Path(file).parent) for file in files} <= mounted
