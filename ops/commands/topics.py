"""`jun topics`."""

from __future__ import annotations

import asyncio
from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)

from ops.config import load
from ops.topics import ensure_topics


def topics(*, config: Path | None = None, fix: bool = False) -> int:
    """Create the topics that are missing, and tell what is not as wanted; exit code 1 where something is not.

    Parameters
    ----------
    config
        File of the configuration; ./jun.toml where none is named.
    fix
        Set what can be set without moving or losing a message.
    """
    settings = load(config).config
    report = asyncio.run(ensure_topics(settings.kafka, settings.topics, fix=fix))
    lines = [
        *(f"Created the topic {name}." for name in report.created),
        *(f"Set {one.what} of the topic {one.topic} to {one.wanted}; it was {one.found}." for one in report.altered),
        *map(str, report.remaining),
    ]
    print("\n".join(lines) if lines else "All topics are there and as wanted.")  # noqa: T201 (the answer)
    return 1 if report.remaining else 0
