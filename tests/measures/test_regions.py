"""The region fold: verdicts in their order, reasons in words, shards joined, state read back."""

from __future__ import annotations

import msgspec
import pytest

from schemas.activity import Activity, ActivityFigures, SourceChange, SourceState, Windows
from schemas.codec import encode
from schemas.config import Config
from schemas.directory import Directory, Region
from schemas.regions import CampaignDay, Evidence, TagTogether
from streams.measures.campaigns import NO_END, Definition
from streams.measures.privacy import Release
from streams.measures.regions.campaigns import Kept, status
from streams.measures.regions.entries import flush, restore
from streams.measures.regions.fold import RegionsFold, RegionsSettings
from streams.measures.regions.shards import join
from streams.measures.regions.state import RegionState
from streams.measures.regions.verdict import verdict_of
from streams.measures.silence.state import Assessment

BEGIN = 29_000_160
UP = SourceState("ok", 0, 0)
DOWN = SourceState("down", 0, 0, "its heartbeats have stopped")
SETTINGS = RegionsSettings(Config(), Directory(region=(Region("a", headcount=100), Region("small", headcount=9))))


def minute(number: int, region: str = "a", events: int = 1, people: int = 12, **more) -> Activity:
    """Give the activity of one minute, in which as many people took part as in every window."""
    four = [[people]] * 4
    counts = [[events]] * 4
    return Activity(
        region=region,
        minute=BEGIN + number,
        revision=0,
        events=events,
        actors=people,
        kinds={"post": events},
        series={},
        windows=Windows([""], four, four, counts, counts, counts, counts),
        sources={"s": UP},
        totals={"post": events},
        **more,
    )


def read(activity: Activity) -> ActivityFigures:
    """Give an activity as the region agent reads it."""
    return msgspec.json.decode(encode(activity), type=ActivityFigures)


def fold(*records) -> tuple[RegionsFold, list]:
    made = RegionsFold(SETTINGS)
    output = made.fold(range(len(records)), [encode(one) for one in records])
    return made, output


def test_a_source_that_is_down_comes_before_every_other_verdict() -> None:
    silent = Assessment(silent=True, learning=False)
    verdict, reason = verdict_of({"s": DOWN, "t": UP}, 100, 10, silent)
    assert (verdict, reason) == ("unknown", "source s is down: its heartbeats have stopped")


def test_too_few_people_are_hidden_before_anything_is_said_of_their_silence() -> None:
    silent = Assessment(silent=True, learning=False)
    assert verdict_of({"s": UP}, 9, 10, silent)[0] == "hidden"
    assert verdict_of({"s": UP}, 10, 10, silent)[0] == "silent"


def test_an_hour_without_an_event_makes_active_quiet() -> None:
    usual = {"silent": False, "learning": False, "last_event": 1}
    assert verdict_of({"s": UP}, 10, 10, Assessment(**usual, empty_seconds=3_599))[0] == "active"
    assert verdict_of({"s": UP}, 10, 10, Assessment(**usual, empty_seconds=3_600))[0] == "quiet"


def test_the_reason_of_a_silence_is_the_one_that_people_read() -> None:
    assessment = Assessment(
        silent=True,
        learning=False,
        test="silence",
        empty_seconds=33_600,
        expected_events=41.2,
        weeks=11.3,
        last_event=1,
    )
    said = verdict_of({"s": UP}, 100, 10, assessment)
    assert said == ("silent", "no post for 9 h 20 min; 41 expected since; by chance once in 11 weeks")


def test_a_region_of_unknown_headcount_is_judged_as_soon_as_its_figures_are_shown() -> None:
    made = RegionsFold(RegionsSettings(Config(), Directory(region=(Region("a"),))))
    few = made.fold([0], [encode(minute(0, people=9))])
    assert few.statuses[0].verdict == "hidden"
    assert few.statuses[0].reason == "its headcount is not known, and fewer than 10 people took part in 28 days"
    enough = made.fold([1], [encode(minute(1_440, people=10))])
    shown = enough.statuses[0].windows[""].actors
    assert (shown[-1], enough.statuses[0].verdict, enough.statuses[0].headcount) == (10, "learning", "hidden")


def test_each_change_of_verdict_is_one_transition_and_a_repeat_none() -> None:
    change = SourceChange("a", 0, 0, {"s": DOWN})
    _, output = fold(minute(0), minute(1), change, change, minute(1))
    assert [(one.old, one.new) for one in output.transitions] == [("", "learning"), ("learning", "unknown")]
    assert [one.verdict for one in output.statuses] == ["unknown"]


def test_nothing_of_a_region_with_too_few_people_is_released() -> None:
    _, output = fold(minute(0, "small"))
    status = output.statuses[0]
    assert (status.verdict, status.headcount, status.last_event_at) == ("hidden", "hidden", 0)
    assert {"hidden"} == {count for window in status.windows.values() for count in window.actors}
    assert {"hidden"} == set(status.events_total.values())


def test_no_evidence_is_told_of_a_region_with_too_few_people() -> None:
    for region, told in (("a", True), ("small", False)):
        _, output = fold(minute(0, region), minute(5, region, events=0, span=5))
        assert {bool(one.evidence.empty_seconds) for one in output.statuses} == {told}
        assert all(one.evidence == Evidence() for one in output.transitions)


def test_the_last_event_is_told_as_the_end_of_its_minute() -> None:
    _, output = fold(minute(0), minute(5, events=0, span=5))
    assert output.statuses[0].last_event_at == (BEGIN + 1) * 60_000


def test_state_read_back_goes_on_as_if_nothing_had_happened() -> None:
    records = [minute(n, events=n % 3, people=10 + n % 5) for n in range(0, 200, 2)]
    raw = [encode(one) for one in records]
    through, _ = fold(*records)
    table = {}
    first = RegionsFold(SETTINGS)
    first.fold(range(50), raw[:50])
    for step in flush(first).steps():
        table |= dict(step)
    again = restore(SETTINGS, table)
    assert again.offset == 49
    output = again.fold(range(30, 100), raw[30:])
    assert through.fold([100], [encode(minute(300))]).statuses == again.fold([100], [encode(minute(300))]).statuses
    assert output.statuses


def test_shards_are_joined_when_the_last_one_has_closed_the_minute() -> None:
    state = RegionState("a")
    assert not list(join(state, read(minute(0, shard=0, shards=2))))
    assert not list(join(state, read(minute(1, shard=0, shards=2))))
    joined = list(join(state, read(minute(0, shard=1, shards=2, events=3, people=20))))
    assert [(one.minute, one.events, one.actors) for one in joined] == [(BEGIN, 4, 32)]
    assert [column[0] for column in joined[0].windows.actors] == [32] * 4
    assert [one.minute for one in join(state, read(minute(1, shard=1, shards=2)))] == [BEGIN + 1]


def test_shards_that_wait_are_read_back_also_from_entries_that_have_their_series() -> None:
    first = fold(minute(0, shard=0, shards=2))[0]
    table = {key: value for step in flush(first).steps() for key, value in step}
    entry = msgspec.msgpack.decode(table[b"a"][8:])
    (waiting,) = entry["waiting"][0]
    assert "series" not in waiting
    waiting["series"] = {"tag": [1, 1]}
    table[b"a"] = table[b"a"][:8] + msgspec.msgpack.encode(entry)

    output = restore(SETTINGS, table).fold([1], [encode(minute(0, shard=1, shards=2, people=20))])

    assert [status.minute for status in output.statuses] == [BEGIN]
    assert output.statuses[0].windows[""].actors == (30,) * 4


@pytest.mark.parametrize("shards", [1, 2])
def test_a_region_of_fewer_shards_than_before_does_not_wait_for_those_that_are_gone(shards: int) -> None:
    state = RegionState("a")
    for shard in range(3):
        list(join(state, read(minute(0, shard=shard, shards=3))))
    for shard in range(shards):
        closed = [one.minute for one in join(state, read(minute(1, shard=shard, shards=shards)))]
    assert closed == [BEGIN + 1]


def test_how_far_a_source_has_got_is_told_in_whole_minutes_since_it_may_be_the_moment_of_somebodys_post() -> None:
    last = BEGIN * 60_000 + 34_567
    read = minute(0)
    read.sources = {"s": SourceState("ok", 17, last)}
    _, output = fold(read, SourceChange("a", last, last, {"s": SourceState("down", 18, last, "gone")}))
    assert output.statuses[-1].sources == {"s": SourceState("down", 18, BEGIN * 60_000, "gone")}


def test_a_region_that_has_become_too_small_tells_no_day_and_no_tag_of_its_campaigns_any_more() -> None:
    days = (CampaignDay(20_000, 40, 90), CampaignDay(20_001, 50, 110))
    kept = {"spring": Kept(Definition(("x",), 0, NO_END), 0, days, (TagTogether("picnic", 20, 0.5, 3.0),))}
    shown = status(kept, Release(20_001 * 1_440, hidden=False))["spring"]
    assert (shown.days, len(shown.candidates)) == (days, 1)
    gone = status(kept, Release(20_001 * 1_440))["spring"]
    assert gone.days == (CampaignDay(20_000, "hidden", "hidden"), CampaignDay(20_001, "hidden", "hidden"))
    assert gone.candidates == ()


@pytest.mark.parametrize(
    ("series", "columns"),
    [
        (["", "tag"], ([[12]] * 4, [[1, 1]] * 4, [[12, 7, 7]] * 4, *[[[12, 7]] * 4] * 3)),
        ([""], ([[12]] * 3, *[[[12]] * 4] * 5)),
        (["", ""], [[[12, 7]] * 4] * 6),
        ([""], [[[-3]] * 4] * 6),
        ([""], [[[2**63]] * 4] * 6),
    ],
    ids=[
        "a count of another series",
        "a window short",
        "a series twice",
        "less than nobody",
        "more than can be counted",
    ],
)
def test_counts_that_are_not_each_series_own_are_refused_and_shown_of_no_region(series, columns) -> None:
    names = ("actors", "new", "events", "posts", "replies", "reshares")
    wrong = msgspec.json.decode(encode(minute(0)))
    wrong["windows"] = {"series": series, **dict(zip(names, columns, strict=True))}
    output = RegionsFold(SETTINGS).fold(range(2), [msgspec.json.encode(wrong), encode(minute(0, "b", people=40))])
    assert [(one.offset, one.reason) for one in output.refused] == [(0, "wrong_type")]
    assert [status.region for status in output.statuses] == ["b"]
