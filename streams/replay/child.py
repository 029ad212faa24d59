"""One process of a replay: reads some partitions, always the one that is furthest behind, and gives what they publish.

No consumer group, no commits: the partitions are assigned and sought. What it gives goes through a pipe, which holds
it back when the parent is slower.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import signal
import termios
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct

from schemas.config import Config
from schemas.directory import Directory
from schemas.topics import EVENTS
from streams.errors import OperatorError
from streams.fetch import Run, check_consumer, fetch_runs
from streams.kafka import client_arguments, plain_errors, start_client, topic_name
from streams.measures.engagement.entries import flush
from streams.measures.engagement.layout import engagement_settings
from streams.receive import receive_in_place
from streams.replay.merge import UNKNOWN
from streams.replay.partition import Out, PartitionReplay
from streams.replay.plan import Plan
from streams.replay.work import DONE, Work

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

SLICE: Final = 2_000
"""Records folded at once, so that what a partition gives stays small and none gets far ahead."""
FETCH_BYTES: Final = 4 << 20
"""Bytes of one partition in a fetch: with a quarter of it a process waited half of its time (docs/decisions/0007)."""
PIPE_BYTES: Final = 1 << 20
"""What a pipe to the parent holds, so that folding goes on while the parent judges; Linux lets everybody have that."""
LEAD: Final = 30
"""Minutes that a partition may be ahead of the one furthest behind while the records of that one are on their way."""
TURNS: Final = 4
"""Turns of the event loop between two slices: in each a connection gives what its socket holds of FETCH_BYTES."""
WAIT_SECONDS: Final = 30.0
"""For how long nothing may come of a partition that has more."""


class Task(Struct, frozen=True):
    """What a child is to do; `cuts` has the last cut of each partition, -1 for none."""

    config: Config
    directory: Directory
    plan: Plan
    cuts: dict[int, int]
    folder: str


class Message(Struct, frozen=True, array_like=True, gc=False, tag="given"):
    """What a partition has given, and how far it is: the minute before which all is given, a cut if there was one."""

    partition: int
    outs: list[Out]
    progress: int
    cut: int
    records: int
    refused: dict[str, int]


class Failure(Struct, frozen=True, array_like=True, tag="failed"):
    """Why a child could not go on: the parts of an OperatorError."""

    wanted: str
    came: str
    remedy: str
    retry: bool


encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(Message | Failure).decode


class Lane:
    """One partition: its fold, and the run that is being folded."""

    def __init__(self, place: TopicPartition, replay: PartitionReplay, cut: int) -> None:
        self.place = place
        self.replay = replay
        self.cut = cut
        self.told = UNKNOWN
        """The progress that the parent knows."""
        self.untold = 0
        """Records that were read since."""
        self._run: Run | None = None
        self._at = 0

    @property
    def hungry(self) -> bool:
        """Whether it wants the next run."""
        return self._run is None

    def feed(self, run: Run) -> None:
        """Take the next run. Raises OperatorError where records are gone that it should have had."""
        if run.start != self.replay.read_to:
            raise OperatorError(
                f"the records of {self.place.topic}/{self.place.partition} from {self.replay.read_to}",
                f"Kafka has them from {run.start} on: retention was faster",
                "name a later --from", retry=False,
            )  # fmt: skip
        self._run, self._at = run, 0

    def fold(self) -> list[Out]:
        """Fold the next slice; give what it publishes."""
        run = self._run
        if run is None:
            return []
        offsets, values = _slice(run, self._at, self.replay.stop)
        self._at += SLICE
        if self._at >= len(run.values) or len(offsets) < SLICE:
            self._run = None
            next_offset = run.next_offset
        else:
            next_offset = offsets[-1] + 1
        self.untold += len(offsets)
        return self.replay.take(offsets, values, next_offset)


def _slice(run: Run, begin: int, stop: int) -> tuple[Sequence[int], Sequence[bytes | None]]:
    offsets = run.offsets[begin : begin + SLICE]
    values = run.values[begin : begin + SLICE]
    if offsets and offsets[-1] >= stop:
        keep = sum(offset < stop for offset in offsets)
        return offsets[:keep], values[:keep]
    return offsets, values


class Child:
    """Reads and folds until all of its partitions are done."""

    def __init__(self, task: Task, pipe: Connection) -> None:
        self._task = task
        self._pipe = pipe
        self._work = Work(Path(task.folder))
        topic = topic_name(task.config.topics, EVENTS)
        self._lanes = [self._lane(TopicPartition(topic, partition), cut) for partition, cut in task.cuts.items()]

    def _lane(self, place: TopicPartition, cut: int) -> Lane:
        name = _name(place.partition)
        self._work.drop_after(name, cut)
        settings = engagement_settings(place.partition, self._task.config, self._task.directory)
        entries = self._work.read_entries(name, cut)
        return Lane(place, PartitionReplay(settings, entries, self._task.plan, place.partition), cut)

    async def run(self) -> None:
        """Read to the end."""
        kafka = self._task.config.kafka
        consumer = AIOKafkaConsumer(
            **client_arguments(kafka),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        await start_client(consumer, kafka)
        try:
            check_consumer(consumer)
            receive_in_place(consumer)
            with plain_errors("to read the log"):
                await self._read(consumer)
        finally:
            await consumer.stop()

    async def _read(self, consumer: Any) -> None:
        consumer.assign([lane.place for lane in self._lanes])
        for lane in self._lanes:
            consumer.seek(lane.place, lane.replay.read_to)
        gc.collect()
        gc.freeze()
        gc.disable()
        for lane in self._lanes:
            await self._send(lane, [])
        while behind := [lane for lane in self._lanes if not lane.replay.done]:
            lane = await self._next(consumer, behind)
            outs = lane.fold()
            if outs or lane.replay.progress != lane.told:
                await self._send(lane, outs)
            else:
                await asyncio.sleep(0)  # what is fetched comes in meanwhile
            if lane.replay.done:
                consumer.pause(lane.place)

    async def _next(self, consumer: Any, behind: Sequence[Lane]) -> Lane:
        """Give the lane to fold next: of those that have records the one that is furthest behind.

        What has come is taken at once, so that the next of it is fetched meanwhile. Nobody is waited for while another
        can go on that is not LEAD ahead.
        """
        while True:
            hungry = [lane for lane in behind if lane.hungry]
            last = min(lane.replay.progress for lane in behind)
            able = [lane for lane in behind if not lane.hungry and lane.replay.progress <= last + LEAD]
            if hungry:
                places = [lane.place for lane in hungry]
                for _ in range(TURNS if able else 0):
                    await asyncio.sleep(0)
                runs = await fetch_runs(consumer, places, wait=0.0 if able else WAIT_SECONDS)
                if not runs and not able:
                    raise OperatorError(
                        f"the records of {places[0].topic}/{places[0].partition}",
                        f"none came for {WAIT_SECONDS:.0f} s", "see to Kafka, and start the replay again: it goes on",
                        retry=True,
                    )  # fmt: skip
                for lane in hungry:
                    if lane.place in runs:
                        lane.feed(runs[lane.place])
                        able += [lane] if lane.replay.progress <= last + LEAD else []
            if able:
                return min(able, key=lambda one: one.replay.progress)

    async def _send(self, lane: Lane, outs: list[Out]) -> None:
        """Give what there is; waits where the parent is behind."""
        replay, cut = lane.replay, -1
        if replay.done:
            cut = DONE
        elif (closed_to := replay.fold.position.closed_to) >= 0:
            window = self._task.plan.window_of(closed_to)
            if window > lane.cut:
                self._work.write_delta(_name(lane.place.partition), window, flush(replay.fold))
                gc.collect(1)
                cut = lane.cut = window
        refused, replay.refused = replay.refused, {}
        message = Message(lane.place.partition, outs, replay.progress, cut, lane.untold, refused)
        lane.told, lane.untold = replay.progress, 0
        content = encode(message)
        if self._waiting_bytes() + len(content) < PIPE_BYTES:
            self._pipe.send_bytes(content)  # there is room: a thread would cost more
        else:
            await asyncio.to_thread(self._pipe.send_bytes, content)

    def _waiting_bytes(self) -> int:
        """Give how much the parent has not yet taken out of the pipe."""
        waiting = array("i", [0])
        fcntl.ioctl(self._pipe.fileno(), termios.FIONREAD, waiting)
        return waiting[0]


def _name(partition: int) -> str:
    return f"events-{partition}"


def main(task: Task, pipe: Connection) -> None:
    """Run a child; what stops it is told through the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    try:
        asyncio.run(Child(task, pipe).run())
    except OperatorError as error:
        pipe.send_bytes(encode(Failure(error.wanted, error.came, error.remedy, error.retry)))
    except BrokenPipeError:
        return  # the parent is gone
    finally:
        pipe.close()
