"""Reads the dead letters that the topic still has, with their numbers and whether they were sent again."""

from __future__ import annotations

import datetime as dt
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from ops.one_partition import open_topic
from schemas.codec import Reader, UnreadableError
from schemas.deadletter import DeadLetter, Redriven
from schemas.topics import DEADLETTER
from streams.errors import OperatorError
from streams.kafka import plain_errors, topic_name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiokafka import AIOKafkaConsumer, TopicPartition

    from schemas.config import Config

PATIENCE_MS: Final = 1_000
AT_ONCE: Final = 200
"""Records that are held at one time; each may have 64 KiB."""

_letters: Final[Reader[DeadLetter]] = Reader(DeadLetter)
_marks: Final[Reader[Redriven]] = Reader(Redriven)


class Found(Struct, frozen=True):
    """One dead letter: its number, which is its offset in the topic, and whether it was sent again."""

    number: int
    letter: DeadLetter
    redriven: bool


class Wanted(Struct, frozen=True):
    """Which dead letters are meant; what is empty or 0 is any.

    `since` and `until` bound the moment (ms) at which it was refused, `until` not included. `place` is a pattern with
    `*` and `?`. `numbers` names single ones.
    """

    reason: str = ""
    source: str = ""
    place: str = ""
    since: int = 0
    until: int = 0
    numbers: tuple[int, ...] = ()

    def takes(self, number: int, letter: DeadLetter) -> bool:
        """Tell whether this is one of them."""
        return (
            (not self.numbers or number in self.numbers)
            and self.reason in {"", letter.reason}
            and self.source in {"", letter.source}
            and (not self.place or fnmatchcase(letter.place, self.place))
            and self.since <= letter.at
            and (not self.until or letter.at < self.until)
        )


def moment(text: str | None, option: str) -> int:
    """Read `--since` and `--until`: RFC 3339 with its offset, as ms; 0 where nothing is said. Raises OperatorError."""
    if not text:
        return 0
    try:
        found = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise OperatorError(
            f"a time such as 2026-05-31T08:00:00Z in {option}", "something else came", "correct it", retry=False
        )
    return round(found.timestamp() * 1000)


class Letters:
    """The topic as it was when it was opened."""

    def __init__(self, consumer: AIOKafkaConsumer, partition: TopicPartition, beginning: int, end: int) -> None:
        self._consumer = consumer
        self._partition = partition
        self._beginning = beginning
        self._end = end
        self.unreadable = 0
        """Records that are no dead letters; who wrote them is not known."""

    async def find(self, wanted: Wanted) -> AsyncIterator[Found]:
        """Give the letters that are wanted, oldest first. The topic is read twice: marks stand after their letters."""
        marks: dict[int, int] = {}
        async for record in self._records():
            if b'"redriven"' in (record.value or b""):
                try:
                    mark = _marks.read(record.value)
                except UnreadableError:
                    continue
                marks[mark.letter] = mark.written
        self.unreadable = 0
        async for record in self._records():
            try:
                letter = _letters.read(record.value or b"")
            except UnreadableError:
                self.unreadable += not _is_mark(record.value or b"")
                continue
            if wanted.takes(record.offset, letter):
                yield Found(record.offset, letter, marks.get(record.offset) == letter.at)

    async def _records(self) -> AsyncIterator[Any]:
        with plain_errors(f"the topic {self._partition.topic}"):
            self._consumer.seek(self._partition, self._beginning)
            while await self._consumer.position(self._partition) < self._end:
                fetched = await self._consumer.getmany(self._partition, timeout_ms=PATIENCE_MS, max_records=AT_ONCE)
                for records in fetched.values():
                    for record in records:
                        if record.offset < self._end:
                            yield record


@asynccontextmanager
async def open_letters(config: Config) -> AsyncIterator[Letters]:
    """Open the topic up to where it ends now. Raises OperatorError where Kafka or the topic can't be reached."""
    async with open_topic(config, topic_name(config.topics, DEADLETTER)) as stretch:
        yield Letters(*stretch)


def _is_mark(raw: bytes) -> bool:
    try:
        _marks.read(raw)
    except UnreadableError:
        return False
    return True
