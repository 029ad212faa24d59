from __future__ import annotations

import re
from pathlib import Path

import pytest

from ops.broker.configured import configured_broker
from ops.broker.settings import JVM, Node, as_properties, java_options, new_cluster_id, properties
from schemas.config import KafkaSettings
from streams.errors import OperatorError

SINGLE = {
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
}


def test_a_single_node_has_what_a_single_node_needs() -> None:
    found = properties(Node(19092, {1: 19093}), Path("/data"), {})
    assert {name: found[name] for name in SINGLE} == SINGLE
    assert found["listeners"] == "PLAINTEXT://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093"
    assert found["controller.quorum.voters"] == "1@127.0.0.1:19093"


def test_of_three_nodes_two_must_have_every_record() -> None:
    found = properties(Node(1, {1: 11, 2: 12, 3: 13}, id=2), Path("/data"), {})
    assert found["controller.quorum.voters"] == "1@127.0.0.1:11,2@127.0.0.1:12,3@127.0.0.1:13"
    assert found["listeners"] == "PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:12"
    assert (found["default.replication.factor"], found["min.insync.replicas"]) == ("3", "2")
    assert (found["offsets.topic.replication.factor"], found["transaction.state.log.min.isr"]) == ("3", "2")


def test_a_record_of_8_mebibytes_fits_and_own_properties_win() -> None:
    found = properties(Node(1, {1: 2}), Path("/data"), {"num.io.threads": "8"})
    assert found["message.max.bytes"] == found["replica.fetch.max.bytes"] == "8388608"
    assert found["num.io.threads"] == "8"


@pytest.mark.parametrize("first", [0x00, 0x7F, 0xF8, 0xFB, 0xFF])
def test_the_id_of_a_cluster_never_reads_like_an_option(monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    monkeypatch.setattr("ops.broker.settings.secrets.token_bytes", lambda count: bytes([first] * count))
    made = new_cluster_id()
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{21}", made)


def test_two_clusters_have_different_ids() -> None:
    assert new_cluster_id() != new_cluster_id()


def test_properties_are_written_so_that_java_reads_them_back() -> None:
    assert as_properties({"log.dirs": "C:\\a b/ñ"}) == "log.dirs=C:\\\\a b/\\u00f1\n"
    assert as_properties({"a": "\U0001f600\n"}) == "a=\\ud83d\\ude00\\u000a\n"


def test_options_of_the_java_virtual_machine_can_be_replaced() -> None:
    assert java_options(Path("/k"), JVM)[-3:] == ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m"]
    assert java_options(Path("/k"), ("-Xmx4g",))[-1] == "-Xmx4g"
    assert not {*JVM} & {*java_options(Path("/k"), ("-Xmx4g",))}


def test_the_configured_broker_listens_where_the_configuration_says(tmp_path: Path) -> None:
    broker = configured_broker(KafkaSettings(bootstrap_servers="localhost:19777"), tmp_path)
    assert broker.bootstrap == "127.0.0.1:19777"
    assert broker.folder == tmp_path / "kafka"


@pytest.mark.parametrize("servers", ["kafka.example.org:9092", "127.0.0.1", "127.0.0.1:1,127.0.0.1:2"])
def test_an_address_of_another_machine_is_refused(tmp_path: Path, servers: str) -> None:
    with pytest.raises(OperatorError, match=r"set it so, or set kafka\.embedded to false"):
        configured_broker(KafkaSettings(bootstrap_servers=servers), tmp_path)


def test_no_broker_is_made_for_a_configuration_without_one(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"kafka\.embedded is false"):
        configured_broker(KafkaSettings(embedded=False), tmp_path)
