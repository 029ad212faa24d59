"""Sends refused inputs again, through the very reading of their source, so that each has the id that it would have had.

An event lands in the minute of its own time; should it have been sent before, its id makes it count once. What was
taken is marked in the topic after Kafka has it: a crash between the two sends it again, which changes no count.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from ops.deadletters.again import Again
from ops.deadletters.opening import unsealed
from schemas.codec import UnreadableError, encode, event_reader
from schemas.deadletter import Redriven
from schemas.events import Event
from schemas.topics import ACTIVITY, DEADLETTER, EVENTS
from streams.errors import OperatorError
from streams.ingest.intake import DEADLETTER_PARTITION
from streams.ingest.outlet import Record
from streams.ingest.source import RefusedInput, settings_of
from streams.kafka import topic_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator

    from nacl.public import PrivateKey, SealedBox

    from ops.deadletters.letters import Found
    from schemas.deadletter import DeadLetter
    from streams.ingest.outlet import Outlet
    from streams.ingest.pseudonyms import Pseudonyms
    from streams.ingest.source import Surroundings

AT_ONCE: Final = 200
"""Letters that are on their way together; each may have 64 KiB."""
_PLACE: Final = re.compile(rf"^{EVENTS}/(\d+)@\d+$")
_AGENTS: Final = re.compile(rf"^({EVENTS}|{ACTIVITY})/\d+@\d+$")


class Outcome(Struct, frozen=True):
    """What became of one letter: so many events taken, or the reason why not."""

    number: int
    source: str
    accepted: int = 0
    refused: str = ""
    skipped: str = ""


class _NotAgain(Exception):  # noqa: N818 (no error: the reason why a letter stays where it is)
    """This letter can't be redriven; the text says why."""


class Redrive:
    """Redrives letters into an outlet; with `dry` nothing is sent or marked."""

    def __init__(
        self,
        surroundings: Surroundings,
        outlet: Outlet,
        pseudonyms: Pseudonyms,
        box: SealedBox[PrivateKey],
        *,
        dry: bool,
    ) -> None:
        self._surroundings = surroundings
        self._outlet = outlet
        self._pseudonyms = pseudonyms
        self._box = box
        self._dry = dry
        self._again: dict[str, Again] = {}

    async def run(self, letters: AsyncIterable[Found]) -> AsyncIterator[Outcome]:
        """Redrive each; tell what became of it. One that was redriven before is passed over."""
        waiting: list[Found] = []
        async for found in letters:
            waiting.append(found)
            if len(waiting) == AT_ONCE:
                for outcome in await asyncio.gather(*map(self._redriven, waiting)):
                    yield outcome
                waiting.clear()
        for outcome in await asyncio.gather(*map(self._redriven, waiting)):
            yield outcome

    async def _redriven(self, found: Found) -> Outcome:
        if found.redriven:
            return Outcome(found.number, found.letter.source, skipped="it was redriven before")
        try:
            outcome = await self._one(found)
        except _NotAgain as reason:
            return Outcome(found.number, found.letter.source, skipped=str(reason))
        if outcome.accepted and not (outcome.refused or self._dry):
            await self._mark(found)
        return outcome

    async def _one(self, found: Found) -> Outcome:
        letter = found.letter
        if letter.reason == "too_late":
            raise _NotAgain("its minute is past the horizon, and would be so again: `jun replay` counts it")
        if letter.truncated:
            raise _NotAgain(f"only a beginning of its {letter.size} bytes was kept")
        try:
            raw = unsealed(letter, self._box)
        except OperatorError as error:
            raise _NotAgain(error.came) from error
        if _AGENTS.match(letter.place):
            return await self._of_agent(found, raw)
        refused = RefusedInput(raw, letter.place, letter.at, letter.context)
        try:
            accepted, reason = await self._through(letter.source).take(refused)
        except OperatorError as error:
            raise _NotAgain(f"wanted {error.wanted}, but {error.came}") from error
        if not (accepted or reason):
            raise _NotAgain("there is nothing in it that counts")
        return Outcome(found.number, letter.source, accepted, reason)

    async def _of_agent(self, found: Found, raw: bytes) -> Outcome:
        """Put a record that the engagement agent could not read back where it stood, if it can be read by now."""
        place = _PLACE.match(found.letter.place)
        if place is None:
            raise _NotAgain("it is a minute of a region that has passed: `jun replay` makes it anew")
        try:
            event = event_reader.read(raw)
        except UnreadableError as fault:
            return Outcome(found.number, found.letter.source, refused=f"{fault.reason}: {fault}")
        if not isinstance(event, Event):
            raise _NotAgain("it is a heartbeat, of which only the latest says anything")
        if not self._dry:
            topic = topic_name(self._surroundings.config.topics, EVENTS)
            await self._outlet.deliver([Record(topic, int(place[1]), event.region.encode(), raw)])
        return Outcome(found.number, found.letter.source, 1)

    def _through(self, name: str) -> Again:
        known = self._again.get(name)
        if known is None:
            entry = next((one for one in self._surroundings.config.source if one.get("name") == name), None)
            if entry is None:
                raise _NotAgain(f"no source with the name {name} is configured")
            known = self._again[name] = Again(
                settings_of(entry), self._surroundings, self._outlet, self._pseudonyms, dry=self._dry
            )
        if known.read is None:
            raise _NotAgain(f"a source of the kind {known.kind} can't read its inputs again")
        return known

    async def _mark(self, found: Found) -> None:
        letter: DeadLetter = found.letter
        mark = Redriven(letter.source, found.number, letter.at, self._surroundings.clock())
        topic = topic_name(self._surroundings.config.topics, DEADLETTER)
        await self._outlet.deliver([Record(topic, DEADLETTER_PARTITION, letter.source.encode(), encode(mark))])
