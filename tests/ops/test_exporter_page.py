from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import random
import shutil
import subprocess
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from ops.exporter import regions as region_lines
from ops.exporter.counts import LogCounts
from ops.exporter.families import FAMILIES
from ops.exporter.known import OTHER, Known
from ops.exporter.page import OLDEST, Page
from schemas.activity import CAMPAIGN_PREFIX, WHOLE, WINDOWS, SourceState
from schemas.config import Campaign, Config, Goal
from schemas.deadletter import Reason
from schemas.regions import VERDICTS, Evidence, RegionStatus, TagTogether
from streams.measures.campaigns import MOST
from tests.support.statuses import MINUTE, NOW_MS, campaign, known, status, window

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str, *, openmetrics: bool = False) -> Samples:
    """Every sample of a page by its name and labels, as prometheus_client's own parser sees it."""
    families = parse_openmetrics(text) if openmetrics else parse_text(text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


async def page_of(data: Known, *, openmetrics: bool = False) -> str:
    return (await Page(data).get(openmetrics=openmetrics)).decode()


def promtool(text: str) -> subprocess.CompletedProcess[str]:
    command = ["promtool", "check", "metrics"]
    return subprocess.run(command, input=text, text=True, capture_output=True, check=False, timeout=60)


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


def full() -> Known:
    """Everything that can be shown, in one: all the awkward letters, hidden and unknown, each counter."""
    config = Config(
        source=({"kind": "http", "name": "chat"},),
        campaign=(
            Campaign(
                "spring",
                ("spring",),
                title='The "spring"\n\\ one',
                start=dt.date(2026, 5, 19),
                end=dt.date(2026, 6, 17),
                goal=Goal(share=0.4),
            ),
            Campaign("autumn", ("autumn",), regions=("north",), goal=Goal(posts=50)),
        ),
    )
    data = known("north", "south", "east", config=config, simulated=True)
    data.take_status("north", status("north"))
    hard = {"کتاب‌خوانی": window(), "読書": window(), 'a"b\\c\nd': window(25), "हिन्दी": window(), "zwj\x07": window()}
    data.take_status(
        "south",
        status(
            "south",
            verdict="hidden",
            headcount="hidden",
            windows={WHOLE: window(actors=("hidden", 10, 25, 30)), **hard},
            sources={"mail": SourceState("down", NOW_MS, NOW_MS, "no answer"), "old": SourceState("ended", NOW_MS, 1)},
        ),
    )
    data.take_status("unassigned", status("unassigned"))
    data.take_transition(0, 0, ("north", "silent"))
    data.take_dead_letter(0, 0, "chat", "not_json")
    data.unreadable["alerts"] += 1
    data.note(lag={("events", 0): 5, ("activity", 0): 0}, broker_up=True)
    return data


async def test_both_formats_say_the_same() -> None:
    data = full()
    text, openmetrics = await page_of(data), await page_of(data, openmetrics=True)
    plain = read(text)
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes"):
        plain.pop((name, frozenset()))
    other = read(openmetrics, openmetrics=True)
    for own in ("jun_exporter_scrape_duration_seconds",):
        plain.pop((own, frozenset()))
    assert {key: other[key] for key in plain} == plain
    assert len(other) == len(plain) + 4


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
async def test_promtool_finds_nothing_to_complain_about() -> None:
    text = await page_of(full())
    checked = await asyncio.to_thread(promtool, text)
    ours = [line for line in checked.stderr.splitlines() + checked.stdout.splitlines() if "process_" not in line]
    assert (checked.returncode, ours) == (0, [])


async def test_every_sample_belongs_to_the_table_of_metrics_with_exactly_its_labels() -> None:
    declared = {family.name: set(family.labels) for family in FAMILIES}
    seen = set()
    for name, labels in read(await page_of(full())):
        if not name.startswith("process_"):
            assert {label for label, _ in labels} == declared[name]
            seen.add(name)
    assert seen == set(declared)


async def test_every_region_has_each_verdict_once_and_unknown_before_its_first_status() -> None:
    data = known("north", "south")
    data.take_status("north", status("north", verdict="silent"))
    samples = read(await page_of(data))
    for region, holds in (("north", "silent"), ("south", "unknown")):
        got = {verdict: value(samples, "jun_region_verdict", region=region, verdict=verdict) for verdict in VERDICTS}
        assert got == {verdict: float(verdict == holds) for verdict in VERDICTS}
        assert value(samples, "jun_region_late_events_total", region=region) == (2 if region == "north" else 0)
    assert value(samples, "jun_region_headcount", region="south") is None


async def test_zero_hidden_and_absent_are_three_different_things() -> None:
    data = known("north", "south", "east")
    quiet = window(0)
    data.take_status("north", status("north", windows={WHOLE: quiet}))
    data.take_status(
        "south", status("south", windows={WHOLE: window(actors=("hidden", 0, 20, 20))}, headcount="hidden")
    )
    samples = read(await page_of(data))

    def seen(region: str, span: str) -> tuple[float | None, float | None]:
        labels = {"region": region, "window": span}
        return value(samples, "jun_region_participants", **labels), value(samples, "jun_region_hidden", **labels)

    assert [seen("north", span) for span in WINDOWS] == [(0, 0)] * 4
    assert [seen("south", span) for span in WINDOWS] == [(None, 1), (0, 0), (20, 0), (20, 0)]
    assert [seen("east", span) for span in WINDOWS] == [(None, None)] * 4
    assert value(samples, "jun_region_headcount", region="south") is None
    assert value(samples, "jun_region_headcount_hidden", region="south") == 1
    assert value(samples, "jun_region_events_by_kind_total", region="north", kind="view") is None
    assert value(samples, "jun_region_events_by_kind_hidden", region="north", kind="view") == 1


async def test_what_was_released_is_what_is_shown() -> None:
    data = full()
    samples = read(await page_of(data))
    assert value(samples, "jun_campaign_participants", region="north", campaign="spring", window="7d") == 15
    assert value(samples, "jun_tag_posts", region="north", tag="picnic", window="1h") == 20
    assert value(samples, "jun_tag_info", region="north", tag="picnic", label="PicNic") == 1
    assert value(samples, "jun_region_headcount", region="north") == 350
    assert value(samples, "jun_region_verdict_since_timestamp_seconds", region="north") == NOW_MS / 1000 - 3600
    assert value(samples, "jun_source_up", source="mail") == 0
    assert value(samples, "jun_source_up", source="old") == 1
    assert value(samples, "jun_source_status", source="old", status="ended") == 1
    assert value(samples, "jun_region_source_up", region="south", source="mail") == 0
    assert value(samples, "jun_region_source_up", region="south", source="old") is None
    assert value(samples, "jun_source_watermark_timestamp_seconds", source="chat") == NOW_MS / 1000 - 1
    assert value(samples, "jun_dead_letters_total", source="chat", reason="not_json") == 1
    assert value(samples, "jun_region_transitions_total", region="north", verdict="silent") == 1
    assert value(samples, "jun_consumer_lag_records", topic="events", partition="0") == 5
    assert value(samples, "jun_campaign_goal", campaign="spring", measure="share") == 0.4
    assert value(samples, "jun_campaign_goal", campaign="autumn", measure="posts") == 50
    assert value(samples, "jun_campaign_region", campaign="autumn", region="north") == 1
    assert value(samples, "jun_campaign_region", campaign="autumn", region="south") is None
    assert value(samples, "jun_campaign_region", campaign="spring", region="unassigned") is None
    assert value(samples, "jun_campaign_since_start_participants", campaign="spring", region="north") == 50
    assert value(samples, "jun_campaign_candidate_lift", campaign="spring", region="north", tag="primavera") == 3
    assert value(samples, "jun_clock_timestamp_seconds") == NOW_MS / 1000
    assert value(samples, "jun_event_time_timestamp_seconds") == NOW_MS / 1000 - 120
    assert value(samples, "jun_simulated") == 1


async def test_a_campaign_over_its_regions_is_what_they_show_and_its_pace_is_that_of_their_days() -> None:
    campaign = Campaign(
        "spring", ("spring",), start=dt.date(2026, 5, 19), end=dt.date(2026, 6, 17), goal=Goal(people=200)
    )
    data = known("north", "south", config=Config(campaign=(campaign,)))
    for region in ("north", "south"):
        data.take_status(region, status(region))
    samples = read(await page_of(data))

    def seen(name: str, **labels: str) -> float | None:
        return value(samples, name, campaign="spring", **labels)

    # 50 to 59 people in each of two regions
    assert seen("jun_campaign_reached", bound="least", measure="people") == 100
    assert seen("jun_campaign_reached", bound="most", measure="people") == 118
    assert seen("jun_campaign_target", measure="people") == 200
    # the middle is 109 now, and was 89 yesterday and 49 three days ago; the campaign ends 21 days after today's begin
    today = MINUTE // 1_440
    left = today + 21
    assert seen("jun_campaign_burn_rate", certainty="likely", window="1d") == pytest.approx(91 / 21 / 20)
    assert seen("jun_campaign_burn_rate", certainty="likely", window="3d") == pytest.approx(91 / 21 / (40 / 3))
    assert seen("jun_campaign_pace_timestamp_seconds") == today * 86_400
    assert seen("jun_campaign_beyond_a_year", bound="earliest") == 0
    assert today * 86_400 < (seen("jun_campaign_projected_timestamp_seconds", bound="earliest") or 0) < left * 86_400
    # each has half of the goal to reach, 50 to 59 of 100, with 9.9 of 30 days gone
    assert seen("jun_campaign_region_standing", region="north", standing="ahead") == 1
    assert seen("jun_campaign_region_standing", region="north", standing="on_plan") == 0


async def test_returning_people_who_are_never_shown_do_not_make_a_window_hidden() -> None:
    data = known("north")
    rows = {"returning": ("hidden", "hidden", 20, 20)}
    data.take_status("north", status("north", windows={WHOLE: window(40, **rows)}))
    samples = read(await page_of(data))
    assert [value(samples, "jun_region_hidden", region="north", window=name) for name in WINDOWS] == [0, 0, 0, 0]
    data.take_status("north", status("north", windows={WHOLE: window(40, returning=("hidden",) * 4)}))
    samples = read(await page_of(data))
    assert [value(samples, "jun_region_hidden", region="north", window=name) for name in WINDOWS] == [0, 0, 1, 1]


@settings(max_examples=60, deadline=None)
@given(tags=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), max_size=4, unique=True))
def test_a_tag_in_any_script_comes_back_as_it_was_written(tags: list[str]) -> None:
    tags = [tag for tag in tags if tag.isprintable() and not tag.startswith(CAMPAIGN_PREFIX)]
    data = known("north")
    data.take_status("north", status("north", windows={tag: window() for tag in tags}))
    for openmetrics in (False, True):
        samples = read(asyncio.run(page_of(data, openmetrics=openmetrics)), openmetrics=openmetrics)
        shown = {dict(labels)["tag"] for name, labels in samples if name == "jun_tag_events"}
        assert shown == set(tags)


async def test_line_breaks_quotes_backslashes_and_control_characters_break_no_line() -> None:
    text = await page_of(full())
    assert r'tag="a\"b\\c\nd"' in text
    assert r'tag="zwj\\x07"' in text
    assert not [character for character in text if character != "\n" and ord(character) < 32]


async def test_the_openmetrics_page_keeps_the_rules_of_the_specification() -> None:
    text = await page_of(full(), openmetrics=True)
    assert text.endswith("\n# EOF\n")
    assert text.count("# EOF") == 1
    lines = text.splitlines()
    assert "" not in lines
    heads = [tuple(line.split()[1:3]) for line in lines if line.startswith("# ") and line != "# EOF"]
    assert len(heads) == len(set(heads)), "HELP, TYPE and UNIT come once for a family"
    units = {line.split()[2]: line.split()[3] for line in lines if line.startswith("# UNIT")}
    assert units
    assert all(name.endswith(f"_{unit}") for name, unit in units.items())
    series = [line.rsplit(" ", 1)[0] for line in lines if not line.startswith("#")]
    assert len(series) == len(set(series)), "a series comes once"
    for family in parse_openmetrics(text):
        if family.type == "counter":
            assert {sample.name for sample in family.samples} == {f"{family.name}_total"}
            assert all(sample.value >= 0 for sample in family.samples)
        if family.type == "info":
            assert {sample.name for sample in family.samples} == {f"{family.name}_info"}
        assert all(sample.timestamp is None and sample.exemplar is None for sample in family.samples)


async def test_labels_are_bounded_and_no_person_can_get_into_one() -> None:
    """Whatever the log says: names that nobody configured don't become labels, but for tags and a few sources."""
    data = known("north", "south")
    chance = random.Random(4)
    people = [f"person-{number}" for number in range(400)]
    for number, person in enumerate(people):
        data.take_status(person, status(person))
        data.take_transition(0, number, (person, "silent"))
        data.take_dead_letter(0, number, person, "not_json")
    candidates = tuple(TagTogether(person, 20, 0.5, 3.0) for person in people)
    odd = {f"{CAMPAIGN_PREFIX}{person}": window() for person in people}
    tags = {f"tag{number}": window(chance.randrange(10, 500)) for number in range(300)}
    sources = {person: SourceState("ok", 1, 1) for person in people}
    data.take_status(
        "north",
        status(
            "north",
            windows={**odd, **tags},
            sources=sources,
            events_total=dict.fromkeys(people, 1),
            campaigns={name: campaign(10, candidates=candidates) for name in ("spring", *people)},
        ),
    )
    samples = read(await page_of(data))
    values: dict[str, set[str]] = {}
    for name, labels in samples:
        if not name.startswith("process_"):
            for label, text in labels:
                values.setdefault(label, set()).add(text)
    assert values["region"] == {"north", "south"}
    assert values["campaign"] == {"spring"}
    assert values["verdict"] == set(VERDICTS)
    assert values["window"] == set(WINDOWS)
    assert values["reason"] == set(get_args(Reason))
    assert len(values["tag"]) == region_lines.TAGS_IN + MOST
    assert len(values["source"] - {"chat"}) <= 101
    assert OTHER in values["source"]
    assert "kind" not in values
    assert value(samples, "jun_exporter_left_out_values", label="region") == 400
    assert value(samples, "jun_exporter_left_out_values", label="tag") == 300 - region_lines.TAGS_IN
    assert set(values) <= {label for family in FAMILIES for label in family.labels}


def ranked(*sizes: int) -> RegionStatus:
    """A region whose tags tag0, tag1 … have so many people."""
    return status("north", windows={f"tag{number}": window(size) for number, size in enumerate(sizes)})


def test_of_many_tags_the_largest_are_shown_and_those_of_one_size_by_name() -> None:
    sizes = [5] * 3 + list(range(100, 100 + region_lines.TAGS_IN - 1))
    shown = region_lines.choose_tags(ranked(*sizes), frozenset())
    assert shown == {f"tag{number}" for number in (0, *range(3, len(sizes)))}


def test_a_tag_stays_until_it_has_fallen_behind_well_enough() -> None:
    last_in = region_lines.TAGS_OUT - 1
    sizes = [1000 - number for number in range(30)]
    shown = region_lines.choose_tags(ranked(*sizes), frozenset({f"tag{last_in}", f"tag{last_in + 1}", "gone"}))
    assert shown == {f"tag{number}" for number in (*range(region_lines.TAGS_IN), last_in)}


def test_two_tags_of_about_one_size_do_not_change_places() -> None:
    base = [1000 - number for number in range(region_lines.TAGS_IN - 1)]
    first = region_lines.choose_tags(ranked(*base, 500, 499), frozenset())
    second = region_lines.choose_tags(ranked(*base, 499, 500), first)
    third = region_lines.choose_tags(ranked(*base, 500, 499), second)
    assert len(first) == region_lines.TAGS_IN
    assert first < second == third


def test_the_rest_of_the_tags_is_always_shown_and_a_hidden_tag_ranks_last() -> None:
    made = ranked(*[100] * region_lines.TAGS_IN)
    hidden = {"aaa": window(actors=("hidden",) * 4), region_lines.REST: window(0)}
    shown = region_lines.choose_tags(status("north", windows={**made.windows, **hidden}), frozenset())
    assert shown == {*made.windows, region_lines.REST}


async def test_a_region_that_was_deleted_from_the_log_is_unknown_again() -> None:
    data = known("north")
    page = Page(data)
    data.take_status("north", status("north", verdict="silent"))
    assert b'verdict="silent"} 1.0' in await page.get(openmetrics=False)
    data.take_status("north", None)
    after = read((await page.get(openmetrics=False)).decode())
    assert value(after, "jun_region_verdict", region="north", verdict="unknown") == 1
    assert value(after, "jun_region_participants", region="north", window="1h") is None


async def test_regions_are_not_shown_before_the_log_has_been_read_to_its_end() -> None:
    data = known("north")
    data.caught_up = False
    data.take_dead_letter(0, 0, "chat", "not_json")
    samples = read(await page_of(data))
    assert value(samples, "jun_exporter_caught_up") == 0
    assert not [name for name, _ in samples if name.startswith(("jun_region", "jun_dead", "jun_everything"))]


async def test_scrapes_at_the_same_time_share_one_pass_and_a_change_makes_a_new_one() -> None:
    now = 0.0
    data = full()
    page = Page(data, clock=lambda: now)
    bodies = await asyncio.gather(*(page.get(openmetrics=False, compressed=number % 2 == 0) for number in range(20)))
    assert page.passes == 1
    assert {gzip.decompress(body) for body in bodies[::2]} == {*bodies[1::2]}
    data.take_status("north", status("north", duplicates=9))
    assert b'jun_region_duplicate_events_total{region="north"} 9.0' in await page.get(openmetrics=False)
    assert page.passes == 2
    now = OLDEST - 0.001
    await page.get(openmetrics=False)
    assert page.passes == 2
    now = OLDEST
    await page.get(openmetrics=False)
    assert page.passes == 3


async def test_only_the_lines_of_a_changed_region_are_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    data = full()
    page = Page(data)
    await page.get(openmetrics=False)
    written = []

    def show(region: object, *rest: object) -> region_lines.Shown:
        written.append(region.name)  # type: ignore[attr-defined]
        return region_lines.show(region, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("ops.exporter.page.show", show)
    data.take_status("north", status("north", late=77))
    text = await page.get(openmetrics=True)
    assert written == ["north"]
    assert b'jun_region_late_events_total{region="north"} 77.0' in text


@pytest.mark.parametrize(
    ("minutes", "since", "expected"),
    [((0, 0, 0), (0, 0, 0), False), ((0, 1, 0), (0, 9, 0), True), ((0, 1, 0), (9, 0, 9), False), ((), (), False)],
)
async def test_everything_is_silent_as_the_newest_minute_says(
    minutes: tuple[int, ...], since: tuple[int, ...], expected: bool
) -> None:
    data = known(*(f"region{number}" for number in range(len(minutes))))
    for number, (minute, from_then) in enumerate(zip(minutes, since, strict=True)):
        name = f"region{number}"
        data.take_status(name, status(name, minute=MINUTE + minute, everything_silent_since=from_then))
    data.take_status("unassigned", status("unassigned", minute=MINUTE + 5, everything_silent_since=int(not expected)))
    assert value(read(await page_of(data)), "jun_everything_silent") == expected


@pytest.mark.parametrize(("hours", "check"), [(72, 0), (72.001, 1)])
async def test_more_than_three_days_to_detection_is_a_weekly_check(hours: float, check: int) -> None:
    data = known("north")
    data.take_status("north", status("north", evidence=Evidence(promised_detection_seconds=hours * 3600)))
    assert value(read(await page_of(data)), "jun_region_weekly_check", region="north") == check


def test_a_source_is_told_by_the_region_whose_clock_has_got_furthest() -> None:
    data = known("north", "south")
    data.take_status("north", status("north", clock=NOW_MS + 1, sources={"chat": SourceState("down", 5, 5)}))
    data.take_status("south", status("south", clock=NOW_MS, sources={"chat": SourceState("ok", 1, 1)}))
    assert data.sources()["chat"].status == "down"
    data.take_status("north", None)
    assert data.sources()["chat"].status == "ok"


def test_restored_counts_keep_their_sources_within_the_bound() -> None:
    data = known("north")
    counted = LogCounts()
    counted.add(0, 0, ("not_json", "elsewhere"))
    data.restore(transitions=LogCounts(), dead_letters=counted)
    assert "elsewhere" in data.source_names
