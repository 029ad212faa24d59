"""The engagement fold in bulk: whatever the size of a run, it gives what the plainest count gives."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
import pytest
from msgspec import structs

from schemas.activity import WINDOWS, Activity
from schemas.codec import encode
from schemas.events import Event, Heartbeat, Status
from streams import compiled
from streams.measures.engagement import open_minutes
from streams.measures.engagement.bucket import Bucket, pack, unpack
from streams.measures.engagement.columns import ID_BYTES
from streams.measures.engagement.entries import flush, restore
from streams.measures.engagement.fold import PartitionFold, Settings
from streams.measures.engagement.open_minutes import TOGETHER
from streams.measures.engagement.output import Output
from streams.measures.engagement.pairs import FIRST, NEVER, LastMinutes
from tests.measures.naive import MINUTE, NaiveFold
from tests.measures.one_by_one import one_by_one

if TYPE_CHECKING:
    from numpy.typing import NDArray

BEGIN = 29_000_000
CAMPAIGNS = {"tag1": ("c",), "tag2": ("c", "d")}
SETTINGS = Settings([("a", 0, 1), ("b", 0, 1)], CAMPAIGNS, 60)
KINDS = ("post", "reply", "reshare", "reaction", "view")


def busy_log(seed: int, width: int = 0) -> list[Event | Heartbeat]:
    """Write three busy minutes of two regions: repeats, late events, bots, tags given twice, forms of tags.

    `width` is to how many characters ids and actors are filled up; with ID_BYTES they are as ingest agents write them.
    """
    chance = random.Random(seed)
    log: list[Event | Heartbeat] = [Heartbeat("s", "ok", BEGIN * MINUTE, BEGIN * MINUTE, lateness=0)]
    events: list[Event] = []
    for number in range(3_000):
        if events and chance.random() < 0.05:
            log.append(chance.choice(events[-900:]))
            continue
        tags = tuple(f"tag{chance.randrange(6)}" for _ in range(chance.choice([0, 0, 1, 1, 2, 3])))
        event = Event(
            id=f"e{number}".rjust(width, "-"),
            at=BEGIN * MINUTE + number * 60 - (70_000 if chance.random() < 0.01 and number > 1_200 else 0),
            region="a" if chance.random() < 0.8 else "b",
            actor=f"person{chance.randrange(200)}".rjust(width, "-"),
            kind=chance.choice(KINDS),
            source="st"[number % 2],
            tags=tags,
            labels=tuple(chance.choice([tag, tag.upper()]) for tag in tags[: chance.choice([3, 3, 1])]),
            role=chance.choice(["person", "person", "person", "bot"]),
            machine=chance.random() < 0.1,
        )
        events.append(event)
        log.append(event)
        if number % 100 == 99:
            at = event.at // MINUTE * MINUTE
            log.append(Heartbeat("s", "ok", at, at, lateness=0))
    end = (BEGIN + 5) * MINUTE
    return [*log, Heartbeat("s", "ok", end, end, lateness=0)]


def fold_in_runs(log: list[bytes], run: int, crash_after: int = -1) -> list[Activity]:
    """Fold the log in runs; with a crash, from what was flushed in the run before it."""
    fold, table, published = PartitionFold(SETTINGS), {}, []
    at = 0
    while at < len(log):
        output = fold.fold(range(at, at + len(log[at : at + run])), log[at : at + run])
        published += [one for one in output.published if isinstance(one, Activity)]
        at += run
        if at // run == crash_after:
            for step in flush(fold).steps():
                table |= dict(step)
            fold = restore(SETTINGS, table)
            at = fold.position.start
            crash_after = -1
    return published


@pytest.mark.parametrize("width", [0, ID_BYTES])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_size_of_a_run_gives_the_same_activity_as_the_plainest_count(seed: int, width: int) -> None:
    records = busy_log(seed, width)
    log = [encode(record) for record in records]
    naive = NaiveFold(("a", "b"), CAMPAIGNS, 60)
    for record in records:
        naive.take(record)
    whole = fold_in_runs(log, len(log))
    last: dict[tuple[str, int], Activity] = {}
    for one in whole:
        last[one.region, one.minute] = one
    for (region, minute), one in last.items():
        series = {name: (found.events, found.actors) for name, found in one.series.items()}
        if naive.events.get((region, minute)):
            assert naive.minute(region, minute) == {**series, "": (one.events, one.actors)}, (region, minute)
    assert sum(naive.duplicates.values()) == sum(last[name, BEGIN + 4].duplicates for name in ("a", "b"))
    first = {(one.region, one.minute): one for one in whole if not one.revision}
    for (region, minute), one in first.items():
        for name, window in one.windows.by_series().items():
            for place, of in enumerate(WINDOWS):
                people, events, posts = naive.windows[region, minute][of].get(name, (0, 0, 0))
                assert (window.actors[place], window.events[place], window.posts[place]) == (people, events, posts)
    for run in (1, 7, 100, TOGETHER, TOGETHER + 1, 1_000):
        assert fold_in_runs(log, run) == whole, run
        with one_by_one():
            assert fold_in_runs(log, run) == whole, run


def test_a_log_of_which_every_third_record_is_unusual_gives_the_same_by_columns() -> None:
    records = busy_log(4, ID_BYTES)
    log = [encode(record) for record in records]
    log[1::3] = [json.dumps(json.loads(raw)).encode() for raw in log[1::3]]
    log[5::300] = [b"{", b"\xff", b"[]", *[b"null"] * len(log[5::300])][: len(log[5::300])]
    with one_by_one():
        whole = fold_in_runs(log, 1)
    for run in (1, 100, 1_000, len(log)):
        assert fold_in_runs(log, run) == whole, run


def usual(at: int, region: str = "a", number: int = 0) -> Event:
    """Make an event as ingest agents write it, at so many minutes after the beginning."""
    pseudonym = str(number).rjust(ID_BYTES, "-")
    return Event(pseudonym, (BEGIN + at) * MINUTE, region, pseudonym, "post", "s", (f"tag{number}",))


def beat(at: int, status: Status = "ok", regions: tuple[str, ...] = ()) -> Heartbeat:
    """Make a heartbeat of a source that has sent all until `at`, minutes after the beginning."""
    time = (BEGIN + at) * MINUTE
    return Heartbeat("s", status, time, time, timeout=0, lateness=0, regions=regions)


def in_one_run(*records: Event | Heartbeat) -> Output:
    """Fold, after a first run with a heartbeat, the records by columns; they give what they give one by one."""
    log = [encode(record) for record in records]
    fold, columns = PartitionFold(SETTINGS), PartitionFold(SETTINGS)
    found = Output()
    for offset, raw in enumerate([encode(beat(0)), *log]):
        with one_by_one():
            one = fold.fold([offset], [raw])
        if offset:
            found.published += one.published
            found.closed_to += one.closed_to
            found.refused += one.refused
    columns.fold([0], [encode(beat(0))])
    output = columns.fold(range(1, len(records) + 1), log)
    assert output == found
    assert columns.position == fold.position
    assert people(columns) == people(fold)
    return output


def people(fold: PartitionFold) -> dict[str, list[str]]:
    """Give by region the names of people with their links, as the table has them."""
    return {name: sorted(shard.people.names) for name, shard in fold.shards.items()}


def test_by_columns_the_last_event_before_the_last_heartbeat_is_refused_where_it_is_ahead_of_the_clock() -> None:
    assert [one.offset for one in in_one_run(usual(1), usual(9, number=1), beat(9)).refused] == [2]
    assert not in_one_run(usual(1), usual(1, number=1), beat(9)).refused


def test_by_columns_an_event_before_a_late_one_is_refused_where_it_is_ahead_of_the_clock() -> None:
    assert [one.offset for one in in_one_run(beat(3), usual(9), usual(1, number=1), beat(9)).refused] == [2]


def test_by_columns_a_region_has_begun_when_a_source_changes_before_its_first_minute_closes() -> None:
    output = in_one_run(usual(0, "new"), beat(0, "degraded", ("new",)), usual(0, "new", 1))
    assert [one.region for one in output.published] == ["new"]


def test_by_columns_people_are_linked_in_the_order_of_the_log() -> None:
    before, after = (str(number).rjust(ID_BYTES, "-") for number in (7, 8))
    both = [structs.replace(usual(at, number=10 + at), actor=after, formerly=before) for at in range(2)]
    # of two minutes, that which was opened first has the later event; the last one is after the change
    in_one_run(usual(0), both[1], both[0], structs.replace(usual(0, number=20), actor=after))
    # short ids are left to the decoder
    in_one_run(structs.replace(usual(0), id="x"), both[1], structs.replace(both[0], id="y"))
    in_one_run(beat(1), both[1], structs.replace(usual(0, number=20), actor=after), beat(2))


def test_a_run_without_records_forgets_nothing_that_is_to_be_read_again() -> None:
    log = [encode(record) for record in (beat(0), usual(9), usual(0, number=1), beat(9), usual(9, number=2))]
    fold, table = PartitionFold(SETTINGS), {}
    fold.fold(range(len(log)), log)
    for step in flush(fold).steps():
        table |= dict(step)
    fold = restore(SETTINGS, table)
    start = fold.position.start
    fold.fold([], [])
    assert fold.position.start == start == len(log) - 1
    fold.fold([start], log[start:])
    [first, *_] = fold.fold([len(log)], [encode(beat(10))]).published
    assert isinstance(first, Activity)
    assert (first.minute, first.events) == (BEGIN + 9, 1)


def test_words_that_open_minutes_need_are_not_numbered_anew_at_each_run() -> None:
    with patch.object(open_minutes, "MOST_WORDS", 1):
        fold, words = PartitionFold(SETTINGS), []
        for number in range(9):  # a source and one more tag each time
            fold.fold([number], [encode(usual(0, number=number))])
            words.append(fold.opened.words)
    anew = [number for number in range(1, 9) if words[number] is not words[number - 1]]
    # there are more than 1, and more than twice as many as those 2 (then 4) of then; by columns regions have numbers
    assert anew == ([1, 3, 7] if compiled.COMPILED else [1, 4])


@pytest.mark.parametrize("run", [90, 500])
def test_a_crash_between_two_runs_changes_nothing(run: int) -> None:
    log = [encode(record) for record in busy_log(3)]
    whole = {(one.region, one.minute, one.revision): one for one in fold_in_runs(log, run)}
    for crash_after in (2, 4, 5):
        again = {(one.region, one.minute, one.revision): one for one in fold_in_runs(log, run, crash_after)}
        assert again == whole, crash_after


def test_last_minutes_are_those_of_a_dict_however_many_pairs_there_are() -> None:
    chance = np.random.default_rng(1)
    last, plain = LastMinutes(), {}

    def draw(count: int) -> NDArray[np.int64]:
        return chance.integers(0, 4, count) * chance.integers(0, 3, count) * FIRST + chance.integers(0, 12_000, count)

    for minute in range(100):
        keys = np.unique(draw(900 if minute else 5_000))
        when = minute - int(chance.integers(0, 3))
        before = last.touch(keys, when)
        assert before.tolist() == [plain.get(key, NEVER) for key in keys.tolist()]
        plain |= {key: max(when, plain.get(key, NEVER)) for key in keys.tolist()}
        assert len(last) == len(plain)
        some = draw(50)
        assert last.of(some).tolist() == [plain.get(key, NEVER) for key in some.tolist()]
        if minute % 40 == 7:
            pairs, minutes = last.all()
            assert len(pairs) == len(plain)
            assert dict(zip(pairs.tolist(), minutes.tolist(), strict=True)) == plain
            last.set(pairs[minutes > 3], minutes[minutes > 3])
            plain = {key: at for key, at in plain.items() if at > 3}


@pytest.mark.parametrize("most", [0, 65_535, 65_536, 2**31 - 1])
def test_a_bucket_is_unpacked_as_it_was_whatever_the_size_of_its_counts_and_numbers(most: int) -> None:
    largest = 2**31 - 1
    rows = [[BEGIN, 0, most, 1, 2, 3, 1, 2], [BEGIN, 7, 1, 1, 0, 0, 0, 0], [BEGIN, largest, 3, 0, 0, 0, 0, 1]]
    pairs = [0, largest, largest << 32 | largest]
    for kept in (3, 0):
        bucket = Bucket(
            offset=5,
            start=BEGIN,
            length=1,
            revision=2,
            kinds={"post": 3},
            pairs=np.array(pairs[:kept], np.int64).tobytes(),
            rows=np.array(rows[:kept], np.int32).tobytes(),
            ids=b"\x90",
            unpublished=True,
        )
        assert unpack(pack(bucket)) == bucket
