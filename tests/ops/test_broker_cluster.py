from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ops.topics import ensure_topics
from schemas.config import KafkaSettings, TopicSettings
from streams.kafka import make_producer
from tests.support.cluster import EmbeddedCluster
from tests.support.records import read_all

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(300)
@pytest.mark.end_to_end
async def test_of_three_brokers_one_may_be_killed_while_records_are_written(tmp_path: Path) -> None:
    with EmbeddedCluster(tmp_path) as cluster:
        kafka = KafkaSettings(bootstrap_servers=cluster.bootstrap)
        report = await ensure_topics(kafka, TopicSettings(partitions=3, replication=3, minimum_in_sync=2))
        assert len(report.created) == 7
        written = []
        async with make_producer(kafka) as producer:
            for step in ("before", "while one is away", "after"):
                if step == "while one is away":
                    await asyncio.to_thread(cluster.kill, 2)
                elif step == "after":
                    await asyncio.to_thread(cluster.restart, 2)
                for partition in range(3):  # each broker leads one of them
                    value = f"{step} {partition}".encode()
                    await producer.send_and_wait("events", value, partition=partition)
                    written.append(value)
        assert sorted(await read_all(kafka, "events")) == sorted(written)
        assert (
            await ensure_topics(kafka, TopicSettings(partitions=3, replication=3, minimum_in_sync=2))
        ).remaining == ()
