"""What `jun notify` tells and in which words; without Kafka and without a network."""

from __future__ import annotations

import pytest

from schemas.regions import Transition
from tests.support.desk import HOUR, MINUTE, REGIONS, Desk


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
    assert await desk.later(3600) == ["■ Everything is silent at once"]
    assert desk.phone.messages[0].text.splitlines()[:2] == [
        "All regions that can be judged are silent, the last since Tue 12:00.",
        "Suspect the line before the offices.",
    ]
    for name in REGIONS[1:]:
        desk.change(name, "active", "silent")
    assert await desk.later(3600) == ["✓ No longer is everything silent"]
    assert "R00 is still silent, since Tue 12:00" in desk.phone.messages[-1].text
    desk.change("r00", "active", "silent")
    assert await desk.later(60) == ["✓ R00 is active again"]


async def flapping(desk: Desk) -> int:
    """Tell of a silence and its end, then let it come back half an hour later; gives when the cool-down is over."""
    began = desk.now
    desk.change("r01", "silent", incident_since=began)
    assert await desk.later(60) == ["■ R01 has gone silent"]
    desk.change("r01", "active", "silent", incident_since=began)
    until = desk.now + 6 * HOUR
    assert await desk.later(1800) == ["✓ R01 is active again"]
    desk.change("r01", "silent", incident_since=began, held_until=until)
    return until


async def test_a_silence_that_comes_back_within_the_cool_down_is_told_when_it_is_over_and_a_recovery_has_had_time() -> (
    None
):
    desk = Desk(gather=0)
    until = await flapping(desk)
    assert await desk.later((until - desk.now) / 1000 + 299) == []
    desk.save()
    desk.start()
    assert await desk.later(1) == ["■ R01 has gone silent"]
    desk.change("r01", "active", "silent")
    assert await desk.later(1) == ["✓ R01 is active again"]


async def test_a_silence_that_comes_back_and_goes_again_within_the_cool_down_is_not_told() -> None:
    desk = Desk()
    until = await flapping(desk)
    assert await desk.later(3600) == []
    desk.change("r01", "active", "silent")
    assert await desk.later((until - desk.now) / 1000 + 3600) == []


async def test_a_silence_that_comes_back_is_told_at_once_to_whom_the_first_was_not_told() -> None:
    desk = Desk(gather=0, quiet_hours="11:00-13:00")
    began = desk.now
    desk.change("r01", "silent", incident_since=began)
    assert await desk.later(60) == []
    desk.change("r01", "active", "silent", incident_since=began)
    until = desk.now + 6 * HOUR
    assert await desk.later(3600) == []
    desk.change("r01", "silent", incident_since=began, held_until=until)
    assert await desk.later(0) == ["■ R01 has gone silent"]


async def test_a_verdict_of_the_whole_holds_back_the_silences_that_are_part_of_it() -> None:
    desk = Desk()

    def whole(old: str, new: str) -> bool:
        reason = "no post from any of 40 regions for 1 h; 25 expected since; 3 silent by themselves"
        made = Transition("", desk.now, old, new, reason, scope="whole")  # type: ignore[arg-type]
        return desk.book.take(made, published=desk.now)

    for name in REGIONS:
        desk.change(name, "active", "")
    desk.change(REGIONS[0], "silent")
    assert whole("not everything is silent", "everything is silent")
    assert not whole("not everything is silent", "everything is silent")
    assert await desk.later(60) == ["■ Everything is silent at once"]
    assert desk.phone.messages[0].text.splitlines()[:2] == [
        "No post from any of 40 regions for 1 h; 25 expected since; 3 silent by themselves.",
        "Suspect the line before the offices.",
    ]
    for name in REGIONS[1:30]:
        desk.change(name, "silent")
    assert await desk.later(3600) == []
    for name in REGIONS[:30]:
        desk.change(name, "quiet", "silent")
    assert whole("everything is silent", "not everything is silent")
    assert await desk.later(3600) == ["✓ No longer is everything silent"]


@pytest.mark.parametrize(("age", "told"), [(60, ["■ Everything is silent at once"]), (61, [])])
async def test_the_whole_is_as_old_as_its_own_verdict_however_long_ago_the_last_region_was_called(
    age: int, told: list[str]
) -> None:
    desk = Desk(gather=0)
    for name in REGIONS:
        desk.change(name, "active", "")
    for name in REGIONS[:4]:
        desk.change(name, "silent")
    assert await desk.later(60) == ["■ 4 regions have gone silent"]
    desk.now += 6 * HOUR  # the night of the others
    began = desk.now
    desk.now += age * MINUTE
    made = Transition("", began, "not everything is silent", "everything is silent", "no post", scope="whole")
    assert desk.book.take(made, published=desk.now)
    desk.save()
    desk.start()
    assert await desk.later(0) == told


async def test_a_region_that_has_left_the_directory_has_no_say_in_the_whole() -> None:
    desk = Desk()
    desk.book.regions |= {"gone"}
    desk.change("gone", "active", "")
    desk.save()
    desk.start()
    for name in REGIONS[:3]:
        desk.change(name, "silent")
    assert await desk.later(60) == ["■ Everything is silent at once"]


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
