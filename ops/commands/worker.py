"""`jun worker`."""

from __future__ import annotations

import asyncio
from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)
from typing import TYPE_CHECKING

from ops.config import load
from ops.health import health
from streams.agents.run import run_worker
from streams.keys import public_key
from streams.secrets import read_secret
from streams.standing import Standing

if TYPE_CHECKING:
    from nacl.public import PublicKey

    from ops.config import Loaded


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
    asyncio.run(_run(loaded, seal_to))


async def _run(loaded: Loaded, seal_to: PublicKey | None) -> None:
    standing = Standing()
    async with health(loaded.config.health, standing.why_not):
        await run_worker(loaded.config, loaded.directory, seal_to, standing)
