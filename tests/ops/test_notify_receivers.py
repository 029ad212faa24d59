"""Whom `jun notify` tells and when: across crashes, refusals and quiet hours, and each receiver of what is its own."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.notify.book import EVERYTHING
from ops.notify.hours import QuietHours
from ops.notify.receivers import scope
from ops.notify.send import Sender
from schemas.config import Notification, Secret
from schemas.regions import VERDICTS, Transition
from streams.errors import OperatorError
from tests.support.desk import MINUTE, REGIONS, Desk

if TYPE_CHECKING:
    from ops.notify.words import Message


async def test_a_restart_tells_nothing_again() -> None:
    desk = Desk()
    desk.change("r39", "active", "")
    desk.change("r01", "silent")
    await desk.later(60)
    desk.start()
    desk.change("r01", "silent", ago=61_000)  # read again, since the place was not saved
    assert await desk.later(3600) == []


async def test_a_crash_while_a_message_is_on_its_way_sends_it_again_and_says_so() -> None:
    class CrashError(Exception):
        pass

    desk = Desk(gather=0)
    desk.change("r39", "active", "")
    desk.change("r01", "silent")
    took = desk.phone.send

    async def take_and_crash(message: Message) -> None:
        await took(message)
        raise CrashError

    desk.phone.send = take_and_crash  # type: ignore[method-assign]
    with pytest.raises(CrashError):
        await desk.later(0)
    desk.phone.send = took  # type: ignore[method-assign]
    desk.start()
    await desk.later(60)
    first, second = desk.phone.messages
    assert first.title == second.title
    assert "may have been sent before" not in first.text
    assert "may have been sent before" in second.text


async def test_what_is_not_taken_is_tried_until_it_is_too_old_and_is_then_no_repeat() -> None:
    desk = Desk(gather=0, max_age=10)
    desk.change("r39", "active", "")
    desk.change("r01", "silent")
    desk.phone.off = True
    assert await desk.later(300) == []
    desk.phone.off = False
    assert await desk.later(0) == ["■ R01 has gone silent"]
    assert "before" not in desk.phone.messages[0].text
    desk.phone.off = True
    desk.change("r02", "silent")
    assert await desk.later(601) == []
    desk.phone.off = False
    assert await desk.later(60) == []


async def test_in_quiet_hours_only_what_can_t_wait_is_told_and_the_rest_as_it_is_at_their_end() -> None:
    desk = Desk(quiet_hours="22:00-07:00", time_zone="Europe/Madrid", always=("everything", "unknown"))
    desk.now = round(dt.datetime(2026, 11, 24, 22, 30, tzinfo=ZoneInfo("Europe/Madrid")).timestamp() * 1000)
    desk.change("r39", "active", "")
    desk.change("r01", "silent")
    desk.change("r02", "silent")
    desk.change("r03", "unknown", reason="source mail is down")
    assert await desk.later(60) == ["? R03 is unknown: source mail is down"]
    desk.change("r02", "active", "silent")
    desk.now = round(dt.datetime(2026, 11, 25, 6, 59, tzinfo=ZoneInfo("Europe/Madrid")).timestamp() * 1000)
    assert await desk.later(59) == []
    assert await desk.later(60) == ["■ R01 has gone silent"]
    assert "since Tue 22:30" in desk.phone.messages[-1].text


@pytest.mark.parametrize("seconds", [10, 3600])
async def test_what_came_shortly_before_quiet_hours_and_was_not_told_yet_is_told_at_their_end(seconds: int) -> None:
    desk = Desk(quiet_hours="22:00-07:00", max_age=60)
    desk.now = round(dt.datetime(2026, 11, 24, 22, tzinfo=dt.UTC).timestamp() * 1000) - seconds * 1000
    desk.change("r39", "active", "")
    desk.change("r01", "silent")
    desk.now += seconds * 1000
    assert await desk.later(9 * 3600 - 1) == []
    assert await desk.later(61) == ["■ R01 has gone silent"]


async def test_a_silence_that_can_t_wait_is_told_though_the_end_of_the_whole_can() -> None:
    desk = Desk(quiet_hours="22:00-07:00", always=("everything", "silent"))
    desk.now = round(dt.datetime(2026, 11, 25, 1, tzinfo=dt.UTC).timestamp() * 1000)
    for name in REGIONS[:5]:
        desk.change(name, "silent")
    assert await desk.later(60) == ["■ Everything is silent at once"]
    for name in REGIONS[:5]:
        desk.change(name, "active", "silent")
    assert await desk.later(60) == []
    desk.change("r01", "silent")
    assert await desk.later(60) == ["■ R01 has gone silent"]
    desk.now = round(dt.datetime(2026, 11, 25, 7, tzinfo=dt.UTC).timestamp() * 1000)
    assert await desk.later(60) == ["✓ No longer is everything silent"]
    assert "R01 is still silent" in desk.phone.messages[-1].text


async def test_everything_silent_is_told_in_quiet_hours() -> None:
    desk = Desk(quiet_hours="00:00-23:59")
    for name in REGIONS[:5]:
        desk.change(name, "silent")
    assert await desk.later(60) == ["■ Everything is silent at once"]
    assert set(desk.book.told("phone")) == {EVERYTHING}


async def test_a_receiver_hears_of_its_regions_and_verdicts_only() -> None:
    desk = Desk(regions=("r01",), teams=("team-2",), verdicts=("silent",), returns=False)
    assert scope(desk.settings, desk.directory) == {"r01", "r02", "r12", "r22", "r32"}
    desk.change("r39", "active", "")
    desk.change("r03", "silent")
    desk.change("r12", "unknown")
    assert await desk.later(60) == []
    desk.change("r01", "silent")
    assert await desk.later(60) == ["■ R01 has gone silent"]
    desk.change("r01", "unknown", "silent")
    assert await desk.later(60) == []
    desk.change("r01", "silent", "unknown")
    assert await desk.later(60) == ["■ R01 has gone silent"]


async def test_a_region_that_is_no_longer_silent_but_unknown_is_not_called_well() -> None:
    desk = Desk(verdicts=("silent",))
    desk.change("r39", "active", "")
    desk.change("r01", "silent")
    await desk.later(60)
    desk.change("r01", "unknown", "silent", "source mail is down")
    assert await desk.later(60) == ["? R01 is now unknown"]
    assert "(source mail is down)" in desk.phone.messages[-1].text


async def test_in_a_simulation_the_age_is_that_of_the_record() -> None:
    desk = Desk(gather=0)
    far = Transition(region="r01", at=5 * MINUTE, old="active", new="silent", reason="")
    desk.change("r39", "active", "")
    desk.book.take(far, published=desk.now, simulated=True)
    assert await desk.later(0) == ["■ R01 has gone silent"]


MADRID = ZoneInfo("Europe/Madrid")


@pytest.mark.parametrize(
    ("text", "at", "end"),
    [
        ("22:00-07:00", "2026-11-24 21:59:59", None),
        ("22:00-07:00", "2026-11-24 22:00:00", "2026-11-25 07:00:00"),
        ("22:00-07:00", "2026-11-25 06:59:59", "2026-11-25 07:00:00"),
        ("22:00-07:00", "2026-11-25 07:00:00", None),
        ("22:00-24:00, 00:00-06:00", "2026-11-24 23:00:00", "2026-11-25 06:00:00"),
        ("22:00-07:00", "2026-03-28 23:00:00", "2026-03-29 07:00:00"),  # a night of 23 hours
        ("22:00-07:00", "2026-10-24 23:00:00", "2026-10-25 07:00:00"),  # and one of 25
        ("", "2026-11-24 03:00:00", None),
    ],
)
def test_quiet_hours_end_when_the_clocks_of_the_place_say_so(text: str, at: str, end: str | None) -> None:
    def moment(written: str) -> int:
        return round(dt.datetime.fromisoformat(written).replace(tzinfo=MADRID).timestamp() * 1000)

    hours = QuietHours(text, "Europe/Madrid")
    assert hours.end(moment(at)) == moment(end or at)
    assert hours.are_now(moment(at)) is (end is not None)


steps = st.lists(
    st.tuples(st.sampled_from(REGIONS[:4]), st.sampled_from(VERDICTS), st.integers(0, 90), st.booleans()), max_size=25
)


@given(steps)
def test_whatever_happens_a_receiver_is_told_at_most_once_of_each_change_and_in_the_end_knows_what_matters(
    happened: list[tuple[str, str, int, bool]],
) -> None:

    async def play() -> None:
        desk = Desk(gather=0, max_age=10_080)
        verdict = dict.fromkeys(REGIONS[:4], "")
        desk.change("r39", "active", "")
        said: list[str] = []
        for region, new, seconds, restart in happened:
            if new != verdict[region]:
                desk.change(region, new, verdict[region])
                verdict[region] = new
            desk.now += seconds * 1000
            before = dict(desk.book.told("phone"))
            titles = await desk.later(0)
            said += titles
            if restart:
                desk.save()
                desk.start()
                assert desk.book.told("phone") != before or not titles
            assert await desk.later(0) == []
        told = desk.book.told("phone")
        for region, last in verdict.items():
            first = desk.book.latest.get(region)
            if first and first.old and last in {"silent", "unknown"}:
                assert told[region].verdict == last
            else:
                assert region not in told

    asyncio.run(play())


def test_an_address_that_apprise_does_not_know_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAY", "nonsense://user:secret@host")
    with pytest.raises(OperatorError) as refused:
        Sender(Notification(name="phone", url=Secret(environment="WAY")))
    assert "secret" not in str(refused.value)
    assert "notification.phone.url" in str(refused.value)
