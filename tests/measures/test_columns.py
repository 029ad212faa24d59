"""Columns give of every record the event that the decoder gives, or nothing."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from schemas.codec import UnreadableError, encode, event_reader
from schemas.events import KINDS, MAXIMUM_TAGS, Event, Heartbeat
from streams import compiled
from streams.measures.engagement.clock import MINUTE
from streams.measures.engagement.columns import ID_BYTES, MACHINE, reader, texts
from streams.measures.engagement.numbering import Numbers
from streams.measures.engagement.open_minute import OpenMinute
from streams.measures.engagement.people import People
from streams.values import PLACE, GatheredValues

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_NAME = 64
LONGEST_TAG = 140
"""In bytes, of what is read by columns."""
ALL = 0, 1 << 62
"""Minutes from which on, and times (ms) before which events are read."""
pytestmark = pytest.mark.skipif(not compiled.COMPILED, reason="JUN_COMPILE=no")
PSEUDONYMS = st.one_of(
    st.text("abcXYZ019-_", min_size=ID_BYTES, max_size=ID_BYTES), st.sampled_from(["é" * 11, "a" + "𐀀" * 5 + "b"])
)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=16)
TAGS = st.lists(
    st.one_of(NAMES, st.sampled_from(["safety", "a" * 15, "b" * 16, "c" * 17, "d" * 32, "e" * 33])), max_size=4
)
EVENTS = st.builds(
    Event,
    id=PSEUDONYMS,
    at=st.integers(10**12, 2 * 10**12),
    region=NAMES,
    actor=PSEUDONYMS,
    kind=st.sampled_from(KINDS),
    source=NAMES,
    tags=TAGS.map(tuple),
    labels=TAGS.map(tuple),
    role=st.sampled_from(["person", "office", "leader", "bot"]),
    reference=st.one_of(st.just(""), PSEUDONYMS),
    target=st.one_of(st.just(""), PSEUDONYMS),
    target_role=st.sampled_from(["person", "leader"]),
    machine=st.booleans(),
    formerly=st.one_of(st.just(""), PSEUDONYMS),
)
USUAL = Event("i" * ID_BYTES, 1_780_300_800_000, "jun", "a" * ID_BYTES, "post", "x", ("safety",), ("Safety",))


class Strangers(People):
    """People whose former names are only noted."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[tuple[str, str, int]] = []

    def link(self, former: str, name: str, minute: int) -> None:
        """Note it."""
        self.links.append((former, name, minute))


class Minutes:
    """Open minutes that a reader fills, by minute and region."""

    def __init__(self) -> None:
        self.words = Numbers()
        self.opened: dict[tuple[int, str], OpenMinute] = {}
        self.people: dict[str, Strangers] = {}
        self.reader = reader(self.words, self.open)

    def open(self, minute: int, region: int, offset: int) -> OpenMinute:
        """Give a minute, as a fold would; `offset` is that of its first event here."""
        assert offset >= 0
        name = self.words.names[region]
        of_region = self.people.setdefault(name, Strangers())
        return self.opened.setdefault((minute, name), OpenMinute(of_region, self.words))

    def read(self, values: list[bytes | None]) -> list[int]:
        """Read a run; give the places of what is left to the decoder."""
        self.begin(range(len(values)), values)
        left = []
        while (place := self.reader.next(*ALL)) < len(values):
            left.append(place)
        self.reader.take()
        return left

    def begin(self, offsets: Sequence[int], values: Sequence[bytes | None]) -> None:
        """Begin with a run: every second value stands in the bytes of the run, the others alone."""
        gathered = GatheredValues(b"head" + b"".join(value or b"" for value in values) + b"tail")
        at = len(b"head")
        for number, value in enumerate(values):
            if value is not None and number % 2:
                gathered.stand(PLACE.pack(at, len(value)))
            else:
                gathered.add([value])
            at += len(value or b"")
        run = gathered.give()
        self.reader.begin(offsets, run.raw, run.places, run.others)

    def told(self) -> dict[int, tuple[object, ...]]:
        """Give what the columns say of each event, by its offset."""
        words = self.words.names
        found = {}
        for (minute, region), events in self.opened.items():
            ids = texts(b"".join(events._ids))  # type: ignore[arg-type] # no event is fresh
            begin = 0
            for number, offset in enumerate(events.offsets):
                end = begin + events.lengths[number]
                found[offset] = (
                    ids[number],
                    minute,
                    region,
                    events.people.names[events.persons[number]],
                    events.codes[number],
                    words[events.sources[number]],
                    tuple(words[word] for word in events.tags[begin:end]),
                    tuple(words[word] for word in events.forms[begin:end]),
                )
                begin = end
        return found


def told(values: list[bytes | None]) -> dict[int, tuple[object, ...]]:
    """Give what columns say of each event of a run, by its place, and the former name of its actor.

    Each record must be there or be left, and be the same where it is read alone.
    """
    minutes = Minutes()
    left = minutes.read(values)
    found = minutes.told()
    assert left == [place for place, value in enumerate(values) if place not in found and value is not None]
    for place, event in found.items():
        alone = Minutes()
        alone.read([values[place]])
        [people] = alone.people.values()
        [*links] = people.links
        assert alone.told() == {0: event}
        assert [link[1:] for link in links] == [(event[3], event[1])] * len(links)
        found[place] = (*event, links[0][0] if links else "")
    return found


def expected(event: Event) -> tuple[object, ...]:
    """Give the same of a decoded event."""
    no_person = event.machine or event.role == "bot"
    return (
        event.id,
        event.at // MINUTE,
        event.region,
        event.actor,
        KINDS.index(event.kind) + MACHINE * no_person,
        event.source,
        event.tags,
        event.labels if len(event.labels) == len(event.tags) else event.tags,
        event.formerly,
    )


def decoded(raw: bytes) -> Event | None:
    """Give the event of a record as the decoder of today's version reads it, None where there is none."""
    try:
        record = event_reader.decode_today(raw)
    except Exception:  # noqa: BLE001 - whatever is wrong with it
        return None
    return record if isinstance(record, Event) else None


@given(st.lists(EVENTS, min_size=1, max_size=6))
@settings(max_examples=80, deadline=None)
def test_every_event_without_escapes_is_read_as_the_decoder_reads_it(events: list[Event]) -> None:
    raw = [encode(event) for event in events]
    usual = {place: expected(event) for place, event in enumerate(events) if b"\\" not in raw[place]}
    assert told(raw) == usual


@given(EVENTS, st.data())
@example(USUAL, None)
@settings(max_examples=150, deadline=None)
def test_a_record_with_any_byte_changed_is_read_as_the_decoder_reads_it_or_not_at_all(
    event: Event, data: st.DataObject | None
) -> None:
    whole = encode(event)
    others = [encode(USUAL), encode(Heartbeat("x", "ok", 1, 1))]
    if data is None:
        mutants = [
            whole[:place] + bytes([byte]) + whole[place + 1 :]
            for place in range(len(whole))
            for byte in b'"\\,]\0\x1f\xc3'
        ]
        mutants += [whole[:place] + whole[place + 1 :] for place in range(len(whole))]
        mutants += [whole[:place] for place in range(len(whole))]
    else:
        mutants = []
        for _ in range(8):
            place, end = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
            mutants.append(whole[:place] + data.draw(st.binary(max_size=3)) + whole[end:])
    found = told([others[0], *mutants, *others])
    assert found.pop(0) == found.pop(len(mutants) + 1) == expected(USUAL)
    for place, event_told in found.items():
        wanted = decoded(mutants[place - 1])
        assert wanted is not None, mutants[place - 1]
        assert event_told == expected(wanted), mutants[place - 1]


def test_names_tags_and_lists_at_the_borders_of_what_is_usual() -> None:
    fields = {name: getattr(USUAL, name) for name in ("id", "at", "actor", "kind", "source")}
    inside = [
        Event(region="r" * LONGEST_NAME, **fields),
        Event(region="r", tags=("t" * LONGEST_TAG,), **fields),
        Event(region="r", tags=tuple(f"t{number}" for number in range(MAXIMUM_TAGS)), **fields),
    ]
    raw = [encode(event) for event in inside]
    outside = [
        encode(Event(region="r" * (LONGEST_NAME + 1), **fields)),
        encode(Event(region="r", tags=("t" * (LONGEST_TAG + 1),), **fields)),
        encode(Event(region="r", tags=tuple(f"t{number}" for number in range(MAXIMUM_TAGS + 1)), **fields)),
        raw[0].replace(b'"v":2', b'"v":1'),
        raw[0].replace(b'"kind":"post"', b'"kind":"poster"'),
        raw[0].replace(b"1780300800000", b"0780300800000"),
        b"",
        encode(USUAL).replace(b'"tags":["', b'"tags":["","abcdefghijklmno","'),
        encode(USUAL).replace(b'"source":"x","tags":["safety"],', b'"source":"","tags":["safety and more"],'),
        encode(USUAL).replace(b'"region":"jun"', b'"region":"","actor":"aaaaaaa"'),
    ]
    assert not any(map(decoded, outside))
    assert told([*raw, *outside, None]) == dict(enumerate(map(expected, inside)))
    assert told([]) == {}


def test_unreadable_records_are_left_to_the_reader_that_explains_them() -> None:
    for raw in (b"\xff" * 90, b'{"type":"event","id":"' + b"\xff" * 300, b"[]"):
        assert told([raw]) == {}
        try:
            event_reader.read(raw)
        except UnreadableError:
            continue
        raise AssertionError(raw)


def test_packed_ids_are_cut_at_their_bytes_whatever_they_are_written_in() -> None:
    for ids in (["a" * 22, "b" * 22], ["é" * 11, "c" * 22, "x" + "𐀀" * 5 + "y"]):
        assert texts("".join(ids).encode()) == ids


def test_events_of_closed_minutes_and_those_ahead_of_the_clock_are_left_to_the_millisecond() -> None:
    at = USUAL.at // MINUTE * MINUTE
    values = [encode(structs.replace(USUAL, at=at + more)) for more in (-1, 0, 999, 1_000)]
    minutes = Minutes()
    minutes.begin(range(4), values)
    assert [minutes.reader.next(at // MINUTE, at + 1_000) for _ in range(3)] == [0, 3, 4]
    minutes.begin([7], values[:1])
    assert minutes.reader.next(at // MINUTE - 1, at) == 1
    minutes.reader.take()
    assert sorted(minutes.told()) == [1, 2, 7]


def test_minutes_open_and_people_come_in_the_order_of_the_records_however_many_wait() -> None:
    chance = random.Random(1)
    events = []
    for number in range(9_000):
        tags = tuple(f"tag{chance.randrange(3_000)}" for _ in range(chance.choice([0, 1, MAXIMUM_TAGS])))
        region = f"r{chance.randrange(number // 10 + 1)}"
        actor = f"{chance.randrange(number + 1)}".rjust(ID_BYTES, "-")
        at = USUAL.at + chance.randrange(4 * MINUTE)
        events.append(structs.replace(USUAL, at=at, region=region, actor=actor, tags=tags, labels=()))
    minutes = Minutes()
    assert minutes.read([encode(event) for event in events]) == []
    assert minutes.told() == {place: expected(event)[:-1] for place, event in enumerate(events)}
    assert [*minutes.opened] == list(dict.fromkeys((event.at // MINUTE, event.region) for event in events))
    for region, people in minutes.people.items():
        assert people.names == list(dict.fromkeys(event.actor for event in events if event.region == region))


def test_people_have_their_numbers_also_when_the_table_in_front_of_them_has_begun_anew() -> None:
    raw = encode(USUAL)
    many = [raw.replace(b"a" * ID_BYTES, b"%022d" % number) for number in range(2**18 + 9_000)]
    minutes = Minutes()
    minutes.read(many)
    minutes.read(many[:3_000])
    [events] = minutes.opened.values()
    assert events.persons.tolist() == [*range(len(many)), *range(3_000)]


def test_people_are_looked_up_again_when_names_have_been_forgotten() -> None:
    minutes = Minutes()
    minutes.read([encode(USUAL)])
    minutes.people["jun"].update({USUAL.actor: 5})
    minutes.read([encode(USUAL)])
    minutes.reader.forget_people()
    minutes.read([encode(USUAL)])
    [events] = minutes.opened.values()
    assert events.persons.tolist() == [0, 0, 5]
