"""`jun ingest`."""

from __future__ import annotations

import asyncio
import gc
import time
from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)
from typing import TYPE_CHECKING, Final

from ops.config import load
from ops.deadletters.letters import moment
from ops.health import health
from streams.errors import OperatorError
from streams.ingest.agent import fill_agent, run_agent, show_agent
from streams.ingest.clock import ClockSettings
from streams.ingest.source import SourceSettings, Surroundings, settings_of
from streams.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.config import Loaded
    from streams.ingest.outlet import Congestion, Record

CLOCK: Final = "clock"
COLLECT_AFTER: Final = 20_000
"""Objects that are made and not let go before the collector of cycles looks at them. Every request that waits for Kafka
is some of them, by which Python's own 700 would have it go through all of those that wait, again and again."""


def ingest(
    name: str, /, *more: str, dry_run: bool = False, since: str | None = None, config: Path | None = None
) -> None:
    """Run one source, or several: what people write there goes to Kafka, and heartbeats tell how far each has got.

    Parameters
    ----------
    name
        Name of the source in the configuration; `clock` for the clock, which needs no entry.
    more
        Further sources for the same process. Those that are called share a server where host and port are the same.
    dry_run
        Show what would be sent, one JSON object a line; Kafka is not touched and no position is kept.
    since
        Ask for what happened from this time on (RFC 3339), send it, and end; this may run beside the source itself.
        What was sent before counts once; what is older than the horizon can only be replayed.
    config
        File of the configuration; ./jun.toml where none is named.
    """
    loaded = load(config)
    settings = [_settings(loaded, each) for each in (name, *more)]
    surroundings = Surroundings(loaded.config, loaded.directory, loaded.folder, _now)
    if since:
        outlet = Terminal(loaded.config.topics.partitions) if dry_run else None
        words = asyncio.run(fill_agent(settings, surroundings, moment(since, "--since"), outlet))
    elif dry_run:
        words = asyncio.run(show_agent(settings, surroundings, Terminal(loaded.config.topics.partitions)))
    else:
        words = asyncio.run(_run(settings, surroundings))
    print("\n".join(words), flush=True)  # noqa: T201 (the answer)


async def _run(settings: list[SourceSettings], surroundings: Surroundings) -> list[str]:
    collect_rarely()
    standing = Standing()
    async with health(surroundings.config.health, standing.why_not):
        return await run_agent(settings, surroundings, standing)


def collect_rarely() -> None:
    """Let the collector of cycles look after COLLECT_AFTER objects, and no more at what there is now."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])


class Terminal:
    """An outlet that shows each record; heartbeats, which go to every partition, once."""

    congestion: Congestion = ""

    def __init__(self, partitions: int) -> None:
        self.partitions = partitions

    async def deliver(self, records: Sequence[Record]) -> None:
        """Show the records."""
        for record in records:
            if record.key is not None or record.partition == 0:
                print(record.value.decode(), flush=True)  # noqa: T201 (the answer)


def _settings(loaded: Loaded, name: str) -> SourceSettings:
    for entry in loaded.config.source:
        if entry.get("name") == name:
            return settings_of(entry)
    if name == CLOCK and loaded.simulated:
        raise OperatorError(
            "an organisation whose clock is the world's",
            "a simulated one, whose own clock goes as fast as it likes",
            "leave the clock out: the simulation moves time by itself",
            retry=False,
        )
    if name == CLOCK:
        return ClockSettings(name=CLOCK)
    names = [str(entry.get("name")) for entry in loaded.config.source]
    raise OperatorError(
        f"a source with the name {name}",
        f"the configuration has {', '.join([*names, CLOCK])}",
        "name one of those, or add it as [[source]]",
        retry=False,
    )


def _now() -> int:
    return time.time_ns() // 1_000_000
