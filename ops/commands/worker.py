"""`jun worker`."""

from __future__ import annotations

import asyncio
from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)

from ops.config import load
from streams.agents.run import run_worker
from streams.keys import public_key
from streams.secrets import read_secret


def worker(*, config: Path | None = None) -> None:
    """Run the engagement agent and the region agent: several workers share the partitions.

    Parameters
    ----------
    config
        File of the configuration; ./jun.toml where none is named.
    """
    loaded = load(config)
    secret = loaded.config.privacy.deadletter_public_key
    seal_to = None
    if secret.file or secret.environment:
        seal_to = public_key(read_secret(secret, wanted_for="privacy.deadletter_public_key"))
    asyncio.run(run_worker(loaded.config, loaded.directory, seal_to))
