"""`jun exporter`."""

from __future__ import annotations

import asyncio
from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)

from ops.config import load
from ops.exporter.lag import worker_group
from ops.exporter.serve import serve


def exporter(*, config: Path | None = None) -> None:
    """Serve /metrics for Prometheus, a page for people at /, and /-/healthy and /-/ready.

    Parameters
    ----------
    config
        File of the configuration; ./jun.toml where none is named.
    """
    loaded = load(config)
    asyncio.run(serve(loaded, worker_group(loaded.config), say=_say))


def _say(address: str) -> None:
    print(f"the figures are at {address}", flush=True)  # noqa: T201 (the answer)
