"""`jun up` as a person uses it: started, looked at, stopped; and with every process below it killed."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from ops.broker.ports import free_ports
from ops.config.load import SIMULATED
from schemas.config import KafkaSettings, TopicSettings
from streams.keys import new_keys
from tests.support import tweets
from tests.support.follow import Follow
from tests.support.hooks import Hooks
from tests.support.line import directory, until
from tests.support.page import verdicts
from tests.support.programs import fetch, jun
from tests.support.up import Up

if TYPE_CHECKING:
    from pathlib import Path

    import psutil

pytestmark = pytest.mark.end_to_end


class Started:
    """What has been started by `jun up`."""

    def __init__(self, bootstrap: str) -> None:
        self.kafka = KafkaSettings(embedded=False, bootstrap_servers=bootstrap)
        self.topics = TopicSettings(partitions=4)


def simulated(folder: Path, hooks: Hooks) -> Path:
    """Write the packaged simulation with a receiver of messages; `make run` has a test of its own."""
    for file in SIMULATED.parent.glob("*.toml"):
        shutil.copy(file, folder)
    (folder / "hook.url").write_text(f"json://{hooks.address}/")
    (folder / "hook.url").chmod(0o600)
    file = folder / SIMULATED.name
    with file.open("a", encoding="utf-8") as opened:
        opened.write(f"""
[notify]
gather_seconds = 2
[[notification]]
name = "hook"
url = {{ file = "{folder / "hook.url"}" }}
""")
    return file


@pytest.mark.timeout(420)
async def test_the_simulated_line_shows_and_tells_a_region_going_silent_and_a_source_dying_and_leaves_no_process(
    tmp_path: Path,
) -> None:
    broker, exporter, health = free_ports(3)
    environment = {
        "JUN_STATE__FOLDER": str(tmp_path),
        "JUN_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{broker}",
        "JUN_EXPORTER__PORT": str(exporter),
        "JUN_HEALTH__PORT": str(health),
    }
    metrics = f"http://127.0.0.1:{exporter}/metrics"
    with (
        Hooks() as hooks,
        Up(jun("up", "--config", str(simulated(tmp_path, hooks))), tmp_path, environment, terminal=True) as up,
    ):
        await until(lambda: "Andalusia" in up.output(), "the table", up)
        shown = up.output()
        assert "SIMULATED" in shown
        assert metrics in shown
        await until(lambda: verdicts(metrics).get("andalusia") == "active", "figures", up)
        for port in (health, health + 1, exporter):  # source, worker, exporter
            await until(lambda port=port: fetch(f"http://127.0.0.1:{port}/-/ready")[0] == 200, f"port {port}", up)
            assert fetch(f"http://127.0.0.1:{port}/-/healthy") == (200, "healthy\n")
        await until(lambda: re.search(r"Andalusia[^\n]*silent", up.output()), "the quiet region on the table", up)
        await until(lambda: re.search(r"Tokyo[^\n]*unknown", up.output()), "the dead source on the table", up)
        found = verdicts(metrics)
        assert len(found) == 12
        assert found["andalusia"] == "silent"
        assert {found[name] for name in ("mumbai", "bengaluru", "tokyo", "osaka")} == {"unknown"}
        assert list(found.values()).count("silent") == 1
        assert len(up.below()) >= 4  # broker, source, worker, exporter
        await until(lambda: len(hooks.titles) >= 2, f"two messages, got {hooks.titles}", up)
        told = sorted(title.partition(":")[0] for title in hooks.titles)
        assert told == ["? 4 regions are unknown", "■ Andalusia has gone silent"]
        up.interrupt()
        await until(lambda: not up.running, "the end")
        assert "stopped" in up.output()
        assert not up.left()


async def _restarted(up: Up, killed: psutil.Process, words: tuple[str, ...]) -> None:
    await until(
        lambda: any(one.pid != killed.pid for one in up.below_with(*words)),
        f"{' '.join(words)} to be started again",
        up,
    )


@pytest.mark.timeout(420)
async def test_every_process_of_the_line_is_killed_once_and_the_counts_are_right(
    tmp_path: Path, shared_data: Path
) -> None:
    broker, exporter = free_ports(2)
    bootstrap, metrics = f"127.0.0.1:{broker}", f"http://127.0.0.1:{exporter}/metrics"
    new_keys(tmp_path / "keys")
    directory(tmp_path / "regions.toml", tweets.REGIONS, {})
    (tmp_path / "jun.toml").write_text(
        f"""
        [kafka]
        bootstrap_servers = "{bootstrap}"
        [topics]
        partitions = 4
        [state]
        folder = "state"
        [time]
        heartbeat_seconds = 0.5
        timeout_seconds = 600  # a killed source is to come back, however busy the machine is
        [privacy]
        pseudonym_key = {{ file = "keys/pseudonym.key" }}
        deadletter_public_key = {{ file = "keys/deadletter.public" }}
        [exporter]
        port = {exporter}
        {tweets.SOURCE.format(follow="true", live="true")}
        """
    )
    posts = tweets.moved(tweets.read(shared_data), dt.datetime.now(dt.UTC) - dt.timedelta(hours=1))
    quarters = [posts[start : start + 3_030] for start in range(0, len(posts), 3_030)]
    file = tmp_path / "tweets.csv"
    tweets.write(quarters[0], file)
    with Up(jun("up"), tmp_path, {}, terminal=False) as up:
        await until(lambda: verdicts(metrics), "figures", up)
        async with Follow(Started(bootstrap), "activity", "engagement-state", "deadletter") as follow:
            for number, words in enumerate((("kafka.Kafka",), ("ingest", "tweets"), ("worker",), ("exporter",)), 1):
                wanted = follow.count["engagement-state"] + 50
                await follow.until(lambda wanted=wanted: follow.count["engagement-state"] > wanted, "entries", up)
                (victim,) = up.below_with(*words)
                victim.kill()
                if number < len(quarters):
                    tweets.write(quarters[number], file)
                await _restarted(up, victim, words)
            # The clock may have closed these minutes before they came: late ones are published as real minutes close.
            truth = tweets.truth(posts)
            await follow.until(lambda: follow.rolled.counts() == truth, "the right counts", up)
            await until(lambda: len(verdicts(metrics)) == 12, "the figures again", up)
            assert not follow.letters
        up.interrupt()
        await until(lambda: not up.running, "the end")
        assert up.process.returncode == 0
        assert "stopped" in up.output()
        assert not up.left()
