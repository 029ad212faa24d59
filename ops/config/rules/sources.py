"""Sources: a name and a kind each, and what their kind says to their settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ops.config.problems import Problem
from ops.config.structure import Salvage
from ops.config.words import sentence, suggestion
from streams.errors import OperatorError
from streams.ingest.source import build, kinds, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.config.locate import Path
    from schemas.config import Config
    from streams.ingest.source import Surroundings

CLOCK: Final = "clock"
"""The ingest agent that sends heartbeats only, so that time moves on though every real source has died."""


def settings(config: Config) -> tuple[list[tuple[int, Any]], list[Problem]]:
    """Give the settings of every source that can be read, with its index, and the problems of the others."""
    good: list[tuple[int, Any]] = []
    problems: list[Problem] = []
    for index, entry in enumerate(config.source):
        wrong = [*_faults(entry, ("source", index))]
        problems += wrong
        if not wrong:
            good.append((index, settings_of(entry)))
    return good, problems


def ready(settings: Any, path: Path, surroundings: Surroundings) -> Iterator[Problem]:
    """Give what a source would ask for as soon as it starts: a secret that is not named, or what goes with it."""
    try:
        for source in build(settings, surroundings):
            prepare = getattr(source, "prepare", None)
            if prepare is not None:
                prepare()
    except OperatorError as error:
        yield Problem(path, f"wants {error.wanted}, but {error.came}: {error.remedy}.")


def names(config: Config) -> Iterator[Problem]:
    """Give sources without a name of their own."""
    seen: dict[str, int] = {}
    for index, entry in enumerate(config.source):
        name = entry.get("name")
        if not isinstance(name, str):
            continue  # the settings of its kind say so
        if name == CLOCK:
            yield Problem(("source", index, "name"), f'"{CLOCK}" is kept for Jun\'s own clock; choose another name.')
        elif seen.setdefault(name, index) != index:
            text = f"is the name of source {seen[name] + 1} as well; names must differ."
            yield Problem(("source", index, "name"), text)


def _faults(entry: dict[str, Any], path: Path) -> Iterator[Problem]:
    kind = entry.get("kind")
    known = kinds()
    if not isinstance(kind, str) or kind not in known:
        came = f"is missing: it must be one of {', '.join(known)}." if kind is None else "is not a kind of source"
        near = "" if kind is None else f"; they are {', '.join(known)}.{suggestion(str(kind), list(known))}"
        yield Problem((*path, "kind"), came + near)
        return
    told = {key: value for key, value in entry.items() if key != "kind"}
    read = Salvage(known[kind].settings, told)
    for problem in read.problems:
        yield Problem((*path, *problem.path), problem.text)
    if not read.problems:
        try:
            settings_of(entry)
        except (ValueError, msgspec.ValidationError) as error:
            yield Problem(path, sentence(str(error)))
