"""`jun deadletter`: refused inputs, listed, looked into and sent again."""

from __future__ import annotations

import asyncio
import datetime as dt
import sys
import time
from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)
from typing import TYPE_CHECKING, Final, get_args

import msgspec

from ops.config import load
from ops.deadletters.letters import Found, Wanted, moment, open_letters
from ops.deadletters.opening import open_box, unsealed
from ops.deadletters.redrive import Outcome, Redrive
from schemas.deadletter import Reason
from schemas.topics import EVENTS
from streams.errors import OperatorError
from streams.ingest.agent import keys
from streams.ingest.producer import Producer
from streams.ingest.source import Surroundings
from streams.kafka import topic_name

if TYPE_CHECKING:
    from nacl.public import PrivateKey, SealedBox

    from ops.config import Loaded

PATIENCE: Final = 10.0
"""Seconds for the last acknowledgements."""


def list_(  # noqa: PLR0913 (a command's options are its arguments)
    *,
    reason: str = "",
    source: str = "",
    place: str = "",
    since: str | None = None,
    until: str | None = None,
    open_only: bool = False,
    json: bool = False,
    config: Path | None = None,
) -> None:
    """List refused inputs, oldest first: number, time, source, reason, place, what was wanted. No key is needed.

    Parameters
    ----------
    reason
        Only this reason.
    source
        Only this source; `events` and `activity` for what the agents refused.
    place
        Only places like this, with * and ?; for instance "tweets.csv*".
    since
        Refused at or after this time (RFC 3339).
    until
        Refused before this time (RFC 3339).
    open_only
        Leave out what was redriven.
    json
        One JSON object a line.
    config
        File of the configuration; ./jun.toml where none is named.
    """
    wanted = _wanted(reason, source, place, since, until)
    asyncio.run(_list(load(config), wanted, open_only=open_only, json=json))


def show(number: int, /, *, private_key: Path | None = None, config: Path | None = None) -> None:
    """Show one refused input as it came in; this needs the private key. What it holds may be about people.

    Parameters
    ----------
    number
        Its number in `jun deadletter list`.
    private_key
        File of the private key; without it the environment variable JUN_DEADLETTER_PRIVATE_KEY holds the key.
    config
        File of the configuration; ./jun.toml where none is named.
    """
    box = open_box(private_key)
    found = asyncio.run(_first(load(config), number))
    print(_told(found), file=sys.stderr, flush=True)  # noqa: T201 (the answer)
    sys.stdout.buffer.write(unsealed(found.letter, box))
    sys.stdout.flush()


def redrive(  # noqa: PLR0913 (a command's options are its arguments)
    *numbers: int,
    reason: str = "",
    source: str = "",
    place: str = "",
    since: str | None = None,
    until: str | None = None,
    private_key: Path | None = None,
    dry_run: bool = False,
    config: Path | None = None,
) -> int:
    """Send refused inputs again, once their cause is mended; each lands in its own minute and counts once.

    Exit code 1 where something was refused again. Needs the private key, and the pseudonyms' key that ingest has.

    Parameters
    ----------
    numbers
        Numbers in `jun deadletter list`; without one, all that the other options let through.
    reason
        Only this reason.
    source
        Only this source; `events` for what the engagement agent refused.
    place
        Only places like this, with * and ?.
    since
        Refused at or after this time (RFC 3339).
    until
        Refused before this time (RFC 3339).
    private_key
        File of the private key; without it the environment variable JUN_DEADLETTER_PRIVATE_KEY holds the key.
    dry_run
        Only tell what would be taken.
    config
        File of the configuration; ./jun.toml where none is named.
    """
    wanted = msgspec.structs.replace(_wanted(reason, source, place, since, until), numbers=numbers)
    if wanted == Wanted():
        raise OperatorError(
            "to know what to redrive",
            "neither a number nor a filter was named",
            'name one, for instance --source tweets, or --place "*" for everything',
            retry=False,
        )
    box = open_box(private_key)
    outcomes = asyncio.run(_redrive(load(config), wanted, box, dry=dry_run))
    for line in _summary(outcomes, dry=dry_run):
        print(line)  # noqa: T201 (the answer)
    return 1 if any(one.refused for one in outcomes) else 0


def _wanted(reason: str, source: str, place: str, since: str | None, until: str | None) -> Wanted:
    if reason and reason not in get_args(Reason):
        raise OperatorError(
            f"a --reason out of {', '.join(get_args(Reason))}", "another one came", "correct it", retry=False
        )
    return Wanted(
        reason=reason, source=source, place=place, since=moment(since, "--since"), until=moment(until, "--until")
    )


async def _list(loaded: Loaded, wanted: Wanted, *, open_only: bool, json: bool) -> None:
    shown = 0
    async with open_letters(loaded.config) as letters:
        async for found in letters.find(wanted):
            if open_only and found.redriven:
                continue
            shown += 1
            print(_as_json(found) if json else _told(found))  # noqa: T201 (the answer)
        unreadable = letters.unreadable
    if not json:
        plural = "" if shown == 1 else "s"
        print(f"{shown} dead letter{plural}" + (f"; {unreadable} records are none" if unreadable else ""))  # noqa: T201


async def _first(loaded: Loaded, number: int) -> Found:
    async with open_letters(loaded.config) as letters:
        async for found in letters.find(Wanted(numbers=(number,))):
            return found
    raise OperatorError(
        f"the dead letter {number}", "the topic has none of that number", "see `jun deadletter list`", retry=False
    )


async def _redrive(loaded: Loaded, wanted: Wanted, box: SealedBox[PrivateKey], *, dry: bool) -> list[Outcome]:
    config = loaded.config
    pseudonyms, _ = keys(config.privacy)
    producer = Producer(config.kafka, topic_name(config.topics, EVENTS))
    await producer.start()
    surroundings = Surroundings(config, loaded.directory, loaded.folder, lambda: time.time_ns() // 1_000_000)
    work = Redrive(surroundings, producer, pseudonyms, box, dry=dry)
    try:
        async with open_letters(config) as letters:
            return [outcome async for outcome in work.run(letters.find(wanted))]
    finally:
        await producer.close(PATIENCE)


def _summary(outcomes: list[Outcome], *, dry: bool) -> list[str]:
    events = sum(one.accepted for one in outcomes)
    taken = sum(bool(one.accepted) for one in outcomes)
    lines = [f"{one.number} of {one.source} refused again, {one.refused}" for one in outcomes if one.refused]
    lines += [f"{one.number} of {one.source} left, {one.skipped}" for one in outcomes if one.skipped]
    would = "would be taken" if dry else "taken"
    lines.append(f"{events} events of {taken} dead letters {would}, out of {len(outcomes)}")
    return lines


def _told(found: Found) -> str:
    letter = found.letter
    at = dt.datetime.fromtimestamp(letter.at / 1000, dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    input_ = f"{letter.size} bytes" + ("" if letter.sealed else ", not kept") + (", cut" if letter.truncated else "")
    state = ", redriven" if found.redriven else ""
    return f"{found.number}  {at}  {letter.source}  {letter.reason}  {letter.place}  ({input_}{state}): {letter.detail}"


def _as_json(found: Found) -> str:
    letter = found.letter
    fields = {
        "number": found.number,
        "at": letter.at,
        "source": letter.source,
        "reason": letter.reason,
        "place": letter.place,
        "detail": letter.detail,
        "size": letter.size,
        "kept": bool(letter.sealed),
        "truncated": letter.truncated,
        "fingerprint": letter.fingerprint,
        "redriven": found.redriven,
    }
    return msgspec.json.encode(fields).decode()
