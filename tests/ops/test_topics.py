from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidReplicationFactorError, KafkaConnectionError
from msgspec import structs

from ops.broker.ports import free_ports
from ops.topics import MOVES_KEYS, Wanted, compare, ensure_topics, wanted_topics
from schemas.config import KafkaSettings, TopicSettings
from schemas.topics import EVENTS, TOPICS
from streams.kafka import KafkaFailedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DAYS = 86_400_000
EVENT_TOPIC = Wanted("events", 2, 1, {"retention.ms": str(30 * DAYS), "min.insync.replicas": "1"})


@pytest.fixture
def layout(topic_prefix: str) -> TopicSettings:
    return TopicSettings(prefix=topic_prefix, partitions=3)


@pytest.fixture
async def admin(kafka: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    yield client
    await client.close()


async def settings_of(admin: AIOKafkaAdminClient, name: str) -> dict[str, str]:
    answer = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    return {entry[0]: entry[1] for entry in answer[0].resources[0][4]}


@pytest.mark.end_to_end
async def test_missing_topics_are_created_as_the_table_says(
    kafka: str, layout: TopicSettings, admin: AIOKafkaAdminClient
) -> None:
    report = await ensure_topics(KafkaSettings(bootstrap_servers=kafka), layout)
    assert set(report.created) == {
        layout.prefix + name
        for name in ("events", "activity", "regions", "alerts", "deadletter", "engagement-state", "region-state")
    }
    assert (report.altered, report.remaining) == ((), ())
    there = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
    counts = {name.removeprefix(layout.prefix): len(there[name]) for name in report.created}
    assert counts == {
        "events": 3, "engagement-state": 3,
        "activity": 1, "regions": 1, "alerts": 1, "deadletter": 1, "region-state": 1,
    }  # fmt: skip
    assert all(part["leader"] >= 0 for name in report.created for part in there[name])
    events = await settings_of(admin, layout.prefix + "events")
    assert events["cleanup.policy"] == "delete"
    assert events["retention.ms"] == str(30 * DAYS)
    assert events["max.message.bytes"] == str(8 * 1024 * 1024)
    assert events["min.insync.replicas"] == "1"
    state = await settings_of(admin, layout.prefix + "region-state")
    assert (state["cleanup.policy"], state["retention.ms"]) == ("compact", "-1")
    assert state["min.compaction.lag.ms"] == "3600000"


@pytest.mark.end_to_end
async def test_a_second_run_changes_nothing(kafka: str, layout: TopicSettings) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka)
    await ensure_topics(settings, layout)
    report = await ensure_topics(settings, layout, fix=True)
    assert (report.created, report.altered, report.remaining) == ((), (), ())


@pytest.mark.end_to_end
async def test_runs_at_once_create_each_topic_once(kafka: str, layout: TopicSettings) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka)
    reports = await asyncio.gather(*(ensure_topics(settings, layout) for _ in range(3)))
    created = [name for report in reports for name in report.created]
    assert sorted(created) == sorted(layout.prefix + topic.name for topic in TOPICS)


@pytest.mark.end_to_end
async def test_a_difference_is_told_and_only_fix_sets_it_and_keeps_what_else_was_set(
    kafka: str, layout: TopicSettings, admin: AIOKafkaAdminClient
) -> None:
    name = layout.prefix + "events"
    own = {"retention.ms": str(7 * DAYS), "cleanup.policy": "compact", "segment.bytes": "2000000"}
    await admin.create_topics([NewTopic(name, 3, 1, topic_configs=own)])
    settings = KafkaSettings(bootstrap_servers=kafka)
    told = await ensure_topics(settings, layout)
    assert name not in told.created
    assert {one.what: (one.found, one.wanted) for one in told.remaining if one.topic == name} == {
        "cleanup.policy": ("compact", "delete"),
        "retention.ms": (str(7 * DAYS), str(30 * DAYS)),
    }
    assert (await settings_of(admin, name))["cleanup.policy"] == "compact"

    fixed = await ensure_topics(settings, layout, fix=True)
    assert {one.what for one in fixed.altered} == {one.what for one in told.remaining}
    assert fixed.remaining == ()
    now = await settings_of(admin, name)
    assert (now["cleanup.policy"], now["retention.ms"], now["segment.bytes"]) == ("delete", str(30 * DAYS), "2000000")
    assert (await ensure_topics(settings, layout)).remaining == ()


@pytest.mark.end_to_end
async def test_fix_leaves_what_it_cannot_set(kafka: str, layout: TopicSettings) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka)
    await ensure_topics(settings, layout)
    more = structs.replace(layout, partitions=4, replication=2, minimum_in_sync=2)
    report = await ensure_topics(settings, more, fix=True)
    assert report.altered == ()
    assert {one.what for one in report.remaining if one.topic == layout.prefix + "events"} == {
        "partitions", "replication", "min.insync.replicas",
    }  # fmt: skip


@pytest.mark.end_to_end
async def test_more_copies_than_brokers_are_told_in_kafkas_words(kafka: str, layout: TopicSettings) -> None:
    with pytest.raises(KafkaFailedError, match=r"Kafka said: .*only 1 broker") as told:
        await ensure_topics(KafkaSettings(bootstrap_servers=kafka), structs.replace(layout, replication=3))
    assert told.value.kafka_error is InvalidReplicationFactorError


async def test_a_kafka_that_is_not_there_is_told() -> None:
    (port,) = free_ports(1)
    with pytest.raises(KafkaFailedError, match=f"wanted Kafka at 127.0.0.1:{port}, but no connection") as told:
        await ensure_topics(KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}"), TopicSettings())
    assert told.value.retry
    assert isinstance(told.value.__cause__, KafkaConnectionError)


def test_the_layout_follows_the_settings() -> None:
    wanted = {topic.name: topic for topic in wanted_topics(TopicSettings("org.", 12, 3, 2))}
    assert wanted["org.events"].partitions == 12
    assert wanted["org.regions"].partitions == 1
    assert {topic.replication for topic in wanted.values()} == {3}
    assert {topic.settings["min.insync.replicas"] for topic in wanted.values()} == {"2"}
    assert len(wanted) == len(TOPICS)
    assert "org." + EVENTS in wanted


@pytest.mark.parametrize(
    ("now", "alterable"),
    [(30 * DAYS, None), (30 * DAYS - 1, True), (0, True), (30 * DAYS + 1, False), (-1, False)],
)
def test_retention_is_made_longer_but_never_shorter(now: int, *, alterable: bool | None) -> None:
    found = compare(EVENT_TOPIC, [[1], [1]], {"retention.ms": (str(now), 1), "min.insync.replicas": ("1", 5)})
    assert [one.alterable for one in found] == ([] if alterable is None else [alterable])


@pytest.mark.parametrize(("copies", "alterable"), [(1, False), (2, True), (3, True)])
def test_writing_is_never_stopped_by_wanting_more_copies_than_there_are(copies: int, *, alterable: bool) -> None:
    wanted = Wanted("events", 1, copies, {"min.insync.replicas": "2"})
    (found,) = compare(wanted, [list(range(copies))], {"min.insync.replicas": ("1", 5)})
    assert found.alterable is alterable


def test_differences_are_sentences() -> None:
    settings = {"retention.ms": ("1", 1), "min.insync.replicas": ("1", 5)}
    assert [str(one) for one in compare(EVENT_TOPIC, [[1], [1, 2], [3]], settings)] == [
        f"The topic events has partitions 3, wanted 2: {MOVES_KEYS}.",
        "The topic events has replication 1 and 2, wanted 1: only Kafka's own kafka-reassign-partitions changes that.",
        "The topic events has retention.ms 1, wanted 2592000000: `jun topics --fix` sets it.",
    ]
