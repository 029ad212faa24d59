"""The limits: the least that has to be done in Python, with nothing durable, no framework and the collector off.

`python -m benchmarks.limits WHICH BOOTSTRAP TOPIC RESULT` reads the topic to its end on one core, WHICH being
`getmany` (aiokafka's, values not even looked at), `fold` (record batches, typed decode, a plain fold by event, people
made distinct when a minute closes) or `columnar` (numbers in columns, sorted when minutes close). Heartbeats close
minutes, as they do for everybody. It says `first` and `done`; the rows go to the file RESULT.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.load import PARTITIONS
from schemas.activity import WHOLE
from schemas.codec import event_reader
from schemas.events import COUNTING_KINDS, Event
from streams.fetch import check_consumer, fetch_runs
from streams.receive import receive_in_place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from schemas.events import Heartbeat

MINUTE: Final = 60_000
CHUNK: Final = 1_024
TOGETHER: Final = 10
"""Minutes that the columns close at once: fewer, larger sorts."""
TAG_BITS: Final = 20
PERSON_BITS: Final = 30
NOBODY: Final = -1

Line = tuple[str, str, int, int, int]


def closed_to(heartbeat: Heartbeat) -> int:
    """Give the minute before which a heartbeat closes everything. Both sources of the load beat together."""
    return (heartbeat.complete_to - heartbeat.lateness) // MINUTE


class PlainFold:
    """By event: ids in a set, and for each tag a list of who took part (None where the event counts nobody)."""

    def __init__(self) -> None:
        self.rows: list[Line] = []
        self._open: dict[int, dict[str, tuple[set[str], dict[str, list[str | None]]]]] = {}
        self._closed = 0

    def fold(self, values: Sequence[Any]) -> None:
        """Fold one run."""
        decode = event_reader.decode_today
        minutes = self._open
        for raw in values:
            event = decode(raw)
            if type(event) is not Event:
                if closed_to(event) > self._closed:
                    self._close(closed_to(event))
                continue
            minute = event.at // MINUTE
            regions = minutes.get(minute)
            if regions is None:
                regions = minutes[minute] = {}
            found = regions.get(event.region)
            if found is None:
                found = regions[event.region] = (set(), {WHOLE: []})
            ids, series = found
            if event.id in ids:
                continue
            ids.add(event.id)
            who = event.actor if event.kind in COUNTING_KINDS and event.role != "bot" else None
            series[WHOLE].append(who)
            for tag in event.tags:
                people = series.get(tag)
                if people is None:
                    series[tag] = [who]
                else:
                    people.append(who)

    def finish(self) -> None:
        """Nothing is left: the load's last heartbeats have closed everything."""

    def _close(self, bound: int) -> None:
        self._closed = bound
        for minute in sorted(minute for minute in self._open if minute < bound):
            for region, (_, series) in self._open.pop(minute).items():
                for tag, people in series.items():
                    distinct = set(people)
                    distinct.discard(None)
                    self.rows.append((region, tag, minute, len(people), len(distinct)))


class ColumnarFold:
    """By columns: names become numbers in each chunk, and everything else is sorting of packed 64-bit keys.

    Ids are compared by Python's hash; where two are equal the ids themselves decide.
    """

    def __init__(self) -> None:
        self.rows: list[Line] = []
        self._regions: dict[str, int] = {}
        self._people: dict[str, int] = {}
        self._tags: dict[str, int] = {WHOLE: 0}
        self._columns: list[tuple[NDArray[np.int64], ...]] = []
        self._ids: list[list[str]] = []
        self._closed = self._bound = 0

    def fold(self, values: Sequence[Any]) -> None:
        """Fold one run."""
        decode = event_reader.decode_today
        for start in range(0, len(values), CHUNK):
            records = [decode(raw) for raw in values[start : start + CHUNK]]
            events: list[Any] = [record for record in records if type(record) is Event]
            if events:
                self._take(events)
            self._bound = max((closed_to(beat) for beat in records if type(beat) is not Event), default=self._bound)
            if self._bound >= self._closed + TOGETHER:
                self._close(self._bound)

    def finish(self) -> None:
        """Close what the last heartbeat closes."""
        self._close(self._bound)

    def _take(self, events: list[Any]) -> None:
        tags = [event.tags for event in events]
        ids = [event.id for event in events]
        self._ids.append(ids)
        who = [event.actor if event.kind in COUNTING_KINDS and event.role != "bot" else "" for event in events]
        self._columns.append(
            (
                _numbers(self._regions, [event.region for event in events]),
                np.array([event.at for event in events]) // MINUTE,
                np.array(list(map(hash, ids))),
                np.where([bool(actor) for actor in who], _numbers(self._people, who), NOBODY),
                np.array(list(map(len, tags))),
                _numbers(self._tags, list(chain.from_iterable(tags))),
            )
        )

    def _close(self, bound: int) -> None:
        self._closed = bound
        if not self._columns:
            return
        region, minute, hashed, person, lengths, tags = (
            np.concatenate([chunk[place] for chunk in self._columns]) for place in range(6)
        )
        ids = list(chain.from_iterable(self._ids))
        done = minute < bound
        tags_done = np.repeat(done, lengths)
        left = np.flatnonzero(~done)
        self._columns = [(*(column[left] for column in (region, minute, hashed, person, lengths)), tags[~tags_done])]
        self._ids = [[ids[place] for place in left.tolist()]]
        if len(left) == len(minute):
            return
        distinct = done & ~_repeats(hashed, ids)
        used = np.repeat(distinct, lengths)
        # Packed as minute, region, tag, and below that the person; checked, since a carry would be silent.
        assert len(self._tags) < 1 << TAG_BITS
        assert len(self._people) < 1 << PERSON_BITS
        first = int(minute[done].min())
        place = ((minute - first) * len(self._regions) + region) << TAG_BITS
        assert int(place.max()) < 1 << 63 - PERSON_BITS
        row = np.concatenate([place[distinct], np.repeat(place, lengths)[used] | tags[used]])
        people = np.concatenate([person[distinct], np.repeat(person, lengths)[used]])
        self._emit(first, row, people)

    def _emit(self, first: int, row: NDArray[np.int64], people: NDArray[np.int64]) -> None:
        pairs = (row << PERSON_BITS | people)[people != NOBODY]
        pairs.sort()
        pairs = pairs[np.diff(pairs, prepend=-1) != 0] >> PERSON_BITS
        row.sort()
        starts = np.flatnonzero(np.diff(row, prepend=-1))
        keys = row[starts]
        events = np.diff(starts, append=len(row)).tolist()
        distinct = (np.searchsorted(pairs, keys, "right") - np.searchsorted(pairs, keys)).tolist()
        minutes, regions = np.divmod(keys >> TAG_BITS, len(self._regions))
        region_names, tag_names = list(self._regions), list(self._tags)
        self.rows.extend(
            zip(
                [region_names[number] for number in regions.tolist()],
                [tag_names[number] for number in (keys & (1 << TAG_BITS) - 1).tolist()],
                (minutes + first).tolist(),
                events,
                distinct,
                strict=True,
            )
        )


def _numbers(known: dict[str, int], names: list[str]) -> NDArray[np.int64]:
    try:
        return np.array([known[name] for name in names], np.int64)
    except KeyError:
        for name in names:
            if name not in known:
                known[name] = len(known)
        return np.array([known[name] for name in names], np.int64)


def _repeats(hashed: NDArray[np.int64], ids: list[str]) -> NDArray[np.bool_]:
    """Tell of each event whether its id came before: equal hashes are suspects, equal ids are proof."""
    order = np.argsort(hashed, kind="stable")
    suspects = np.flatnonzero(np.diff(hashed[order]) == 0)
    repeated = np.zeros(len(hashed), bool)
    seen: set[str] = set()
    for place in np.unique(np.concatenate([order[suspects], order[suspects + 1]])).tolist():
        repeated[place] = ids[place] in seen
        seen.add(ids[place])
    return repeated


def tell(word: str) -> None:
    """Say to the harness how far it is."""
    print(word, flush=True)


async def read(bootstrap: str, topic: str, folds: Mapping[int, Any]) -> int:
    """Read the topic to its end, each partition that has a fold into it, or all by getmany where there is none."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        check_consumer(consumer)
        if folds:  # getmany is measured as it is
            receive_in_place(consumer)
        partitions = [TopicPartition(topic, number) for number in folds or range(PARTITIONS)]
        ends = await consumer.end_offsets(partitions)
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        total = sum(ends.values())
        count = 0
        gc.collect()
        gc.freeze()
        gc.disable()
        while count < total:
            if folds:
                for partition, run in (await fetch_runs(consumer, wait=5.0)).items():
                    if not count:
                        tell("first")
                    folds[partition.partition].fold(run.values)
                    count += len(run.values)
            else:
                for records in (await consumer.getmany(timeout_ms=5_000)).values():
                    if not count:
                        tell("first")
                    count += len(records)
        for fold in folds.values():
            fold.finish()
        tell("done")
    finally:
        await consumer.stop()
    return count


def main() -> None:
    """Run the limit that the command line names."""
    which, bootstrap, topic, result = sys.argv[1:]
    kinds: dict[str, Any] = {"fold": PlainFold, "columnar": ColumnarFold}
    folds = {number: kinds[which]() for number in range(PARTITIONS)} if which in kinds else {}
    count = asyncio.run(read(bootstrap, topic, folds))
    if folds:
        write_rows(folds.values(), Path(result))
    else:
        Path(result).write_text(str(count), "utf-8")


def write_rows(folds: Iterable[Any], result: Path) -> None:
    """Write the rows of all folds, as benchmarks.truth reads them."""
    result.write_text("\n".join("\t".join(map(str, row)) for fold in folds for row in fold.rows), "utf-8")


if __name__ == "__main__":
    main()
