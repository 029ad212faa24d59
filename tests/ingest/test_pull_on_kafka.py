"""A pulling agent as a process on a real Kafka, killed in the middle of its work, and asked for its past."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from schemas.codec import event_reader
from schemas.events import Heartbeat
from tests.support.agents import ROOT, Agent, Place, Reader, first_places
from tests.support.ingest import events_of
from tests.support.services import serving

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.end_to_end

SOURCE = """
[[source]]
kind = "mastodon"
name = "social"
server = "{}"
streaming = false
poll_seconds = 0.05
"""


class Mastodon:
    """A server that pages, and that fails and limits now and then."""

    def __init__(self) -> None:
        self.statuses: list[dict[str, Any]] = []
        self.asked = 0

    def write(self, count: int) -> None:
        """Let people write."""
        for _ in range(count):
            now = time.time_ns() // 1_000_000
            number = len(self.statuses)
            moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 1000)) + f".{now % 1000:03d}Z"
            account = {"id": "1", "acct": f"person-{number % 9}"}
            status = {"id": str((now << 16) + number), "created_at": moment, "account": account, "content": "#Jun"}
            self.statuses.append({**status, "visibility": "public"})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.asked += 1
        if self.asked % 7 == 0:
            return web.Response(status=503)
        if self.asked % 11 == 0:
            return web.Response(status=429, headers={"Retry-After": "0"})
        after = int(request.query["min_id"])
        newer = [one for one in self.statuses if int(one["id"]) > after][: int(request.query["limit"])]
        return web.json_response(newer[::-1])


def event_id(folder: Path, original: str) -> str:
    """Work out an event's id by hand."""
    key = base64.urlsafe_b64decode((folder / "keys/pseudonym.key").read_text())
    digest = hmac.new(key, b"event\0social\0" + original.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


async def ids(reader: Reader) -> set[str]:
    return ids_of(await reader.values())


def ids_of(partitions: list[list[bytes]]) -> set[str]:
    """Give the ids of what is in the topic."""
    return {event.id for values in partitions for event in events_of(values)}


async def ingest(place: Place, *arguments: str) -> str:
    command = [sys.executable, "-P", "-m", "ops.cli", "ingest", "social", "--config", str(place.folder / "jun.toml")]
    done = await asyncio.to_thread(
        subprocess.run, [*command, *arguments], capture_output=True, timeout=120, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout.decode()


@pytest.mark.timeout(600)
async def test_nothing_is_lost_or_doubled_though_the_agent_is_killed_and_the_server_fails_and_limits(
    kafka: str, topic_prefix: str, tmp_path: Path
) -> None:
    server = Mastodon()
    async with serving(server.handle) as service:
        place = Place(tmp_path, kafka, topic_prefix, SOURCE.format(service.address), ["granada"])
        await place.make_topics()
        agents = [Agent(place, "social")]
        try:
            async with Reader(place) as reader, asyncio.timeout(450):  # each of some dozen failures is waited out
                for turn in range(3):
                    server.write(200)
                    while len(await ids(reader)) < turn * 200 + 40:
                        assert agents[-1].process.poll() is None
                    agents[-1].kill()
                    agents.append(Agent(place, "social"))
                asked = server.asked
                # The last one must run before it can stop in order.
                while len(await ids(reader)) < 600 or server.asked == asked:
                    assert agents[-1].process.poll() is None
                assert agents[-1].stop() == 0
                partitions = await reader.values()

                # The past once more, shown and then sent: no new id, no heartbeat.
                since = "--since", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
                shown = await ingest(place, *since, "--dry-run")
                assert sum('"type":"event"' in line for line in shown.splitlines()) == 600
                assert sum(map(len, await reader.values())) == sum(map(len, partitions))
                assert "sent 600 statuses" in await ingest(place, *since)
                after = await reader.values()
        finally:
            for agent in agents:
                agent.__exit__()
    assert {event_id(tmp_path, one["id"]) for one in server.statuses} == ids_of(after)
    added = [event_reader.read(value) for values, more in zip(partitions, after, strict=True)
             for value in more[len(values):]]  # fmt: skip
    assert len(added) == 600
    assert not any(isinstance(one, Heartbeat) for one in added)
    assert first_places(partitions).keys() == ids_of(partitions)
