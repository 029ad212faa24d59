"""What a worker can't start with: one clear sentence at once, instead of waiting for ever or counting wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.kafka import client_arguments, make_producer, topic_name
from tests.support.follow import Follow
from tests.support.line import PARTITIONS, Line, until
from tests.support.stream import REGIONS, SHARDS, Stream, produce

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(240)]

JUNK = bytes(8) + b"\xc1"


async def refusal(line: Line) -> str:
    """Start a worker that ends by itself; give its last words."""
    worker = line.worker()
    await until(lambda: not worker.running, "the worker to refuse")
    assert worker.process.returncode == 1
    return next(text for text in worker.output().splitlines() if text.startswith("jun: "))


async def test_a_topic_of_state_with_other_partitions_than_the_events_is_told(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    line = Line(tmp_path, kafka, topic_prefix, REGIONS)
    admin = AIOKafkaAdminClient(**client_arguments(line.kafka))
    await admin.start()
    await admin.create_topics([NewTopic(f"{topic_prefix}engagement-state", PARTITIONS - 1, 1)])
    await admin.close()
    async with line:
        told = await refusal(line)
    assert f"wanted {PARTITIONS} partitions of the topic {topic_prefix}engagement-state, but it has 3" in told


@pytest.mark.parametrize(
    ("topic", "key"),
    [("engagement-state", b"#"), ("engagement-state", b"somebody else's"), ("region-state", b"granada")],
)
async def test_state_that_can_t_be_read_is_told_with_its_place_and_nothing_is_counted_without_it(
    kafka: str, topic_prefix: str, tmp_path: Path, topic: str, key: bytes
) -> None:
    async with Line(tmp_path, kafka, topic_prefix, REGIONS) as line:
        async with make_producer(line.kafka) as producer:
            await producer.send_and_wait(topic_name(line.topics, topic), JUNK, key=key, partition=0)
        told = await refusal(line)
    assert f"wanted the state in {topic_prefix}{topic}, partition 0, as this version writes it" in told
    assert "trying again can help" not in told


async def test_rubbish_in_activity_becomes_dead_letters_and_the_regions_go_on(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    rubbish = [b"", b"not json", b'{"type":"activity","v":99}', b'{"type":"event","v":2}', b"\xff", b"[]"]
    stream = Stream(6)
    async with (
        Line(tmp_path, kafka, topic_prefix, REGIONS, shards=SHARDS) as line,
        Follow(line, "regions", "deadletter") as follow,
        make_producer(line.kafka) as producer,
    ):
        activity = topic_name(line.topics, "activity")
        for value in rubbish:
            await producer.send_and_wait(activity, value, key=b"granada", partition=0)
        await producer.send_and_wait(activity, None, key=b"granada", partition=0)
        await produce(line, [*stream.minutes(4), *stream.end()], producer)
        worker = line.worker()
        await follow.until(
            lambda: (
                len(follow.statuses) == len(REGIONS)
                and min(one.minute for one in follow.statuses.values()) >= stream.last
            ),
            "the regions",
            worker,
        )
        refused = [letter for letter in follow.letters if letter.source == "activity"]
        assert [letter.place.rpartition("@")[2] for letter in refused] == [str(n) for n in range(len(rubbish))]
