"""Source `imap` against a server that speaks IMAP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streams.ingest.checkpoint import SavedPosition
from streams.ingest.source import settings_of
from tests.support.imap import Box, Letter, MailServer, mail_server
from tests.support.ingest import NOW, until
from tests.support.services import running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.ingest import Bench

CAME = 1_779_999_600_000
"""28 May 2026, 20:20 UTC."""


def news(uid: int, name: str = "a", **more: Any) -> Letter:
    return Letter(
        uid, f"From: News <News@office.example>\nSubject: Our #Jun\nMessage-ID: <{name}@office.example>", **more
    )


def make(bench: Callable[..., Bench], server: MailServer, folder: Path, **more: Any) -> Bench:
    (folder / "password").write_text("right\n")
    entry = {
        "kind": "imap",
        "host": "127.0.0.1",
        "port": server.port,
        "tls": False,
        "user": "ana",
        "poll_seconds": 0.05,
    }
    return bench(**{**entry, "password": {"file": "password"}, "senders": ["news@office.example"], **more})


def kinds(one: Bench) -> list[tuple[str, int]]:
    return [(event.kind, event.at) for event in one.outlet.events]


async def test_a_newsletter_is_delivered_then_opened_then_deleted(bench: Callable[..., Bench], tmp_path: Path) -> None:
    now = NOW
    async with mail_server() as server:
        server.boxes["INBOX"].letters = [news(3), Letter(4, "From: eva@x.example\nSubject: hi\nMessage-ID: <h@x>")]
        one = make(bench, server, tmp_path, clock=lambda: now)
        async with running(one) as task:
            await until(lambda: len(one.outlet.events) == 1, task)
            now = NOW + 60_000
            server.boxes["INBOX"].letters[0].seen = True
            await until(lambda: len(one.outlet.events) == 2, task)
            now = NOW + 120_000
            server.boxes["INBOX"].letters = []
            server.boxes["Trash"].letters = [news(1, seen=True)]
            await until(lambda: len(one.outlet.events) == 3, task)
            await until(lambda: one.source.standing(now).complete_to == now, task)
    assert kinds(one) == [("delivered", CAME), ("open", NOW + 60_000), ("delete", NOW + 120_000)]
    assert len({event.actor for event in one.outlet.events}) == 1
    assert {event.region for event in one.outlet.events} == {"granada"}
    assert len({event.reference for event in one.outlet.events}) == 1
    assert one.outlet.events[0].tags == ("jun",)


async def test_the_past_that_is_asked_for_twice_counts_once(bench: Callable[..., Bench], tmp_path: Path) -> None:
    now = NOW
    async with mail_server() as server:
        server.boxes["INBOX"].letters = [news(3, seen=True)]
        server.boxes["Trash"].letters = [news(1, "b", seen=True)]
        one = make(bench, server, tmp_path, clock=lambda: now, backfill_hours=0)
        assert await one.source.fill(one.intake, CAME - 1) == "sent 5 events"
        first = one.outlet.events
        now = NOW + 60_000
        await one.source.fill(one.intake, CAME - 1)
    assert one.outlet.events[5:] == first


async def test_what_became_of_a_mail_that_the_source_watches_is_not_told_again_by_a_filling(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    now = NOW
    async with mail_server() as server:
        server.boxes["INBOX"].letters = [
            news(3, "old", seen=True, came="28-May-2026 20:19:00 +0000"),
            news(4, seen=True),
        ]
        one = make(bench, server, tmp_path, clock=lambda: now, backfill_hours=(NOW - CAME) / 3_600_000)
        async with running(one) as task:
            await until(lambda: len(one.outlet.events) == 2, task)
        assert kinds(one) == [("delivered", CAME), ("open", NOW)]
        live = one.outlet.events
        now = NOW + 60_000
        beside = one.intake_of(one.source, SavedPosition(tmp_path / "checkpoints", "posts"))
        assert await one.source.fill(beside, CAME - 60_000) == "sent 3 events"
    again = one.outlet.events[2:]
    assert [(event.kind, event.at) for event in again if event not in live] == [
        ("delivered", CAME - 60_000),
        ("open", CAME - 60_000),
    ]
    assert live[0] in again


async def test_what_is_known_is_not_fetched_or_told_again_not_even_after_a_restart(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    async with mail_server() as server:
        server.boxes["INBOX"].letters = [news(3, seen=True)]
        one = make(bench, server, tmp_path)
        async with running(one) as task:
            await until(lambda: server.logins > 3, task)
        one.close()
        two = make(bench, server, tmp_path)
        async with running(two) as task:
            before = server.logins
            await until(lambda: server.logins > before + 1, task)
    assert [kind for kind, _ in kinds(one)] == ["delivered", "open"]
    assert (two.outlet.events, server.fetched) == ([], 1)


async def test_a_crash_after_the_look_sends_the_same_at_the_same_moment(
    bench: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = NOW
    async with mail_server() as server:
        server.boxes["INBOX"].letters = [news(3, seen=True)]
        one = make(bench, server, tmp_path, clock=lambda: now)

        async def crash(*_: Any) -> Any:
            raise RuntimeError("killed")

        monkeypatch.setattr(one.intake, "take", crash)
        with pytest.raises(RuntimeError, match="killed"):
            await one.source.run(one.intake)
        one.close()
        now = NOW + 600_000
        two = make(bench, server, tmp_path, clock=lambda: now)
        async with running(two) as task:
            await until(lambda: len(two.outlet.events) == 2, task)
    assert kinds(two) == [("delivered", CAME), ("open", NOW)]


async def test_other_uids_after_a_rebuilt_mailbox_repeat_nothing(bench: Callable[..., Bench], tmp_path: Path) -> None:
    async with mail_server() as server:
        server.boxes["INBOX"].letters = [news(3)]
        one = make(bench, server, tmp_path)
        async with running(one) as task:
            await until(lambda: len(one.outlet.events) == 1, task)
            server.boxes["INBOX"] = Box([news(70, seen=True), news(71, "b")], validity=2)
            await until(lambda: len(one.outlet.events) == 3, task)
    assert sorted(kind for kind, _ in kinds(one)) == ["delivered", "delivered", "open"]


async def test_a_list_id_names_a_sender_and_part_of_an_address_does_not(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    async with mail_server() as server:
        server.boxes["INBOX"].letters = [
            Letter(1, "From: bnews@office.example\nMessage-ID: <1@x>"),
            Letter(2, "From: x@y.example\nList-ID: Staff <staff.office.example>\nMessage-ID: <2@x>"),
        ]
        one = make(bench, server, tmp_path, senders=["news@office.example", "staff.office.example"])
        async with running(one) as task:
            await until(lambda: len(one.outlet.events) == 1 and server.logins > 2, task)
    assert len(one.outlet.events) == 1


async def test_a_connection_that_breaks_is_told_and_tried_again(bench: Callable[..., Bench], tmp_path: Path) -> None:
    async with mail_server() as server:
        server.boxes["INBOX"].letters = [news(3)]
        server.drop = 4
        one = make(bench, server, tmp_path)
        async with running(one) as task:
            await until(lambda: bool(one.source.standing(NOW).reason), task)
            assert one.source.standing(NOW + 300_050).status == "degraded"
            assert one.source.standing(NOW + 300_051).status == "down"
            await until(lambda: one.source.standing(NOW).status == "ok", task)
    assert [kind for kind, _ in kinds(one)] == ["delivered"]


async def test_a_refused_login_says_so_without_the_password(bench: Callable[..., Bench], tmp_path: Path) -> None:
    async with mail_server() as server:
        server.password = "another"
        one = make(bench, server, tmp_path)
        with pytest.raises(Exception, match="the login was refused") as raised:
            await one.source.run(one.intake)
    assert "right" not in str(raised.value).replace("rights", "")


def test_a_password_goes_over_no_network_in_the_clear() -> None:
    entry = {"kind": "imap", "name": "m", "host": "mail.example", "user": "a", "senders": ["n@x"], "tls": False}
    with pytest.raises(ValueError, match="only for a server on this machine"):
        settings_of(entry)
