"""Ingest agents as processes on a real Kafka, killed in the middle of their work."""

from __future__ import annotations

import asyncio
import base64
import csv
import hashlib
import hmac
import io
import random
import subprocess
import sys
import zlib
from collections import Counter
from typing import TYPE_CHECKING

import aiohttp
import msgspec
import pytest
from nacl.public import SealedBox

from ops.broker import EmbeddedBroker
from ops.broker.ports import free_ports
from schemas.codec import event_reader
from schemas.deadletter import DeadLetter
from schemas.events import Event, Heartbeat
from streams.keys import private_key
from tests.support.agents import Agent, Place, Reader, first_places
from tests.support.ingest import events_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(240)]

REGIONS = [f"region-{number}" for number in range(12)]
FILE = """
[[source]]
kind = "file"
name = "tweets"
path = "tweets.csv"
format = "csv"
live = false
poll_seconds = 0.01
[source.columns]
id = "id"
at = "created_at"
account = "screen_name"
text = "text"
region = "region"
"""
TOKEN = "a-token-for-the-tests"


async def until(condition: Callable[[], bool], agent: Agent) -> None:
    async with asyncio.timeout(120):
        while not condition():
            assert agent.process.poll() is None
            await asyncio.sleep(0.01)


def region_of(account: str) -> str:
    return REGIONS[zlib.crc32(account.encode()) % len(REGIONS)]


def event_id(key_file: Path, original: str) -> str:
    """Work out an event's id by hand."""
    key = base64.urlsafe_b64decode(key_file.read_text())
    digest = hmac.new(key, b"event\0tweets\0" + original.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


async def grow(place: Path, data: bytes, reader: Reader, agents: list[Agent], start: Callable[[], Agent]) -> int:
    """Write a file in pieces that end anywhere while agents are killed in the middle of it; give the kills."""
    chance = random.Random(7)
    kills = written = 0
    with place.open("ab") as opened:
        while written < len(data):
            piece = data[written : written + chance.randrange(1, 200_000)]
            before = await reader.count()
            opened.write(piece)
            opened.flush()
            written += len(piece)
            if chance.random() < 0.4 and kills < 5:
                await reader.until_more_than(before + 100)
                agents[-1].kill()
                agents.append(start())
                kills += 1
    return kills


async def test_a_growing_file_is_counted_line_for_line_though_its_agent_is_killed_again_and_again(
    kafka: str, topic_prefix: str, tmp_path: Path, shared_data: Path
) -> None:
    with (shared_data / "load/mayweather-mcgregor/tweets.csv").open(newline="", encoding="utf-8") as opened:
        tweets = list(csv.DictReader(opened))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*tweets[0], "region"], quoting=csv.QUOTE_NONNUMERIC)
    writer.writeheader()
    writer.writerows({**tweet, "region": region_of(tweet["screen_name"])} for tweet in tweets)
    place = Place(tmp_path, kafka, topic_prefix, FILE, REGIONS)
    await place.make_topics()
    expected = {event_id(tmp_path / "keys/pseudonym.key", tweet["id"]): tweet for tweet in tweets}

    agents = [Agent(place, "tweets")]
    try:
        async with Reader(place) as reader:
            kills = await grow(
                tmp_path / "tweets.csv",
                text.getvalue().encode(),
                reader,
                agents,
                lambda: Agent(place, "tweets"),
            )
            async with asyncio.timeout(60):
                while len({event.id for part in await reader.values() for event in events_of(part)}) < len(expected):
                    assert agents[-1].process.poll() is None
            assert agents[-1].stop() == 0
            partitions = await reader.values()
    finally:
        for agent in agents:
            agent.__exit__()
    assert kills == 5

    assert first_places(partitions).keys() == expected.keys()
    events = {event.id: event for values in partitions for event in events_of(values)}
    assert Counter(event.region for event in events.values()) == Counter(
        region_of(tweet["screen_name"]) for tweet in tweets
    )
    assert len({event.actor for event in events.values()}) == len({tweet["screen_name"] for tweet in tweets})
    last = [event_reader.read(values[-1]) for values in partitions]
    assert {type(one) for one in last} == {Heartbeat}
    assert {one.complete_to for one in last} == {max(event.at for event in events.values())}


async def test_nothing_that_got_a_202_is_lost_though_kafka_and_the_agent_are_killed_under_load(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path / "kafka", start_timeout=180) as broker:
        port = free_ports(1)[0]
        (tmp_path / "token").write_text(TOKEN)
        source = (
            f'[[source]]\nkind = "http"\nname = "tweets"\nport = {port}\n'
            'token = { file = "token" }\nacknowledge_seconds = 1'
        )
        place = Place(tmp_path, broker.bootstrap, "", source, REGIONS)
        await place.make_topics()
        callers = Callers(f"http://127.0.0.1:{port}/v1/events")
        agents = [Agent(place, "tweets")]
        work = asyncio.create_task(callers.run())
        try:
            await until(lambda: len(callers.accepted) > 300, agents[-1])

            broker.kill()
            await until(lambda: callers.answers[503] > 20, agents[-1])
            broker.start()
            accepted = len(callers.accepted)
            await until(lambda: len(callers.accepted) > accepted + 300, agents[-1])

            agents[-1].kill()
            agents.append(Agent(place, "tweets"))
            accepted = len(callers.accepted)
            await until(lambda: len(callers.accepted) > accepted + 300, agents[-1])
            callers.stop()
            await work
            assert agents[-1].stop() == 0
        finally:
            work.cancel()
            for agent in agents:
                agent.__exit__()
        events = [event for values in await place.values() for event in events_of(values)]
    written = {event.id for event in events}
    accepted = {event_id(tmp_path / "keys/pseudonym.key", str(number)) for number in callers.accepted}
    assert accepted <= written
    assert set(callers.answers) <= {202, 429, 503}


class Callers:
    """Posts numbered events from several connections, each again until it is accepted."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._running = True
        self._next = 0
        self.accepted: set[int] = set()
        self.answers: Counter[int] = Counter()

    def stop(self) -> None:
        """Come to the end."""
        self._running = False

    async def run(self) -> None:
        """Post until told to stop."""
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            await asyncio.gather(*(self._one(client) for _ in range(20)))

    async def _one(self, client: aiohttp.ClientSession) -> None:
        while self._running:
            self._next += 1
            number = self._next
            body = {"id": str(number), "at": 1_700_000_000_000 + number, "account": f"a{number % 50}", "text": "#Jun"}
            while self._running:
                try:
                    async with client.post(self._address, json=body) as answer:
                        self.answers[answer.status] += 1
                        if answer.status == 202:
                            self.accepted.add(number)
                            break
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)


async def test_rubbish_goes_to_the_dead_letters_sealed_for_the_operator_alone(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    rows = [
        "id,created_at,screen_name,text,region",
        "1,2026-05-31T08:00:00Z,ana,#Jun,region-1",
        "2,yesterday,Maria,#Jun,region-1",
        "3,2026-05-31T08:00:01Z,ana,#Jun,region-1",
    ]
    (tmp_path / "tweets.csv").write_text("\n".join(rows) + "\n")
    place = Place(tmp_path, kafka, topic_prefix, FILE.replace("live = false", "follow = false"), REGIONS)
    await place.make_topics()
    with Agent(place, "tweets") as agent:
        assert await asyncio.to_thread(agent.process.wait, 60) == 0
    ((value,),) = await place.values("deadletter")
    letter = msgspec.json.decode(value, type=DeadLetter)
    assert (letter.source, letter.reason, letter.place) == ("tweets", "wrong_type", "tweets.csv line 3")
    assert b"Maria" not in value
    private = private_key((tmp_path / "keys/deadletter.private").read_text())
    assert SealedBox(private).decrypt(letter.sealed) == rows[2].encode() + b"\n"
    assert b"Maria" not in (tmp_path / "output.txt").read_bytes()
    partitions = await place.values()
    assert sum(isinstance(event_reader.read(value), Event) for values in partitions for value in values) == 2
    for values in partitions:
        last = event_reader.read(values[-1])
        assert isinstance(last, Heartbeat)
        # 08:00:01, two minutes of lateness and one more: every minute with an event closes.
        assert last.complete_to == 1_780_214_401_000 + 180_000


def test_a_dry_run_shows_events_and_touches_nothing(tmp_path: Path) -> None:
    (tmp_path / "tweets.csv").write_text(
        "id,created_at,screen_name,text,region\n1,2026-05-31T08:00:00Z,ana,#Jun,region-1\n"
    )
    Place(tmp_path, "127.0.0.1:1", "", FILE.replace("live = false", "follow = false"), REGIONS)
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "ops.cli",
            "ingest",
            "tweets",
            "--dry-run",
            "--config",
            str(tmp_path / "jun.toml"),
        ],
        capture_output=True,
        timeout=60,
        check=True,
    )
    shown = done.stdout.splitlines()
    (event,) = events_of(line for line in shown if b'"type":"event"' in line)
    assert (event.region, event.tags) == ("region-1", ("jun",))
    assert b"to its end" in shown[-1]
    assert not (tmp_path / "state").exists()
