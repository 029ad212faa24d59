"""What `jun notify` tells whom, when, and in which words; without Kafka and without a network."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from ops.notify.book import EVERYTHING, Book, Saved
from ops.notify.hours import QuietHours
from ops.notify.receivers import Receiver, scope
from ops.notify.send import NotTakenError, Sender
from schemas.config import Config, Notification, NotifySettings, Secret
from schemas.directory import Directory, Region
from schemas.regions import VERDICTS, Transition
from streams.errors import OperatorError

if TYPE_CHECKING:
    from ops.notify.words import Message

MINUTE = 60_000
HOUR = 60 * MINUTE
NOON = round(dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC).timestamp() * 1000)
REGIONS = tuple(f"r{number:02}" for number in range(40))


class Phone:
    """A receiver that takes everything, or nothing while it is `off`."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.off = False

    async def send(self, message: Message) -> None:
        """Take a message."""
        if self.off:
            raise NotTakenError
        assert message.title
        assert message.text, "Apprise sends no empty message"
        self.messages.append(message)


class Desk:
    """A book, one receiver with a phone, and a clock that the test moves."""

    def __init__(self, *, gather: float = 30, max_age: float = 60, **settings: Any) -> None:
        board = "https://grafana.example.org/"
        self.config = Config(notify=NotifySettings(board=board, gather_seconds=gather, max_age_minutes=max_age))
        self.directory = Directory(
            region=tuple(Region(name=name, title=name.upper(), team=f"team-{name[-1]}") for name in REGIONS)
        )
        self.settings = Notification(name="phone", url=Secret(environment="X"), **settings)
        self.phone = Phone()
        self.now = NOON
        self.saves: list[bytes] = []
        self.start()

    def start(self) -> None:
        """Start the process, again if need be: from what was saved last."""
        saved = json.decode(self.saves[-1], type=Saved) if self.saves else None
        self.book = Book(REGIONS, saved)
        self.receiver = Receiver(self.config, self.directory, self.settings, self.phone)

    def save(self) -> None:
        """Keep the book as the process would."""
        self.saves.append(json.encode(self.book.saved))

    def change(self, region: str, new: str, old: str = "active", reason: str = "no post", *, ago: int = 0) -> bool:
        """Publish a change of verdict; tells whether it was news."""
        made = Transition(region=region, at=self.now - ago, old=old, new=new, reason=reason)  # type: ignore[arg-type]
        return self.book.take(made, published=self.now)

    async def later(self, seconds: float) -> list[str]:
        """Let time pass with a look each second; gives the titles of what was sent meanwhile."""
        before = len(self.phone.messages)
        for _ in range(round(seconds)):
            await self.receiver.look(self.book, self.now, self.save)
            self.now += 1000
        await self.receiver.look(self.book, self.now, self.save)
        return [message.title for message in self.phone.messages[before:]]


async def test_a_silence_is_told_once_and_its_end_once() -> None:
    desk = Desk()
    desk.change("r01", "active", "")
    assert await desk.later(60) == []
    desk.change("r01", "silent", reason="no post for 3 h 10 min; 25 expected since")
    assert await desk.later(29) == []
    assert await desk.later(1) == ["■ R01 has gone silent"]
    assert await desk.later(3 * 3600) == []
    desk.change("r01", "active", "silent", "as usual")
    assert await desk.later(60) == ["✓ R01 is active again"]
    assert await desk.later(3600) == []
    first, last = desk.phone.messages
    assert first.text.splitlines() == [
        "R01, since Tue 12:01: no post for 3 h 10 min; 25 expected since",
        "→ https://grafana.example.org/d/jun-region?var-region=r01",
    ]
    assert last.text.splitlines()[0] == "R01 is active again since Tue 15:01; it was silent since Tue 12:01"
    assert (first.good, last.good) == (False, True)


async def test_forty_silent_regions_are_one_message_and_a_region_that_stays_silent_is_named_when_it_is_over() -> None:
    desk = Desk()
    for name in REGIONS:
        desk.change(name, "silent")
    assert await desk.later(3600) == ["■ Everything is silent: 40 regions"]
    assert desk.phone.messages[0].text.splitlines()[:2] == [
        "All regions that can be judged are silent at once, since Tue 12:00.",
        "Suspect the line before the offices.",
    ]
    for name in REGIONS[1:]:
        desk.change(name, "active", "silent")
    assert await desk.later(3600) == ["✓ No longer is everything silent"]
    assert "R00 is still silent, since Tue 12:00" in desk.phone.messages[-1].text
    desk.change("r00", "active", "silent")
    assert await desk.later(60) == ["✓ R00 is active again"]


async def test_a_verdict_of_the_whole_holds_back_the_silences_that_are_part_of_it() -> None:
    desk = Desk()

    def whole(old: str, new: str) -> bool:
        made = Transition("", desk.now, old, new, "no post from any", scope="whole")  # type: ignore[arg-type]
        return desk.book.take(made, published=desk.now)

    for name in REGIONS:
        desk.change(name, "active", "")
    desk.change(REGIONS[0], "silent")
    assert whole("not everything is silent", "everything is silent")
    assert not whole("not everything is silent", "everything is silent")
    for name in REGIONS[1:30]:
        desk.change(name, "silent")
    assert await desk.later(3600) == ["■ Everything is silent: 30 regions"]
    for name in REGIONS[:30]:
        desk.change(name, "quiet", "silent")
    assert whole("everything is silent", "not everything is silent")
    assert await desk.later(3600) == ["✓ No longer is everything silent"]


async def test_two_silent_regions_of_two_are_no_whole() -> None:
    desk = Desk()
    for name in REGIONS[:2]:
        desk.change(name, "silent")
    assert await desk.later(60) == ["■ 2 regions have gone silent"]


async def test_the_regions_of_a_dead_source_are_one_message() -> None:
    desk = Desk()
    desk.change("r39", "active", "")
    for name in REGIONS[:20]:
        desk.change(name, "unknown", reason="source mail is down: no answer")
    assert await desk.later(60) == ["? 20 regions are unknown: source mail is down: no answer"]
    lines = desk.phone.messages[0].text.splitlines()
    assert lines[0] == "R00, since Tue 12:00"
    assert lines[12] == "… and 8 more"
    assert lines[13].endswith("/d/jun-overview")
    for name in REGIONS[:20]:
        desk.change(name, "active", "unknown", "as usual")
    assert await desk.later(60) == ["✓ Over in 20 regions"]


async def test_two_causes_are_two_parts_of_one_message_the_silent_first() -> None:
    desk = Desk()
    desk.change("r39", "active", "")
    desk.change("r01", "unknown", reason="source mail is down")
    desk.change("r02", "unknown", reason="source chat is down")
    desk.change("r03", "silent")
    assert await desk.later(60) == ["■ R03 has gone silent (+2 more)"]
    text = desk.phone.messages[0].text
    assert text.index("R03 has gone silent") < text.index("R01 is unknown: source mail is down") < text.index("chat")


async def test_what_keeps_coming_is_gathered_but_not_for_ever() -> None:
    desk = Desk()
    desk.change("r39", "active", "")
    sent = []
    for number in range(8):
        desk.change(f"r{number:02}", "silent", "active")
        sent += await desk.later(20)
    assert sent == ["■ 6 regions have gone silent"], "120 s after the first"
    assert await desk.later(30) == ["■ 2 regions have gone silent"]


async def test_first_verdicts_are_no_news() -> None:
    desk = Desk()
    for name, verdict in zip(REGIONS, ("silent", "unknown", "learning", "hidden"), strict=False):
        desk.change(name, verdict, old="")
    assert await desk.later(3600) == []


@pytest.mark.parametrize(("minutes", "told"), [(60, True), (60.1, False), (60 * 24 * 3, False)])
async def test_what_is_older_than_the_limit_is_never_told(minutes: float, told: bool) -> None:
    desk = Desk(gather=0)
    desk.change("r39", "active", "")
    desk.change("r01", "silent", ago=round(minutes * MINUTE))
    assert bool(await desk.later(0)) is told
    assert await desk.later(120) == []


async def test_a_backlog_tells_only_how_a_region_is_at_last() -> None:
    desk = Desk()
    desk.change("r01", "silent", ago=30 * MINUTE)
    desk.change("r01", "active", "silent", ago=20 * MINUTE)
    desk.change("r02", "silent", ago=20 * MINUTE)
    desk.change("r39", "active", "")
    assert await desk.later(60) == ["■ R02 has gone silent"]


async def test_a_return_that_is_too_old_is_forgotten_and_the_next_silence_is_told() -> None:
    desk = Desk()
    desk.change("r39", "active", "")
    desk.change("r01", "silent")
    await desk.later(60)
    desk.now += 5 * HOUR
    desk.change("r01", "active", "silent", ago=2 * HOUR)
    assert await desk.later(60) == []
    desk.change("r01", "silent")
    assert await desk.later(60) == ["■ R01 has gone silent"]


async def test_the_same_change_published_again_is_known() -> None:
    desk = Desk()
    assert desk.change("r01", "silent")
    assert not desk.change("r01", "silent")
    assert not desk.change("r01", "active", ago=1)
    assert not desk.change("stranger", "silent")


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


async def test_everything_silent_is_told_in_quiet_hours() -> None:
    desk = Desk(quiet_hours="00:00-23:59")
    for name in REGIONS[:5]:
        desk.change(name, "silent")
    assert await desk.later(60) == ["■ Everything is silent: 5 regions"]
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
