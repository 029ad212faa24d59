"""Source `rss` against a server that answers as feeds are answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from streams.ingest.checkpoint import Checkpoint
from streams.ingest.source import RefusedInput, rereader
from tests.support.ingest import NOW, until
from tests.support.services import Service, running, script, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.ingest import Bench

ITEM = "<item><guid>{0}</guid><title>{1}</title>{2}</item>"
DATED = "<pubDate>Thu, 28 May 2026 20:20:00 GMT</pubDate>"
AT = 1_779_999_600_000


def feed(*items: str) -> bytes:
    return ("<rss version='2.0'><channel><title>t</title>" + "".join(items) + "</channel></rss>").encode()


def make(bench: Callable[..., Bench], service: Service, **more: Any) -> Bench:
    entry = {"kind": "rss", "url": service.address + "/feed", "poll_seconds": 0.05, "account": "office"}
    return bench(**{**entry, **more})


async def test_an_entry_is_a_post_of_the_office_with_the_hashtags_of_its_text(bench: Callable[..., Bench]) -> None:
    body = feed(
        ITEM.format(
            "a", "Día de #Voluntariado &amp;amp; más", DATED + "<description>&lt;p&gt;#JUN&lt;/p&gt;</description>"
        )
    )
    async with serving(script(then=body)) as service:
        one = make(bench, service)
        async with running(one) as task:
            await until(lambda: len(service.asked) > 2, task)
    (event,) = one.outlet.events
    assert (event.id, event.at, event.kind, event.region) == (one.original("a"), AT, "post", "granada")
    assert event.tags == ("voluntariado", "jun")


async def test_a_feed_is_asked_for_with_what_it_said_of_itself_and_304_completes_the_time(
    bench: Callable[..., Bench],
) -> None:
    now = NOW

    async def handle(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == '"1"' and request.headers.get("If-Modified-Since") == "monday":
            return web.Response(status=304)
        return web.Response(body=feed(ITEM.format("a", "x", DATED)), headers={"ETag": '"1"', "Last-Modified": "monday"})

    async with serving(handle) as service:
        one = make(bench, service, clock=lambda: now)
        async with running(one) as task:
            await until(lambda: len(service.asked) > 1, task)
            now = NOW + 60_000
            await until(lambda: one.source.standing(now).complete_to == now, task)
    assert len(one.outlet.events) == 1


async def test_what_was_sent_is_not_sent_again_after_a_restart_and_what_was_not_is(bench: Callable[..., Bench]) -> None:
    first = feed(ITEM.format("a", "x", DATED))
    async with serving(script(then=first)) as service:
        one = make(bench, service)
        async with running(one) as task:
            await until(lambda: len(service.asked) > 1, task)
        one.close()
        service.handle = script(then=feed(ITEM.format("b", "y", DATED), ITEM.format("a", "x", DATED)))
        two = make(bench, service)
        async with running(two) as task:
            await until(lambda: len(two.outlet.events) == 1, task)
    assert [event.id for event in two.outlet.events] == [two.original("b")]


async def test_an_entry_without_a_moment_keeps_that_of_its_first_sight_over_a_crash_before_the_position_is_saved(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = NOW
    async with serving(script(then=feed(ITEM.format("a", "x", "")))) as service:
        one = make(bench, service, clock=lambda: now)
        saved = Checkpoint.save
        calls = 0

        def crash(self: Checkpoint, position: object) -> None:
            nonlocal calls
            calls += 1
            if calls > 1:
                raise OSError("the disk is full")
            saved(self, position)

        monkeypatch.setattr(Checkpoint, "save", crash)
        with pytest.raises(OSError, match="full"):
            await one.source.run(one.intake)
        monkeypatch.setattr(Checkpoint, "save", saved)
        one.close()
        now = NOW + 120_000
        two = make(bench, service, clock=lambda: now)
        async with running(two) as task:
            await until(lambda: len(two.outlet.events) == 1, task)
    assert one.outlet.events == two.outlet.events
    assert one.outlet.events[0].at == NOW


async def test_the_first_start_reads_back_as_far_as_it_is_told(bench: Callable[..., Bench]) -> None:
    old = ITEM.format("old", "x", DATED.replace("20:20:00", "20:00:00"))
    async with serving(script(then=feed(ITEM.format("new", "x", DATED), old))) as service:
        one = make(bench, service, backfill_hours=0.2)
        async with running(one) as task:
            await until(lambda: len(service.asked) > 1, task)
    assert [event.id for event in one.outlet.events] == [one.original("new")]


async def test_a_feed_that_is_none_is_one_dead_letter_and_told_until_it_is_one_again(
    bench: Callable[..., Bench],
) -> None:
    good = feed(ITEM.format("a", "x", DATED))
    async with serving(script(b"<html>down for maintenance", b"<html>down for maintenance", then=good)) as service:
        one = make(bench, service)
        async with running(one) as task:
            await until(lambda: one.source.standing(NOW).reason.startswith("the feed can't be read"), task)
            await until(lambda: bool(one.outlet.events), task)
            await until(lambda: one.source.standing(NOW).status == "ok", task)
    assert [letter.reason for letter in one.outlet.letters] == ["unreadable"]


async def test_a_rate_limit_is_obeyed_and_told(bench: Callable[..., Bench]) -> None:
    limited = web.Response(status=429, headers={"Retry-After": "1"})
    async with serving(script(limited, then=feed(ITEM.format("a", "x", DATED)))) as service:
        one = make(bench, service)
        async with running(one) as task:
            await until(lambda: "rate limit" in one.source.standing(NOW).reason, task)
            assert len(service.asked) == 1
            await until(lambda: bool(one.outlet.events), task)
    assert len(one.outlet.events) == 1


async def test_trouble_that_lasts_is_called_down_and_time_is_not_claimed(bench: Callable[..., Bench]) -> None:
    now = NOW
    async with serving(script(feed(), then=lambda: web.Response(status=429, headers={"Retry-After": "1"}))) as service:
        one = make(bench, service, clock=lambda: now)
        async with running(one) as task:
            await until(lambda: bool(one.source.standing(now).reason), task)
            assert one.source.standing(NOW + 300_050).status == "degraded"
            late = one.source.standing(NOW + 300_051)
    assert (late.status, late.complete_to) == ("down", NOW)


@pytest.mark.parametrize("folder", ["wellformed", "illformed"])
async def test_real_feeds_give_posts_or_one_dead_letter(
    bench: Callable[..., Bench], shared_data: Path, folder: str
) -> None:
    files = sorted((shared_data / "payloads/rss-atom/tests" / folder).rglob("*.xml"))
    assert files
    for number, file in enumerate(files):
        async with serving(script(then=file.read_bytes())) as service:
            one = make(bench, service, backfill_hours=168, name=f"feed-{number}")
            async with running(one) as task:
                await until(lambda seen=service.asked: len(seen) > 1, task)
            assert not one.outlet.letters or not one.outlet.events


async def test_a_refused_entry_is_read_again_to_the_same(bench: Callable[..., Bench]) -> None:
    future = ITEM.format("a", "#x", DATED.replace("2026", "2027"))
    async with serving(script(then=feed(future))) as service:
        one = make(bench, service)
        async with running(one) as task:
            await until(lambda: bool(one.outlet.letters), task)
        settings = one.source._settings
    assert [letter.reason for letter in one.outlet.letters] == ["future"]
    raw = b'{"id":"a","at":1811535600000,"text":"#x\\n","account":"office"}'
    again = rereader(settings, None)
    (item,) = again(RefusedInput(raw, "feed entry", NOW))
    assert (item.submission.id, item.submission.at, item.submission.account) == ("a", 1_811_535_600_000, "office")
