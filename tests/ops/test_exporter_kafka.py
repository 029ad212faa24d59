"""The exporter as a process, on a real broker."""

from __future__ import annotations

import asyncio
import subprocess
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from ops.broker import EmbeddedBroker
from ops.exporter.lag import worker_group
from ops.topics import ensure_topics
from schemas.deadletter import DeadLetter
from schemas.regions import Transition
from tests.support.exporter import Line
from tests.support.programs import fetch, jun, prometheus, wait_for
from tests.support.statuses import NOW_MS, status

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(240)]


@pytest.fixture
async def line(kafka: str, topic_prefix: str, tmp_path: Path) -> Line:
    made = Line(kafka, topic_prefix, tmp_path)
    await ensure_topics(made.config.kafka, made.config.topics)
    return made


def refused(reason: str, source: str = "chat") -> tuple[str, DeadLetter]:
    return source, DeadLetter(source=source, reason=reason, detail="", place="", at=NOW_MS, size=3)  # type: ignore[arg-type]


def page(address: str) -> str:
    code, text = fetch(f"{address}/metrics")
    assert code == 200
    return text


def missing(address: str, *lines: str) -> set[str]:
    return set(lines) - set(page(address).splitlines())


def has(address: str, *lines: str) -> bool:
    return not missing(address, *lines)


async def test_what_is_published_is_scraped_and_the_latest_status_of_a_region_wins(line: Line) -> None:
    await line.send(
        "regions",
        ("north", status("north", verdict="quiet")),
        ("stranger", status("stranger")),
        ("north", status("north", verdict="silent")),
        ("south", status("south")),
        ("south", None),
        ("east", b'{"v": 99}'),
    )
    with line.exporter() as address:
        assert not missing(
            address,
            'jun_region_verdict{region="north",verdict="silent"} 1.0',
            'jun_region_verdict{region="north",verdict="quiet"} 0.0',
            'jun_region_verdict{region="south",verdict="unknown"} 1.0',
            'jun_region_verdict{region="east",verdict="unknown"} 1.0',
            'jun_exporter_unreadable_records_total{topic="regions"} 1.0',
            'jun_exporter_left_out_values{label="region"} 1.0',
            "jun_exporter_caught_up 1.0",
        )
        assert "stranger" not in page(address)
        await line.send("regions", ("east", status("east", verdict="active")))
        wait_for(lambda: has(address, 'jun_region_verdict{region="east",verdict="active"} 1.0'), "the new status")


async def test_counters_go_on_after_restart_and_kill_although_the_log_has_forgotten_its_beginning(line: Line) -> None:
    counted = 'jun_dead_letters_total{reason="not_json",source="chat"} '
    changed = 'jun_region_transitions_total{region="north",verdict="silent"} '
    silent = Transition(region="north", at=NOW_MS, old="active", new="silent", reason="no post")
    await line.send("deadletter", *[refused("not_json")] * 5, refused("future", "mail"), ("chat", b"\xff"))
    await line.send("alerts", *[("north", silent)] * 3)
    with line.exporter() as address:
        assert not missing(address, f"{counted}5.0", f"{changed}3.0")
        assert not missing(address, 'jun_dead_letters_total{reason="future",source="mail"} 1.0')
        assert not missing(address, 'jun_dead_letters_total{reason="unreadable",source="chat"} 1.0')
    await forget(line, "deadletter", 7)
    await forget(line, "alerts", 2)
    await line.send("deadletter", refused("not_json"))
    with line.exporter(kill=True) as address:
        assert not missing(address, f"{counted}6.0", f"{changed}3.0")
        assert not missing(address, 'jun_dead_letters_total{reason="future",source="mail"} 1.0')
    with line.exporter() as address:
        assert not missing(address, f"{counted}6.0", f"{changed}3.0")


async def forget(line: Line, topic: str, before: int) -> None:
    """Do what retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=line.config.kafka.bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(line.topic(topic), 0): RecordsToDelete(before_offset=before)})
    finally:
        await admin.close()


async def test_the_lag_is_what_the_workers_have_not_acknowledged(line: Line) -> None:
    await line.send("activity", *[("north", b"{}")] * 7)
    with line.exporter() as address:
        wait_for(lambda: has(address, 'jun_consumer_lag_records{partition="0",topic="activity"} 7.0'), "the lag")
        assert not missing(address, "jun_broker_up 1.0", 'jun_consumer_lag_records{partition="1",topic="events"} 0.0')
        worker = AIOKafkaConsumer(
            bootstrap_servers=line.config.kafka.bootstrap_servers,
            group_id=worker_group(line.config),
            enable_auto_commit=False,
        )
        partition = TopicPartition(line.topic("activity"), 0)
        worker.assign([partition])
        await worker.start()
        try:
            await worker.commit({partition: 5})
        finally:
            await worker.stop()
        wait_for(lambda: has(address, 'jun_consumer_lag_records{partition="0",topic="activity"} 2.0'), "the commit")


async def test_a_real_prometheus_scrapes_it(line: Line) -> None:
    tag = "کتاب‌خوانی"
    whole = status("north")
    await line.send("regions", ("north", status("north", windows={**whole.windows, tag: whole.windows[""]})))
    with line.exporter() as address:
        target = address.removeprefix("http://")
        config = (
            "global: {scrape_interval: 1s}\nscrape_configs:\n"
            f"- {{job_name: jun, static_configs: [{{targets: ['{target}']}}]}}\n"
        )
        with prometheus(line.folder / "prometheus", config) as server:
            wait_for(lambda: server.query("jun_region_verdict == 1"), "the first scrape")
            verdicts = server.query("jun_region_verdict == 1")
            assert {(dict(key)["region"], dict(key)["verdict"]) for key in verdicts} == {
                ("north", "active"),
                ("south", "unknown"),
                ("east", "unknown"),
            }
            assert server.query('count(up{job="jun"} == 1)') == {(): 1}
            tags = {dict(key)["tag"] for key in server.query('jun_tag_participants{window="1h"}')}
            assert tags == {tag, "picnic"}
            assert server.query(
                "sum by (region) (jun_region_participants / on(region) group_left jun_region_headcount)"
            )
            kinds = server.get("metadata", metric="jun_region_late_events")  # the name in OpenMetrics
            assert [entry["type"] for entry in kinds["jun_region_late_events"]] == ["counter"]


async def test_without_kafka_it_answers_that_it_is_not_ready_and_waits(tmp_path: Path) -> None:
    away = Line("127.0.0.1:1", "x-", tmp_path)
    with away.exporter(wait=False) as address:
        assert fetch(f"{address}/-/healthy")[0] == 200
        assert fetch(f"{address}/-/ready")[0] == 503
        assert not missing(address, "jun_broker_up 0.0", "jun_exporter_caught_up 0.0")
        log = tmp_path / "exporter.log"
        wait_for(lambda: "waits_for_kafka" in log.read_text(), "a word in the log")


async def test_kafka_may_go_away_and_come_back(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path / "kafka", start_timeout=180) as broker:
        line = Line(broker.bootstrap, "", tmp_path)
        await ensure_topics(line.config.kafka, line.config.topics)
        await line.send("regions", ("north", status("north", verdict="quiet")))
        with line.exporter() as address:
            wait_for(lambda: has(address, "jun_broker_up 1.0"), "Kafka")
            await asyncio.to_thread(broker.stop)
            wait_for(lambda: has(address, "jun_broker_up 0.0"), "its absence to be noticed")
            assert not missing(address, 'jun_region_verdict{region="north",verdict="quiet"} 1.0')
            assert "jun_consumer_lag_records" not in page(address)
            await asyncio.to_thread(broker.start)
            await line.send("regions", ("north", status("north", verdict="active")))
            new = 'jun_region_verdict{region="north",verdict="active"} 1.0'
            wait_for(lambda: has(address, "jun_broker_up 1.0", new), "Kafka again")


async def test_missing_topics_are_waited_for(kafka: str, topic_prefix: str, tmp_path: Path) -> None:
    line = Line(kafka, topic_prefix, tmp_path)
    with line.exporter(wait=False) as address:
        wait_for(lambda: "jun topics" in (tmp_path / "exporter.log").read_text(), "a word in the log")
        await ensure_topics(line.config.kafka, line.config.topics)
        wait_for(lambda: fetch(f"{address}/-/ready")[0] == 200, "the topics")


def test_a_taken_port_ends_it_with_one_sentence(tmp_path: Path) -> None:
    line = Line("127.0.0.1:1", "x-", tmp_path)
    with line.exporter(wait=False) as address:
        port = address.rsplit(":", 1)[1]
        file = tmp_path / "second.toml"
        file.write_text((tmp_path / "jun.toml").read_text().replace("port = 0", f"port = {port}"))
        second = subprocess.run(
            jun("exporter", "--config", str(file)), capture_output=True, text=True, timeout=60, check=False
        )
    assert second.returncode == 1
    assert second.stderr.startswith("jun: wanted to listen on")
    assert second.stderr.count("\n") == 1
