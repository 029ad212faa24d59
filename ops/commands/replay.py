"""`jun replay`: the past with today's eyes, and what there is of it."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import time
from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter
from msgspec import Struct, structs
from rich.console import Console

from ops.config import load
from ops.replay import topics as look_at_topics
from ops.replay.blocks import check_bounds
from ops.replay.drive import LEAD, Driven, Wanted, drive
from ops.replay.outputs import Kind, Series, target_labels
from ops.replay.times import length, when
from ops.replay.verify import Verify
from ops.replay.what_if import Listen, compare, summary
from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.config import Loaded
    from schemas.regions import Transition
    from streams.replay.plan import Plan

MINUTE: Final = 60
RETENTION: Final = "15d"
"""Prometheus's own, where nothing is set."""
LABEL: Final = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
WIDTH: Final = 120
SHOWN: Final = 200
"""Differences that are printed; the rest is counted."""

app = App(name="replay", help="Fold a stretch of the log again, with today's program and configuration.")


@app.default
def replay(  # noqa: PLR0913 (a command's options are its arguments)
    *,
    since: Annotated[str, Parameter(name="--from")],
    to: str | None = None,
    out: tuple[Kind, str] | None = None,
    verify: bool = False,
    other: Annotated[Path | None, Parameter(name="--with")] = None,
    label: list[str] | None = None,
    retention: str = RETENTION,
    lead: str | None = None,
    processes: int = 0,
    work: Path | None = None,
    afresh: bool = False,
    config: Path | None = None,
) -> int:
    """Fold a stretch of the log again. Nothing is written to Kafka. Killed and started again it goes on.

    Parameters
    ----------
    since
        Begin: a time (RFC 3339), or how long ago, as in 7d.
    to
        End, in the same way; the end of the log where none is named.
    out
        What to write, and where: om DIR, blocks DIR, remote-write URL or parquet DIR.
    verify
        Compare with what was published live; exit code 1 where something differs.
    other
        Another configuration: tell which alerts would have come, gone, moved by it; --out writes its series.
    label
        Further label, NAME=VALUE, of every series; job and instance are those of a scrape, unless named here.
    retention
        That of your Prometheus, for blocks.
    lead
        How much before the begin is folded as well; the longest window, 28d, where none is named.
    processes
        Processes that fold; one for each core where none is named.
    work
        Folder for going on after a kill; under the state folder where none is named.
    afresh
        Begin anew, even where a killed replay could go on.
    config
        File of the configuration; ./jun.toml where none is named.
    """
    if (out is None) == (not verify) and other is None:
        raise OperatorError("either --out, --verify or --with", "none or two came", "name one", retry=False)
    if verify and other is not None:
        raise OperatorError("either --verify or --with", "both came", "name one", retry=False)
    now = int(time.time())
    loaded = load(config)
    wanted = Wanted(
        since=when(since, "--from", now),
        until=None if to is None else when(to, "--to", now),
        name=(since, to or ""),
        lead=LEAD if lead is None else length(lead, "--lead") // MINUTE,
        processes=processes,
        work=work,
        afresh=afresh,
    )
    if verify:
        return _verify(loaded, wanted)
    target = None if out is None else _Target(*out, _labels(loaded, label or ()))
    if target is not None and target.kind == "blocks":
        check_bounds(wanted.since, now if wanted.until is None else wanted.until, now, length(retention, "--retention"))
    if other is not None:
        return _what_if(loaded, wanted, other, target)
    return _write(loaded, wanted, target) if target is not None else 2


@app.command
def topics(*, config: Path | None = None) -> int:
    """Tell what can be replayed, and how far back.

    Parameters
    ----------
    config
        File of the configuration; ./jun.toml where none is named.
    """
    settings = load(config).config
    found = asyncio.run(look_at_topics.look(settings))
    Console(width=WIDTH).print(look_at_topics.table(settings, found, time.time()))
    _say(*look_at_topics.complete_since(found))
    return 0


class _Target(Struct, frozen=True):
    kind: Kind
    place: str
    labels: dict[str, str]

    @property
    def name(self) -> tuple[str, ...]:
        return self.kind, self.place, *(f"{name}={value}" for name, value in sorted(self.labels.items()))


def _write(loaded: Loaded, wanted: Wanted, target: _Target) -> int:
    series = Series(loaded, target.kind, target.place, target.labels)
    done = drive(loaded, _named(wanted, *target.name), series.sink, _say)
    if not series.samples:
        raise OperatorError(
            "minutes between --from and --to that the log tells of", f"none came of {done.records:,} records",
            "see `jun replay topics` for how far back it goes", retry=False,
        )  # fmt: skip
    _say(*_told(done), *series.told())
    return 0 if series.sound else 1


def _verify(loaded: Loaded, wanted: Wanted) -> int:
    wanted = structs.replace(wanted, horizon=loaded.config.time.horizon_days * 24 * MINUTE)
    sinks: list[Verify] = []

    def make(plan: Plan) -> Verify:
        sinks.append(Verify(plan, loaded.config, 0 if loaded.simulated else wanted.since * 1_000))
        return sinks[-1]

    done = drive(loaded, _named(wanted, "verify"), make, _say)
    known = sinks[-1].known
    for difference in known.differences[:SHOWN]:
        _say(str(difference))
    if not known.compared and not known.differing:
        raise OperatorError(
            "something that was published live between --from and --to",
            f"none came to compare {done.records:,} records with", "see `jun replay topics` for how far back it goes",
            retry=False,
        )  # fmt: skip
    compared = ", ".join(f"{count:,} of {topic}" for topic, count in sorted(known.compared.items())) or "nothing"
    more = f"; {known.differing - SHOWN:,} more are not shown" if known.differing > SHOWN else ""
    _say(*_told(done), f"Compared: {compared}. {known.differing or 'No'} values differ{more}.")
    return 1 if known.differing else 0


def _what_if(loaded: Loaded, wanted: Wanted, other: Path, target: _Target | None) -> int:
    theirs = load(other)
    # the log is that of this installation, and so is where it stands
    config = structs.replace(
        theirs.config, kafka=loaded.config.kafka, topics=loaded.config.topics, state=loaded.config.state
    )
    then = dataclasses.replace(loaded, config=config, directory=theirs.directory)
    if target is not None:
        _write(then, wanted, target)
    before = _listen(loaded, _named(wanted, "as it is"))
    after = _listen(then, _named(wanted, "with", str(other)))
    _say(*summary(compare(before, after)))
    return 0


def _listen(loaded: Loaded, wanted: Wanted) -> Sequence[Transition]:
    sinks: list[Listen] = []

    def make(plan: Plan) -> Listen:
        sinks.append(Listen(plan))
        return sinks[-1]

    _say(*_told(drive(loaded, wanted, make, _say)))
    return sinks[-1].transitions


def _named(wanted: Wanted, *more: str) -> Wanted:
    return structs.replace(wanted, name=(*wanted.name, *more))


def _labels(loaded: Loaded, given: Sequence[str]) -> dict[str, str]:
    labels = target_labels(loaded)
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not LABEL.fullmatch(name):
            raise OperatorError("--label NAME=VALUE", f"{one!r} came", "correct it", retry=False)
        labels[name] = value
    return {name: value for name, value in labels.items() if value}


def _told(done: Driven) -> list[str]:
    words = [f"{done.records:,} records were read."]
    if done.refused:
        refused = ", ".join(f"{count:,} {reason}" for reason, count in sorted(done.refused.items()))
        words.append(f"Not taken, as live: {refused}.")
    return words


def _say(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)  # noqa: T201 (the answer)
