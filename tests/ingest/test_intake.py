from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from schemas.codec import UnreadableError, event_reader
from schemas.events import Event, Heartbeat
from streams.ingest.checkpoint import Checkpoint
from streams.ingest.source import Item, Refusal, Taken
from streams.ingest.submission import Submission
from streams.measures.partitioning import partition_of, partition_of_region
from tests.support.ingest import NOW, Bench

if TYPE_CHECKING:
    from collections.abc import Callable


class Mark(msgspec.Struct, frozen=True):
    """A position."""

    number: int


def item(number: int = 1, **fields: Any) -> Item:
    fields = {"id": str(number), "at": NOW, "account": "ana", **fields}
    return Item(b"raw of ana", f"line {number}", Submission(**fields))


async def taken(one: Bench, *items: Item) -> Event:
    await one.intake.take(items)
    return one.outlet.events[-1]


async def test_an_event_carries_pseudonyms_tags_region_and_role(bench: Callable[..., Bench]) -> None:
    one = bench(kind="clock")
    event = await taken(
        one,
        item(
            kind="reshare",
            text="ana says: #Jun #España #JUN https://jun.example/#no",
            reference="0",
            target="office",
            machine=True,
        ),
    )
    assert event == Event(
        id=one.original("1"),
        at=NOW,
        region="granada",
        actor=one.pseudonyms.account("*", "ana"),
        kind="reshare",
        source="posts",
        tags=("jun", "españa"),
        labels=("Jun", "España"),
        role="leader",
        reference=one.original("0"),
        target=one.pseudonyms.account("posts", "office"),
        target_role="person",
        machine=True,
    )


async def test_nothing_that_is_sent_holds_a_name_or_the_text(bench: Callable[..., Bench]) -> None:
    one = bench(kind="clock")
    await one.intake.take(
        [
            item(1, account="Maria Lopez", text="Maria was here #Jun", target="Lopez", reference="Maria-1"),
            Item(b"raw of Maria", "line 2", UnreadableError("not_json", "wanted a JSON object")),
        ]
    )
    await one.intake.beat()
    sent = b" ".join((record.key or b"") + record.value for record in one.outlet.records)
    assert b"jun" in sent
    assert not any(word in sent for word in (b"Maria", b"maria", b"Lopez", b"lopez", b"here"))


async def test_a_reference_is_the_id_of_what_it_refers_to(bench: Callable[..., Bench]) -> None:
    one = bench(kind="clock")
    await one.intake.take([item(1), item(2, kind="reply", reference="1")])
    first, second = one.outlet.events
    assert second.reference == first.id


async def test_claimed_tags_win_over_the_text_and_are_shown_only_as_a_text_could_have_them(
    bench: Callable[..., Bench],
) -> None:
    event = await taken(bench(kind="clock"), item(tags=("#Jun", "Not A Tag!", "#"), text="#other"))
    assert (event.tags, event.labels) == (("jun", "notatag"), ("Jun", "notatag"))


async def test_bots_are_marked_by_the_list_and_by_the_platform(bench: Callable[..., Bench]) -> None:
    one = bench(kind="clock")
    assert (await taken(one, item(account="robot"))).role == "bot"
    assert (await taken(one, item(account="someone", bot=True))).role == "bot"


async def test_unknown_accounts_are_unassigned_and_counted(bench: Callable[..., Bench]) -> None:
    one = bench(kind="clock")
    await one.intake.take([item(1), item(2, account="stranger"), item(3, account="stranger", channel="plaza")])
    assert [event.region for event in one.outlet.events] == ["granada", "unassigned", "granada"]
    assert one.intake.counters.unassigned == 1
    assert one.intake.counters.events == 3


async def test_an_event_goes_to_its_regions_partition_or_its_actors_shard(bench: Callable[..., Bench]) -> None:
    one = bench(kind="clock")
    await one.intake.take([item(number, account=f"a{number}", region="tokyo") for number in range(50)])
    await one.intake.take([item(60, region="granada")])
    for record in one.outlet.records:
        event = event_reader.read(record.value)
        assert isinstance(event, Event)
        assert record.key == event.region.encode()
        assert record.partition == partition_of(event.region, event.actor, 3 if event.region == "tokyo" else 1, 4)
    assert len(Counter(record.partition for record in one.outlet.records[:50])) == 3
    assert one.outlet.records[50].partition == partition_of_region("granada", 4)


async def test_what_is_refused_becomes_a_dead_letter_beside_the_good_ones(bench: Callable[..., Bench]) -> None:
    one = bench(kind="clock")
    fault = UnreadableError("unknown_kind", "wanted a kind")
    became = await one.intake.take(
        [item(1, at=NOW - 5), Item(b"raw", "line 2", fault, 900), item(3, at=NOW + 120_001), item(4, at=NOW + 120_000)]
    )
    assert became == Taken(
        2,
        NOW + 120_000,
        (
            Refusal(1, "unknown_kind", "wanted a kind"),
            Refusal(2, "future", "wanted a time at most 120 s ahead, got one 120 s ahead"),
        ),
    )
    assert [(letter.reason, letter.place, letter.size, letter.at) for letter in one.outlet.letters] == [
        ("unknown_kind", "line 2", 900, NOW),
        ("future", "line 3", 10, NOW),
    ]
    assert one.intake.counters.dead_letters == {"unknown_kind": 1, "future": 1}


async def test_a_heartbeat_goes_into_every_partition_with_the_settings_times(bench: Callable[..., Bench]) -> None:
    one = bench(kind="clock", regions=["granada"], lateness_seconds=7)
    await one.intake.beat()
    assert [record.partition for record in one.outlet.records] == [0, 1, 2, 3]
    assert one.outlet.heartbeats == [
        Heartbeat(
            source="posts",
            status="ok",
            clock=NOW,
            complete_to=NOW,
            timeout=15_000,
            lateness=7_000,
            regions=("granada",),
        )
    ]


async def test_a_heartbeat_never_claims_what_kafka_has_not_acknowledged(bench: Callable[..., Bench]) -> None:
    clock = iter(range(NOW, NOW + 1_000))
    one = bench(kind="clock", clock=lambda: next(clock))
    one.outlet.open.clear()
    received = asyncio.create_task(one.intake.take([item()]))
    await asyncio.sleep(0)
    later = asyncio.create_task(one.intake.take([item(2)]))
    await asyncio.sleep(0)
    beat = asyncio.create_task(one.intake.beat())
    await asyncio.sleep(0)
    one.outlet.open.set()
    await asyncio.gather(received, later, beat)
    await one.intake.beat()
    claimed = [heartbeat.complete_to for heartbeat in one.outlet.heartbeats]
    assert claimed[0] == NOW  # the moment at which the first of the two was received
    assert claimed[1] > NOW + 2


async def test_a_source_that_does_not_run_is_down_and_claims_nothing_new(bench: Callable[..., Bench]) -> None:
    clock = iter(range(NOW, NOW + 1_000))
    one = bench(kind="clock", clock=lambda: next(clock))
    await one.intake.beat()
    one.intake.trouble = "the file is gone"
    await one.intake.beat()
    first, second = one.outlet.heartbeats
    assert (second.status, second.reason) == ("down", "the file is gone")
    assert (first.complete_to, second.complete_to) == (first.complete_to, first.complete_to)
    assert second.clock > first.clock


async def test_heartbeats_do_not_pile_up_while_kafka_is_away(bench: Callable[..., Bench]) -> None:
    one = bench(kind="clock")
    one.outlet.open.clear()
    beats = [asyncio.create_task(one.intake.beat()) for _ in range(5)]
    await asyncio.sleep(0)
    one.outlet.open.set()
    await asyncio.gather(*beats)
    assert len(one.outlet.heartbeats) == 1
    assert one.intake.counters.heartbeats == 1


async def test_a_position_is_kept_for_the_next_process(bench: Callable[..., Bench]) -> None:
    class Place(msgspec.Struct, frozen=True):
        line: int

    first = bench(kind="clock")
    assert first.intake.restore(Place) is None
    await first.intake.save(Place(7))
    first.close()
    assert bench(kind="clock").intake.restore(Place) == Place(7)


async def test_an_edit_is_the_same_event_and_one_of_an_old_post_is_passed_over(bench: Callable[..., Bench]) -> None:
    one = bench(kind="clock")
    day = 24 * 3_600_000
    became = await one.intake.take(
        [
            item(1, at=NOW - 5, text="#one"),
            item(1, at=NOW - 5, text="#one #two", edited=True),
            item(2, at=NOW - day, edited=True),
            item(3, at=NOW - day - 1, edited=True),
            item(4, at=NOW - day - 1),
        ]
    )
    assert became == Taken(5, NOW - 5)
    assert [event.id for event in one.outlet.events] == [one.original(number) for number in ("1", "1", "2", "4")]
    assert one.intake.counters.events == 4


async def test_a_save_that_is_broken_off_is_done_before_the_next_one_begins(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = bench(kind="clock")
    began, go_on = threading.Event(), threading.Event()
    saved = Checkpoint.save

    def slow(self: Checkpoint, position: object) -> None:
        began.set()
        assert go_on.wait(20)
        saved(self, position)

    monkeypatch.setattr(Checkpoint, "save", slow)
    saving = asyncio.create_task(one.intake.save(Mark(1)))
    await asyncio.to_thread(began.wait, 20)
    saving.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not saving.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await saving
    assert one.intake.restore(Mark) == Mark(1)
