"""Callers of a push source on loopback, in a process of their own: bounded in number and in time.

`python -m benchmarks.callers URL TOKEN REQUESTS CONNECTIONS RATE SECONDS` sends single events over kept connections,
one at a time on each; RATE 0 is as fast as answers come. With a rate, a request's time runs from the moment at which it
was due, not from when it could be sent, so that a slow server does not make its own figures better. Prints one object.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter, deque
from typing import Final
from urllib.parse import urlsplit

import msgspec
import numpy as np
from msgspec import Struct

ACCOUNTS: Final = 5_000
BATCH: Final = 0.001
"""Seconds between looks at what is due."""


class Outcome(Struct):
    """What the callers saw: answers by status, and the times of those that were accepted, in ms."""

    requests: int
    seconds: float
    statuses: dict[str, int]
    p50_ms: float
    p99_ms: float
    worst_ms: float


class Caller(asyncio.Protocol):
    """One connection."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._due = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._callers.free(self)

    def send(self, request: bytes, due: float) -> None:
        """Send one request that was due at a moment."""
        assert self._transport is not None
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take the answer, which is short enough to come at once."""
        self._callers.answered(data[9:12].decode(), time.perf_counter() - self._due)
        self._callers.free(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Count what was cut off."""
        del error
        self._callers.lost()


class Callers:
    """All connections."""

    def __init__(self, url: str, token: str, requests: int, rate: float) -> None:
        self._parts = urlsplit(url)
        self._token = token
        self._wanted = requests
        self._rate = rate
        self._sent = 0
        self._answers: Counter[str] = Counter()
        self._times: list[float] = []
        self._idle: deque[Caller] = deque()
        self._done = asyncio.get_running_loop().create_future()
        self._begun = 0.0

    async def run(self, connections: int, seconds: float) -> Outcome:
        """Send everything, but for no longer than so many seconds."""
        loop = asyncio.get_running_loop()
        await asyncio.gather(
            *(
                loop.create_connection(lambda: Caller(self), self._parts.hostname, self._parts.port)
                for _ in range(connections)
            )
        )
        self._begun = time.perf_counter()
        pacing = asyncio.create_task(self._pace()) if self._rate else None
        while self._idle and not self._rate and self._sent < self._wanted:
            self._idle.popleft().send(self._request(), time.perf_counter())
        await asyncio.wait({self._done}, timeout=seconds)
        took = time.perf_counter() - self._begun
        if pacing is not None:
            pacing.cancel()
        times = np.array(self._times or [float("nan")]) * 1_000
        return Outcome(
            requests=sum(self._answers.values()),
            seconds=took,
            statuses=dict(self._answers),
            p50_ms=float(np.percentile(times, 50)),
            p99_ms=float(np.percentile(times, 99)),
            worst_ms=float(times.max()),
        )

    async def _pace(self) -> None:
        while self._sent < self._wanted:
            due = self._begun + self._sent / self._rate
            if self._idle and due <= time.perf_counter():
                self._idle.popleft().send(self._request(), due)
            else:
                await asyncio.sleep(BATCH)

    def free(self, caller: Caller) -> None:
        """Let a connection that has its answer send again."""
        if self._begun and not self._rate and self._sent < self._wanted:
            caller.send(self._request(), time.perf_counter())
        else:
            self._idle.append(caller)

    def answered(self, status: str, seconds: float) -> None:
        """Count an answer."""
        self._answers[status] += 1
        if status == "202":
            self._times.append(seconds)
        if sum(self._answers.values()) >= self._wanted and not self._done.done():
            self._done.set_result(None)

    def lost(self) -> None:
        """Count a connection that the server closed."""
        if not self._done.done():
            self._answers["closed"] += 1

    def _request(self) -> bytes:
        number = self._sent
        self._sent += 1
        body = msgspec.json.encode(
            {
                "id": f"benchmark-{number:012}-{time.time_ns()}",
                "at": time.time_ns() // 1_000_000,
                "account": f"person-{number * 7919 % ACCOUNTS}",
                "kind": "post",
                "text": "Good morning from all of us, we are in! #VolunteerDay #Jun",
                "region": f"region-{number % 40}",
            }
        )
        return (
            f"POST {self._parts.path} HTTP/1.1\r\nHost: {self._parts.netloc}\r\nAuthorization: Bearer {self._token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


async def main() -> None:
    """Run."""
    url, token, requests, connections, rate, seconds = sys.argv[1:]
    outcome = await Callers(url, token, int(requests), float(rate)).run(int(connections), float(seconds))
    print(msgspec.json.encode(outcome).decode(), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
