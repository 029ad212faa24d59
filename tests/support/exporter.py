"""The exporter as a process over topics of its own on a real broker."""

from __future__ import annotations

import asyncio
import re
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from schemas.codec import encode
from schemas.config import Config, KafkaSettings, TopicSettings
from streams.kafka import make_producer
from tests.support.programs import fetch, jun, running, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REGIONS = "".join(f'[[region]]\nname = "{name}"\nheadcount = 300\n' for name in ("north", "south", "east"))


class Line:
    """The topics of one test, and an exporter over them that can be started again and again."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path, more: str = "", regions: str = REGIONS) -> None:
        """`more` is added to jun.toml, `regions` is regions.toml."""
        self.folder = folder
        self.config = Config(
            kafka=KafkaSettings(embedded=False, bootstrap_servers=bootstrap),
            topics=TopicSettings(prefix=prefix, partitions=2),
        )
        (folder / "regions.toml").write_text(regions)
        (folder / "jun.toml").write_text(
            f'[kafka]\nembedded = false\nbootstrap_servers = "{bootstrap}"\n'
            f'[topics]\nprefix = "{prefix}"\npartitions = 2\n'
            f'[state]\nfolder = "{folder / "state"}"\n[exporter]\nport = 0\n{more}'
        )

    @contextmanager
    def exporter(self, *, kill: bool = False, wait: bool = True) -> Iterator[str]:
        """Run it inside the block; gives its address."""
        log = self.folder / "exporter.log"
        log.unlink(missing_ok=True)
        with running(jun("exporter", "--config", str(self.folder / "jun.toml")), log) as process:
            said = wait_for(
                lambda: re.search(r"(http://127.0.0.1:\d+)/metrics", log.read_text()) or process.poll() is not None,
                "its address",
            )
            address = said[1]
            if wait:
                wait_for(lambda: fetch(f"{address}/-/ready")[0] == 200, "the end of the log")
            yield address
            if kill:
                process.kill()
            else:
                process.send_signal(signal.SIGTERM)
                assert process.wait(20) == 0, log.read_text()

    def topic(self, name: str) -> str:
        """The name of a topic of this test in Kafka."""
        return self.config.topics.prefix + name

    async def send(self, topic: str, *values: tuple[str, Any]) -> None:
        """Produce keys and values: structs, bytes as they are, None to delete."""
        producer = make_producer(self.config.kafka)
        await producer.start()
        try:
            sent = []
            for key, value in values:
                encoded = value if value is None or isinstance(value, bytes) else encode(value)
                sent.append(await producer.send(self.topic(topic), encoded, key=key.encode()))
            await asyncio.gather(*sent)
        finally:
            await producer.stop()
