from __future__ import annotations

import asyncio
import contextlib
import subprocess
from typing import TYPE_CHECKING

import pytest
from aiokafka.errors import KafkaError

from ops.broker import EmbeddedBroker
from ops.topics import ensure_topics
from schemas.config import KafkaSettings, TopicSettings
from streams.errors import OperatorError
from streams.kafka import make_producer
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(200)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a file system of the size that is asked for; skips where that is not allowed."""
    folder = tmp_path / "disk"

    def mount(size: str) -> Path:
        folder.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("mounting a small file system needs root")
        return folder

    yield mount
    subprocess.run(["umount", str(folder)], check=False, capture_output=True)


def test_a_disk_that_is_full_when_the_data_folder_is_prepared_is_told(small_disk: Callable[[str], Path]) -> None:
    broker = EmbeddedBroker(small_disk("32k"), minimum_free=0, start_timeout=180)
    with pytest.raises(OperatorError, match=r"the disk of .* is full: make room there") as told:
        broker.start()
    assert not told.value.retry


async def test_a_disk_that_fills_up_ends_the_broker_and_is_told(small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("24m")
    with EmbeddedBroker(disk / "kafka", minimum_free=0, start_timeout=180) as broker:
        kafka = KafkaSettings(bootstrap_servers=broker.bootstrap)
        await ensure_topics(kafka, TopicSettings(partitions=1))
        with contextlib.suppress(OSError), (disk / "somebody else's").open("wb", buffering=0) as other:
            while other.write(bytes(4096)) == 4096:
                pass
        async with make_producer(kafka, enable_idempotence=False, request_timeout_ms=2000) as producer:
            with contextlib.suppress(KafkaError):
                await producer.send_and_wait("events", bytes(1_000_000))
            await asyncio.to_thread(wait_until, lambda: broker.poll() is not None, "the end of the broker")
        told = broker.failure()
        assert "is full: make room there" in str(told)
        assert not told.retry
