"""Refused inputs that are sent again: the same reading, the same id, once."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from nacl.public import PrivateKey, SealedBox

from ops.deadletters.letters import Found, Wanted, moment
from ops.deadletters.opening import open_box, unsealed
from ops.deadletters.redrive import Outcome, Redrive
from schemas.codec import encode
from schemas.config import Config
from schemas.deadletter import DeadLetter, Redriven
from schemas.events import Event, Heartbeat
from streams.errors import OperatorError
from streams.ingest.pseudonyms import Pseudonyms
from streams.ingest.seal import Sealer
from streams.ingest.source import Surroundings, kinds
from tests.support.ingest import DIRECTORY, KEY, NOW, Bench, Remembering

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

PRIVATE = PrivateKey.generate()
PSEUDONYMS = Pseudonyms(KEY)
TABLE: dict[str, Any] = {
    "kind": "file",
    "path": "t.csv",
    "format": "csv",
    "follow": False,
    "columns": {"at": "when", "account": "who", "text": "text"},
}


def letter(raw: bytes = b"{}", **fields: Any) -> DeadLetter:
    given = {
        "source": "posts",
        "reason": "wrong_type",
        "detail": "",
        "place": "t.csv line 2",
        "at": 5,
        "size": len(raw),
    }
    return DeadLetter(**{**given, "sealed": SealedBox(PRIVATE.public_key).encrypt(raw), **fields})


def redriven(
    letters: Iterable[DeadLetter], folder: Path, *entries: dict[str, Any], dry: bool = False, before: bool = False
) -> tuple[list[Outcome], Remembering]:
    outlet = Remembering()
    surroundings = Surroundings(
        Config(source=tuple({"name": "posts", **entry} for entry in entries)), DIRECTORY, folder, lambda: NOW
    )

    async def found() -> AsyncIterator[Found]:
        for number, one in enumerate(letters):
            yield Found(number, one, before)

    async def run() -> list[Outcome]:
        outlet.open = asyncio.Event()
        outlet.open.set()
        work = Redrive(surroundings, outlet, PSEUDONYMS, SealedBox(PRIVATE), dry=dry)
        return [outcome async for outcome in work.run(found())]

    return asyncio.run(run()), outlet


async def refused_rows(bench: Callable[..., Bench], tmp_path: Path) -> list[DeadLetter]:
    (tmp_path / "t.csv").write_text("when,who,text\n27.05.2026 08:00,ana,#Jun\n27.05.2026 08:01,eva,#Jun\n")
    made = bench(**TABLE)
    made.intake._sealer = Sealer(made.pseudonyms, PRIVATE.public_key)
    await made.source.run(made.intake)
    made.close()
    return made.outlet.letters


async def test_rows_are_taken_once_their_time_format_is_known_with_the_ids_that_a_good_reading_gives(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    letters = await refused_rows(bench, tmp_path)
    assert [one.reason for one in letters] == ["wrong_type", "wrong_type"]
    good = {**TABLE, "time_format": "%d.%m.%Y %H:%M"}
    outcomes, outlet = await asyncio.to_thread(redriven, letters, tmp_path, good)
    assert outcomes == [Outcome(0, "posts", 1), Outcome(1, "posts", 1)]
    assert [event.at for event in outlet.events] == [1_779_868_800_000, 1_779_868_860_000]
    (tmp_path / "checkpoints/posts.json").unlink()
    right = bench(**good)
    await right.source.run(right.intake)
    assert outlet.events == right.outlet.events


async def test_what_was_taken_is_marked_and_what_is_marked_is_left(bench: Callable[..., Bench], tmp_path: Path) -> None:
    letters = await refused_rows(bench, tmp_path)
    good = {**TABLE, "time_format": "%d.%m.%Y %H:%M"}
    _, outlet = await asyncio.to_thread(redriven, letters[:1], tmp_path, good)
    (mark,) = [record.value for record in outlet.records if record.topic == "deadletter"]
    assert msgspec.json.decode(mark, type=Redriven) == Redriven("posts", 0, letters[0].at, NOW)
    outcomes, outlet = await asyncio.to_thread(redriven, letters[:1], tmp_path, good, before=True)
    assert (outcomes[0].skipped, outlet.records) == ("it was redriven before", [])


async def test_what_is_refused_again_is_told_and_neither_marked_nor_buried_twice(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    letters = await refused_rows(bench, tmp_path)
    outcomes, outlet = await asyncio.to_thread(redriven, letters, tmp_path, TABLE)
    assert [one.refused.partition(":")[0] for one in outcomes] == ["wrong_type", "wrong_type"]
    assert outlet.records == []


def test_a_dry_run_tells_and_sends_nothing(tmp_path: Path) -> None:
    raw = b'{"id":"1","at":1779868800000,"account":"ana"}'
    outcomes, outlet = redriven([letter(raw)], tmp_path, {"kind": "http"}, dry=True)
    assert (outcomes, outlet.records) == ([Outcome(0, "posts", 1)], [])


def test_an_event_from_the_future_is_taken_when_its_time_has_come(tmp_path: Path) -> None:
    raw = b'{"id":"1","at":%d,"account":"ana"}'
    outcomes, outlet = redriven(
        [letter(raw % (NOW + 120_000), reason="future"), letter(raw % (NOW + 120_001), reason="future")],
        tmp_path,
        {"kind": "http"},
    )
    assert [one.accepted for one in outcomes] == [1, 0]
    assert outcomes[1].refused.startswith("future: ")
    assert [event.at for event in outlet.events] == [NOW + 120_000]


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (letter(reason="too_late", source="events", place="events/1@7"), "past the horizon"),
        (letter(truncated=True, size=70_000), "only a beginning of its 70000 bytes was kept"),
        (letter(sealed=b""), "it was not kept"),
        (letter(sealed=SealedBox(PrivateKey.generate().public_key).encrypt(b"{}")), "another one came"),
        (letter(source="gone"), "no source with the name gone is configured"),
        (letter(source="activity", place="activity/0@7"), "a minute of a region that has passed"),
        (letter(encode(Heartbeat("posts", "ok", 1, 1)), source="events", place="events/0@7"), "only the latest"),
    ],
)
def test_what_can_not_be_sent_again_is_left_with_the_reason(one: DeadLetter, why: str, tmp_path: Path) -> None:
    (outcome,), outlet = redriven([one], tmp_path, {"kind": "http"})
    assert why in outcome.skipped
    assert outlet.records == []


def test_a_source_whose_kind_can_not_read_again_says_so(tmp_path: Path) -> None:
    (outcome,), _ = redriven([letter()], tmp_path, {"kind": "clock"})
    assert outcome.skipped == "a source of the kind clock can't read its inputs again"


def test_an_event_that_an_older_agent_could_not_read_goes_back_to_its_own_partition(tmp_path: Path) -> None:
    event = Event(id="i", at=NOW, region="granada", actor="a", kind="post", source="posts")
    one = letter(encode(event), source="events", place="events/2@7", reason="new_version")
    (outcome,), outlet = redriven([one], tmp_path)
    assert outcome == Outcome(0, "events", 1)
    sent = [record for record in outlet.records if record.topic == "events"]
    assert [(record.partition, record.key, record.value) for record in sent] == [(2, b"granada", encode(event))]


def test_more_than_one_batch_is_redriven_to_the_last(tmp_path: Path) -> None:
    letters = [letter(b'{"id":"%d","at":1779868800000,"account":"ana"}' % number) for number in range(401)]
    outcomes, outlet = redriven(letters, tmp_path, {"kind": "http"})
    assert [one.number for one in outcomes] == list(range(401))
    assert len({event.id for event in outlet.events}) == 401


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (Wanted(), True),
        (Wanted(reason="wrong_type", source="posts", place="t.csv*", numbers=(3,)), True),
        (Wanted(reason="future"), False),
        (Wanted(source="post"), False),
        (Wanted(place="*.json*"), False),
        (Wanted(numbers=(2, 4)), False),
        (Wanted(since=5), True),
        (Wanted(since=6), False),
        (Wanted(until=6), True),
        (Wanted(until=5), False),
    ],
)
def test_filters_hold_together_and_until_is_not_included(wanted: Wanted, taken: bool) -> None:
    assert wanted.takes(3, letter()) == taken


def test_a_moment_needs_its_offset() -> None:
    assert moment("2026-05-31T10:00:00+02:00", "--since") == 1_780_214_400_000
    for text in ("2026-05-31T10:00:00", "yesterday"):
        with pytest.raises(OperatorError, match="--since"):
            moment(text, "--since")


def test_the_private_key_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    text = base64.urlsafe_b64encode(bytes(PRIVATE)).decode()
    (tmp_path / "key").write_text(text + "\n")
    one = letter(b"raw")
    assert unsealed(one, open_box(tmp_path / "key", {})) == b"raw"
    assert unsealed(one, open_box(None, {"JUN_DEADLETTER_PRIVATE_KEY": text})) == b"raw"
    with pytest.raises(OperatorError, match="JUN_DEADLETTER_PRIVATE_KEY is not set"):
        open_box(None, {})


def test_every_kind_that_has_inputs_reads_them_again() -> None:
    assert {name for name, kind in kinds().items() if kind.rereader is None} == {"clock", "simulated"}


PUSHED: list[tuple[dict[str, Any], bytes]] = [
    ({"kind": "activitystreams"}, b'{"type":"Create","id":"a","published":"?","actor":"u","object":{"type":"Note"}}'),
    ({"kind": "x-activity"}, b'{"id_str":"1","created_at":"yesterday","user":{"screen_name":"ana"}}'),
    ({"kind": "mail", "provider": "postmark"}, b'{"RecordType":"Open","MessageID":"m","Recipient":"a@b"}'),
    ({"kind": "cloudevents"}, b'{"specversion":"1.0","id":"1","source":"s","type":"post","data":{"at":"?"}}'),
    ({"kind": "slack"}, b'{"type":"event_callback","event":{"type":"message","channel":"C1","user":"U","ts":"?"}}'),
    ({"kind": "microsoft", "public_url": "https://x.example"}, b'{"id":"1","createdDateTime":"?"}'),
]


@pytest.mark.parametrize(("entry", "raw"), PUSHED, ids=[str(entry["kind"]) for entry, _ in PUSHED])
def test_what_is_still_wrong_is_refused_again_whoever_sent_it(
    entry: dict[str, Any], raw: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "user:a-secret-for-the-tests")
    named = {"activitystreams": "token", "cloudevents": "token", "mail": "secret"}.get(entry["kind"])
    secret = {named: {"environment": "A_SECRET"}} if named else {}
    settings = kinds()[entry["kind"]].settings
    known = {field.name for field in msgspec.structs.fields(settings)}
    told = {name: value for name, value in {**entry, **secret}.items() if name == "kind" or name in known}
    (outcome,), outlet = redriven([letter(raw, place="POST /v1/x")], tmp_path, told)
    assert outcome.refused.partition(":")[0] in {"wrong_type", "no_id"}
    assert outlet.records == []


def test_a_cloudevent_whose_head_was_apart_is_kept_whole_and_taken_once_its_type_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "a-secret-for-the-tests")
    entry: dict[str, Any] = {"kind": "cloudevents", "token": {"environment": "A_SECRET"}}
    source = Bench(tmp_path, {"name": "posts", **entry}).source
    source.prepare()
    head = {"ce-specversion": "1.0", "ce-id": "7", "ce-source": "/s%20t", "ce-type": "odd"}
    item = source._item(head, b'{"account":"ana","at":"2026-05-27T08:00:00Z","text":"#Jun"}', "POST /v1/x")
    assert item.submission.reason == "unknown_kind"
    (outcome,), outlet = redriven([letter(item.raw)], tmp_path, {**entry, "kinds": {"odd": "reply"}})
    assert outcome == Outcome(0, "posts", 1)
    (event,) = outlet.events
    assert (event.id, event.kind, event.tags) == (PSEUDONYMS.original("posts", "/s t#7"), "reply", ("jun",))


@pytest.mark.parametrize(("late", "events"), [(0, 1), (1, 0)])
def test_an_edit_that_was_fresh_when_it_came_is_not_too_old_when_it_is_redriven(
    tmp_path: Path, late: int, events: int
) -> None:
    day = 86_400_000
    raw = encode({"id": "1", "at": NOW - 3 * day, "account": "ana", "kind": "reaction", "edited": True})
    _, outlet = redriven([letter(raw, place="POST /v1/events", at=NOW - 2 * day + late)], tmp_path, {"kind": "http"})
    assert len(outlet.events) == events
