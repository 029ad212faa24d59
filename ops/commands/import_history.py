"""`jun import`: history from files into `events`, so that a new installation begins with a baseline and full boards."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import structs

from ops.config import load
from ops.replay.topics import records_in
from schemas.topics import EVENTS
from streams.errors import OperatorError
from streams.ingest.agent import CHECKPOINTS, run_agent
from streams.ingest.file import FileSettings
from streams.ingest.source import Surroundings, settings_of

if TYPE_CHECKING:
    from ops.config import Loaded

NAME: Final = "import"


def import_history(  # noqa: PLR0913 (a command's options are its arguments)
    path: str,
    /,
    *,
    like: str | None = None,
    source: str = NAME,
    ordered: bool = False,
    late: bool = False,
    config: Path | None = None,
) -> int:
    """Bring history from files into the log, with its own times. Do it before anything else runs; killed it goes on.

    Parameters
    ----------
    path
        File, or pattern such as 'exports/*.csv'; JSON Lines of events unless --like says otherwise.
    like
        Name of a `file` source of the configuration whose format, columns, time and region the files have.
    source
        Name under which the events stand: rows of accounts of that source hold for them.
    ordered
        The files, by name, have their events in order of time: the agents then need no memory for all of them at once.
    late
        Import although the log has begun: what is older than the horizon is refused then.
    config
        File of the configuration; ./jun.toml where none is named.
    """
    loaded = load(config)
    settings = _settings(loaded, path, like, source, ordered=ordered)
    if not late:
        _check_fresh(loaded, source)
    surroundings = Surroundings(loaded.config, loaded.directory, loaded.folder, _now)
    words = asyncio.run(run_agent([settings], surroundings))
    for line in words:
        print(line, flush=True)  # noqa: T201 (the answer)
    print("Now start the rest; `jun replay --out blocks` draws the past.", flush=True)  # noqa: T201 (as above)
    return 0


def _settings(loaded: Loaded, path: str, like: str | None, source: str, *, ordered: bool) -> FileSettings:
    named = {str(entry.get("name")): entry for entry in loaded.config.source}
    if source in named and named[source].get("kind") == "file":
        raise OperatorError(
            f"a --source that does not read files by itself, for {path}", f"{source} does",
            f"let `jun ingest {source}` read them, with `follow = false` and `live = false`", retry=False,
        )  # fmt: skip
    made = FileSettings(name=source, path=str(Path.cwd() / path))
    if like is not None:
        pattern = settings_of(named[like]) if like in named else None
        if not isinstance(pattern, FileSettings):
            files = [name for name, entry in named.items() if entry.get("kind") == "file"]
            raise OperatorError(
                "--like with the name of a file source", f"the configuration has {', '.join(files) or 'none'}",
                "name one, or add it as [[source]]", retry=False,
            )  # fmt: skip
        made = structs.replace(pattern, name=source, path=made.path)
    return structs.replace(made, follow=False, live=False, ordered=ordered)


def _check_fresh(loaded: Loaded, source: str) -> None:
    """Refuse a log that has begun, unless by an import of the same name that was ended before its end."""
    if (loaded.state / CHECKPOINTS / f"{source}.json").exists():
        return
    records = asyncio.run(records_in(loaded.config, EVENTS))
    if records:
        raise OperatorError(
            "an empty log to import history into",
            f"the topic events has {records:,} records, and time has begun in it",
            f"use a new topics.prefix, or --late for what is not older than {loaded.config.time.horizon_days} d",
            retry=False,
        )  # fmt: skip


def _now() -> int:
    return time.time_ns() // 1_000_000
