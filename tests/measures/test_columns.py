"""Columns give of every record the event that the decoder gives, or nothing."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.codec import UnreadableError, encode, event_reader
from schemas.events import KINDS, MAXIMUM_TAGS, Event, Heartbeat
from streams.measures.engagement.columns import LONGEST_NAME, LONGEST_TAG, MACHINE, Columns, read
from streams.measures.engagement.lookup import FEWEST, MOST, UNKNOWN, WIDTH, Lookup
from streams.measures.engagement.text import ID_BYTES, texts
from streams.measures.engagement.words import WordNumbers

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


def told(columns: Columns, words: WordNumbers) -> dict[int, tuple[object, ...]]:
    """Give what the columns say of each event, by its place in the run."""
    names = words.numbers.names
    found = {}
    for number, place in enumerate(columns.index.tolist()):
        part = slice(int(columns.begins[number]), int(columns.begins[number] + columns.lengths[number]))
        found[place] = (
            columns.ids[number].tobytes().decode(),
            int(columns.at[number]),
            names[columns.region[number]],
            columns.actors[number].tobytes().decode(),
            int(columns.codes[number]),
            names[columns.source[number]],
            tuple(names[word] for word in columns.tags[part]),
            tuple(names[word] for word in columns.forms[part]),
            columns.formerly.get(number, b"").decode(),
        )
    return found


def expected(event: Event) -> tuple[object, ...]:
    """Give the same of a decoded event."""
    no_person = event.machine or event.role == "bot"
    return (
        event.id,
        event.at,
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
    words = WordNumbers()
    usual = {place: expected(event) for place, event in enumerate(events) if b"\\" not in raw[place]}
    assert told(read(raw, words), words) == usual


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
            whole[:place] + bytes([byte]) + whole[place + 1 :] for place in range(len(whole)) for byte in b'"\\,]\0\xc3'
        ]
        mutants += [whole[:place] + whole[place + 1 :] for place in range(len(whole))]
        mutants += [whole[:place] for place in range(len(whole))]
    else:
        mutants = []
        for _ in range(8):
            place, end = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
            mutants.append(whole[:place] + data.draw(st.binary(max_size=3)) + whole[end:])
    words = WordNumbers()
    found = told(read([others[0], *mutants, *others], words), words)
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
    words = WordNumbers()
    assert told(read([*raw, *outside], words), words) == dict(enumerate(map(expected, inside)))
    assert read([], words).index.tolist() == []


def test_unreadable_records_are_left_to_the_reader_that_explains_them() -> None:
    for raw in (b"\xff" * 90, b'{"type":"event","id":"' + b"\xff" * 300, b"[]"):
        assert read([raw], WordNumbers()).index.tolist() == []
        try:
            event_reader.read(raw)
        except UnreadableError:
            continue
        raise AssertionError(raw)


def test_packed_ids_are_cut_at_their_bytes_whatever_they_are_written_in() -> None:
    for ids in (["a" * 22, "b" * 22], ["é" * 11, "c" * 22, "x" + "𐀀" * 5 + "y"]):
        assert texts("".join(ids).encode()) == ids


def test_a_lookup_gives_what_a_dict_gives_while_it_grows_and_after_it_began_anew() -> None:
    chance = np.random.default_rng(1)
    lookup, plain = Lookup(), {}
    for _ in range(40):
        rows = chance.integers(0, 9, (400, WIDTH)).astype(np.uint64)
        keys = [tuple(row) for row in rows.tolist()]
        assert lookup.find(rows).tolist() == [plain.get(key, UNKNOWN) for key in keys]
        for key in keys:
            plain.setdefault(key, len(plain))
        lookup.put(rows, np.array([plain[key] for key in keys]))
        assert lookup.find(rows).tolist() == [plain[key] for key in keys]
    assert len(plain) > FEWEST
    many = np.arange(MOST * WIDTH, dtype=np.uint64).reshape(-1, WIDTH) + np.uint64(random.Random(1).randrange(1 << 40))
    lookup.put(many, np.arange(MOST))
    assert lookup.find(many[::997]).tolist() == list(range(0, MOST, 997))
    assert lookup.find(rows[:1]).tolist() == [UNKNOWN]
