"""Makes the plan of a replay and runs it, from where a killed one of the same kind had got."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from ops.replay.progress import Shown
from ops.replay.times import told
from schemas.activity import WINDOWS
from schemas.topics import EVENTS
from streams.errors import OperatorError
from streams.replay.plan import MINUTE, Plan, first_shown
from streams.replay.run import Replay
from streams.replay.stretch import find_stretches
from streams.replay.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.config import Loaded
    from streams.replay.judge import Sink

LEAD: Final = max(WINDOWS.values())
"""Minutes before the begin that are folded as well, unless told otherwise: the longest window."""
NO_END: Final = 1 << 32
"""The end (minute) of a replay up to the end of the log."""


class Wanted(Struct, frozen=True):
    """What an operator wants: times in s since the epoch (no `until`: to the end of the log), lengths in minutes.

    `name` has everything that makes it this replay and no other, for going on after a kill.
    """

    since: int
    until: int | None
    name: tuple[str, ...]
    lead: int = LEAD
    horizon: int = 0
    processes: int = 0
    work: Path | None = None
    afresh: bool = False


def make_plan(loaded: Loaded, wanted: Wanted) -> Plan:
    """Look into the log and make the plan. Raises OperatorError where nothing can be replayed."""
    config = loaded.config
    delay = round(config.time.lateness_seconds)
    begin = first_shown(wanted.since, delay)
    end = NO_END if wanted.until is None else first_shown(wanted.until, delay)
    if begin >= end:
        raise OperatorError(
            "--from before --to",
            f"{told(wanted.since)} and {told(wanted.until or 0)} came",
            "correct them",
            retry=False,
        )  # fmt: skip
    # a simulated organisation has its own clock: Kafka's time says nothing about its events
    since = 0 if loaded.simulated else (begin - wanted.lead) * MINUTE
    stretches = asyncio.run(find_stretches(config, EVENTS, since))
    if all(one.start >= one.stop for one in stretches.values()):
        raise OperatorError(
            f"events since {told(since / 1000)} in the log", "there are none", "see `jun replay topics`", retry=False
        )
    return Plan(
        begin=begin,
        end=end,
        lead=wanted.lead,
        horizon=wanted.horizon,
        delay=delay,
        stretches=stretches,
    )


def shortcomings(plan: Plan) -> list[str]:
    """Say in words what the log no longer has of what the plan wants."""
    known = [one.begins_at for one in plan.stretches.values() if one.begins_at >= 0]
    if not known or not any(one.cut_off for one in plan.stretches.values()):
        return []
    since = max(known) // 1000
    lacking = [
        f"counts over {name} are too small before {told(since + minutes * 60)}"
        for name, minutes in WINDOWS.items()
        if since + minutes * 60 > plan.begin * 60
    ]
    words = [
        (
            f"The log begins at {told(since)}: counters that run since the beginning of the log begin there,"
            " and silence is judged by what came since."
        )
    ]
    return [*words, f"So {'; '.join(lacking)}."] if lacking else words


class Driven(Struct, frozen=True):
    """How a replay went: whether it went on from a kill, records read, what could not be read by its reason."""

    plan: Plan
    resumed: bool
    records: int
    refused: dict[str, int]


def drive(loaded: Loaded, wanted: Wanted, make_sink: Callable[[Plan], Sink], say: Callable[[str], None]) -> Driven:
    """Replay into a sink. Raises OperatorError; called again with the same wish it goes on where it was."""
    name = fingerprint(loaded, wanted)
    work = Work(wanted.work or loaded.state / "replay" / name[:12])
    with work.held():
        cut = None if wanted.afresh else work.begin(name)
        if cut is None:
            work.empty()
            plan = make_plan(loaded, wanted)
        else:
            plan = cut.plan
            say(f"Going on at {told(plan.first_minute(cut.number) * 60)}, where the replay before was ended.")
        for words in shortcomings(plan):
            say(words)
        replay = Replay(
            plan, loaded.config, loaded.directory, make_sink(plan), work, fingerprint=name, processes=wanted.processes
        )
        if cut is not None:
            replay.resume(cut)
        try:
            with Shown(plan) as shown:
                replay.run(shown.show)
        except KeyboardInterrupt:
            kept = work.begin(name)  # what stands there: the signal may have come in the middle of a cut
            say(_stopped(plan, -1 if kept is None else kept.number))
            raise
    return Driven(plan=plan, resumed=cut is not None, records=replay.records, refused=replay.refused)


def _stopped(plan: Plan, committed: int) -> str:
    """Say what an interrupted replay keeps."""
    if committed < 0:
        return "Interrupted before the first two hours were done: the same command begins anew."
    return (
        f"Interrupted: what was done up to {told(plan.first_minute(committed) * 60)} is kept,"
        " and the same command goes on there."
    )


def fingerprint(loaded: Loaded, wanted: Wanted) -> str:
    """Give what tells this replay from others: what is wanted, and everything that its figures depend on."""
    parts: list[Any] = [wanted.name, wanted.lead, wanted.horizon, loaded.config, loaded.directory]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()
