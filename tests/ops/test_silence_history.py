"""The reader of histories against a real broker."""

from __future__ import annotations

import pytest
from msgspec import structs

from ops.silence.history import read_histories
from ops.topics import ensure_topics
from schemas.config import Config, KafkaSettings, TopicSettings
from schemas.topics import ACTIVITY
from streams.errors import OperatorError
from streams.kafka import topic_name
from streams.measures.silence.explain import Minute
from tests.ops.test_silence_command import activity
from tests.support.records import write

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(200)]


def settings(kafka: str, prefix: str) -> Config:
    return structs.replace(
        Config(),
        kafka=KafkaSettings(embedded=False, bootstrap_servers=kafka),
        topics=TopicSettings(prefix=prefix, partitions=1),
    )


async def test_histories_are_read_from_the_topic_up_to_its_end(kafka: str, topic_prefix: str) -> None:
    config = settings(kafka, topic_prefix)
    await ensure_topics(config.kafka, config.topics)
    values = [activity(region, minute, minute % 3) for minute in range(10, 40) for region in ("a", "b")]
    await write(config.kafka, topic_name(config.topics, ACTIVITY), [*values, b"no json"])
    histories = await read_histories(config, "a")
    wanted = [Minute(minute, minute % 3, span=2) for minute in range(10, 40)]
    assert histories == {"a": wanted, "b": wanted}
    with pytest.raises(OperatorError, match="nowhere"):
        await read_histories(config, "nowhere")


async def test_a_cluster_without_the_topic_is_told(kafka: str, topic_prefix: str) -> None:
    with pytest.raises(OperatorError, match="jun topics"):
        await read_histories(settings(kafka, topic_prefix), "a")
