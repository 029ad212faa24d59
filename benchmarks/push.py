"""What a request costs a push source together with its producer, beside a bare aiohttp handler that does nothing.

Both run on core 0, one after the other; the callers and a real Kafka have core 1. First as many requests as the server
answers, by which its CPU a thousand requests is taken (of the whole process, the producer's share included, as the
operating system accounts it); then half of 5,000 a second, for the times until acknowledgement.
`python -m benchmarks.push`.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from benchmarks.callers import Outcome
from benchmarks.load import PARTITIONS, WORK
from benchmarks.measure import BROKER_CORE, Contestant, ContestantError, on_core
from ops.broker import EmbeddedBroker
from ops.topics import ensure_topics
from schemas.config import KafkaSettings, TopicSettings

if TYPE_CHECKING:
    from pathlib import Path

PREFIX: Final = "push-"
TOKEN: Final = "a-token-for-the-benchmark"  # noqa: S105 (for a server that lives a minute on loopback)
WARM: Final = 5_000
REQUESTS: Final = 60_000
CONNECTIONS: Final = 512
HALF: Final = 2_500
PACED: Final = 25_000
AT_MOST: Final = 60.0
"""Seconds for any of them."""
START_WITHIN: Final = 60.0
ADDRESS: Final = re.compile(r"address\W+(http://[^\s\"]+)")


class Line(Struct):
    """What one server took: requests a second at full speed, CPU seconds a thousand, times at half speed."""

    name: str
    requests_per_second: float
    cpu_per_thousand: float
    paced: Outcome
    peak_mib: float


def callers(url: str, requests: int, rate: float = 0) -> Outcome:
    """Run the callers, in a process of their own."""
    done = subprocess.run(
        [
            sys.executable, "-m", "benchmarks.callers", url, TOKEN, str(requests), str(CONNECTIONS), str(rate),
            str(AT_MOST),
        ],
        capture_output=True,
        check=True,
        timeout=AT_MOST + 30,
    )  # fmt: skip
    outcome = msgspec.json.decode(done.stdout, type=Outcome)
    if set(outcome.statuses) != {"202"} or outcome.requests < requests:
        raise ContestantError(f"wanted {requests} accepted, got {outcome.statuses}")
    return outcome


def measured(name: str, command: list[str]) -> Line:
    """Start a server, and measure it."""
    WORK.mkdir(parents=True, exist_ok=True)
    server = Contestant(command, WORK / f"{name}.log", all_output=True)
    try:
        url = _address(server)
        callers(url, WARM)
        server.begin()
        full = callers(url, REQUESTS)
        taken = server.end()
        paced = callers(url, PACED, HALF)
        return Line(
            name, full.requests / full.seconds, taken.cpu_seconds / full.requests * 1_000, paced, server.peak_mib()
        )
    finally:
        server.close()


def _address(server: Contestant) -> str:
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline:
        for line in server.lines(0.2):
            found = ADDRESS.search(line)
            if found:
                return found.group(1)
        server.check()
    raise ContestantError(f"it did not listen: {server.tail()}")


def configuration(bootstrap: str, folder: Path) -> Path:
    """Write the configuration of one http source."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "token").write_text(TOKEN)
    (folder / "key").write_text("A" * 43 + "=")
    (folder / "regions.toml").write_text("".join(f'[[region]]\nname = "region-{n}"\n' for n in range(40)))
    file = folder / "jun.toml"
    file.write_text(
        f'[kafka]\nembedded = false\nbootstrap_servers = "{bootstrap}"\n'
        f'[topics]\nprefix = "{PREFIX}"\npartitions = {PARTITIONS}\n'
        f'[state]\nfolder = "{folder / "state"}"\n[privacy]\npseudonym_key = {{ file = "{folder / "key"}" }}\n'
        f'[[source]]\nkind = "http"\nname = "push"\nport = 0\ntoken = {{ file = "{folder / "token"}" }}\n'
    )
    return file


def main() -> None:
    """Measure both, and print a table."""
    with on_core(BROKER_CORE) as release:
        shutil.rmtree(WORK / "push-kafka", ignore_errors=True)
        with EmbeddedBroker(WORK / "push-kafka") as broker:
            asyncio.run(
                ensure_topics(
                    KafkaSettings(embedded=False, bootstrap_servers=broker.bootstrap),
                    TopicSettings(prefix=PREFIX, partitions=PARTITIONS),
                )
            )
            settings = configuration(broker.bootstrap, WORK / "push")
            ours = [sys.executable, "-P", "-m", "ops.cli", "ingest", "push", "--config", str(settings)]
            lines = [
                measured("bare", [sys.executable, "-m", "benchmarks.bare"]),
                measured("jun ingest", ours),
                measured("bare again", [sys.executable, "-m", "benchmarks.bare"]),
                measured("bare, collector as ours", [sys.executable, "-m", "benchmarks.bare", "collector"]),
            ]
        release()
    print("| | requests/s | CPU s per thousand | p50 ms at 2,500/s | p99 ms | worst ms | peak MiB |")
    print("|---|---|---|---|---|---|---|")
    for line in lines:
        print(
            f"| {line.name} | {line.requests_per_second:,.0f} | {line.cpu_per_thousand:.3f} | {line.paced.p50_ms:.1f} |"
            f" {line.paced.p99_ms:.1f} | {line.paced.worst_ms:.1f} | {line.peak_mib:.0f} |"
        )
    bare = (lines[0].cpu_per_thousand + lines[2].cpu_per_thousand) / 2
    ours_costs = lines[1].cpu_per_thousand
    print(
        f"\na request of the bare handler costs {bare / ours_costs:.2f} of ours,"
        f" with the collector as ours {lines[3].cpu_per_thousand / ours_costs:.2f}"
    )


if __name__ == "__main__":
    main()
