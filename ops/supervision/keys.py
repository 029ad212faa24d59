"""The keys of the simulation, made at its first start: nothing real is behind its pseudonyms."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streams.keys import PSEUDONYM_FILE, PUBLIC_FILE, new_keys

if TYPE_CHECKING:
    from ops.config import Loaded

FOLDER: Final = "keys"


def simulated_keys(loaded: Loaded) -> dict[str, str]:
    """Give the variables that tell the children of a simulation where its keys are; none where some are configured.

    The keys are made in a folder that gets its name when it is whole, so that no crash leaves half of them.
    """
    privacy = loaded.config.privacy
    if not loaded.simulated or privacy.pseudonym_key.file or privacy.pseudonym_key.environment:
        return {}
    folder = loaded.state / FOLDER
    if not folder.exists():
        loaded.state.mkdir(parents=True, exist_ok=True)
        waiting = Path(tempfile.mkdtemp(prefix="keys-", dir=loaded.state))
        try:
            new_keys(waiting)
            waiting.rename(folder)
        finally:
            shutil.rmtree(waiting, ignore_errors=True)
    return {
        "JUN_PRIVACY__PSEUDONYM_KEY__FILE": str(folder / PSEUDONYM_FILE),
        "JUN_PRIVACY__DEADLETTER_PUBLIC_KEY__FILE": str(folder / PUBLIC_FILE),
    }
