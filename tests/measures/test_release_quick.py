"""The quick release spares what has not changed: over any history it gives, byte by byte, what the plain one gives."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.activity import CAMPAIGN_PREFIX, WHOLE, Activity, SourceState, Windows
from schemas.codec import encode
from schemas.config import Config
from schemas.directory import Directory, Region
from streams.measures.privacy import ExactSeries, Figures, Release, Rules, release, release_each
from streams.measures.regions.closing import MOST
from streams.measures.regions.entries import flush
from streams.measures.regions.fold import RegionsFold, RegionsSettings
from tests.measures.plain_release import plain_windows
from tests.measures.plain_top_tags import plain_kept, plain_top

BEGIN = 29_000_100
MIDNIGHT = 20_000 * 1_440
"""A minute at which every window is renewed."""
CAMPAIGN = f"{CAMPAIGN_PREFIX}town"
NAMES = [WHOLE, CAMPAIGN, "a", "b", "c"]
SPARED = [1, 1, 1, 2, 58, 61, 359, 1_441]
COUNT = st.one_of(st.integers(0, 12), st.sampled_from([0, 9, 10, 11, 19, 20, 21, 95, 100, 101]))


@st.composite
def exact_windows(draw: st.DrawFn) -> Windows:
    """Make windows of which each has at least what the narrower one has."""
    series = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=5))
    columns = []
    for _ in range(5):
        rows = [[0] * len(series)]
        for _ in range(4):
            rows.append([had + draw(st.sampled_from([0, 0, 0, 1])) * draw(COUNT) for had in rows[-1]])
        columns.append(rows[1:])
    actors, events, posts, replies, reshares = columns
    new = [[draw(st.integers(0, people)) for people in row] for row in actors]
    return Windows(series, actors, new, events, posts, replies, reshares)


HISTORY = st.lists(
    st.tuples(st.sampled_from(SPARED), exact_windows(), st.booleans(), st.booleans()), min_size=1, max_size=12
)


@settings(max_examples=300, deadline=None)
@given(history=HISTORY, by_columns=st.booleans())
def test_over_any_history_the_quick_release_is_the_plain_one_to_the_byte(history, by_columns: bool) -> None:
    former, plain, minute = None, {}, BEGIN
    rules, last = Rules(), Windows()
    for step, windows, stays, lasts in history:
        minute += step
        last = last if stays else windows
        series = ExactSeries(last, [CAMPAIGN] if lasts else [])
        exact = series if by_columns else dict(series)
        before = former.minute if former else minute - 1
        due = [minute // renewal > before // renewal for renewal in rules.renewals]
        former = release(Figures(minute=minute, headcount=1_000, windows=exact), former, rules)
        plain = plain_windows(dict(series), plain, due, rules.group)
        assert msgspec.json.encode(dict(former.windows)) == msgspec.json.encode(plain)


@settings(max_examples=60, deadline=None)
@given(rounds=st.lists(st.lists(exact_windows(), min_size=3, max_size=3), min_size=2, max_size=3))
def test_regions_that_are_released_together_are_released_as_if_each_were_alone(rounds) -> None:
    rules = Rules()
    formers: list[Release | None] = [None] * 3
    for minute, windows in enumerate(rounds, MIDNIGHT):
        exact = [Figures(minute=minute, headcount=1_000, windows=ExactSeries(one)) for one in windows]
        alone = [release(figures, former, rules) for figures, former in zip(exact, formers, strict=True)]
        assert release_each(list(zip(exact, formers, strict=True)), rules) == alone
        formers = alone


@settings(max_examples=100, deadline=None)
@given(
    history=st.lists(
        st.tuples(
            st.sampled_from(SPARED), st.lists(st.sampled_from([0, 10, 40, 50, 51, 60, 80]), min_size=30, max_size=30)
        ),
        min_size=2,
        max_size=8,
    )
)
def test_the_top_tags_of_a_region_are_those_that_would_be_chosen_anew_each_minute(history) -> None:
    fold = RegionsFold(RegionsSettings(Config(), Directory(region=(Region("a", headcount=1_000),))))
    minute, before = BEGIN, ()
    for offset, (step, people) in enumerate(history):
        minute += step
        names = [WHOLE, *(f"tag{number}" for number in range(len(people)))]
        four = [[100, *people]] * 4
        activity = Activity(
            "a", minute, 0, 1, 1, {}, {},
            windows=Windows(names, four, four, four, four, four, four), sources={"s": SourceState("ok", 0, 0)},
        )  # fmt: skip
        status = fold.fold([offset], [encode(activity)]).statuses[0]
        windows = dict(fold.states["a"].release.windows)
        before = plain_top(windows, before)
        kept = plain_kept(windows, before)
        assert (fold.states["a"].top, list(status.windows.items())) == (before, list(kept.items()))


@settings(max_examples=60, deadline=None)
@given(
    history=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(SPARED), exact_windows()), min_size=2, max_size=9
    ),
    cut=st.integers(1, 8),
)
def test_however_the_minutes_of_regions_are_cut_into_runs_the_same_is_released(history, cut: int) -> None:
    people = {"a": 1_000, "b": 0, "c": 12}
    wanted = RegionsSettings(
        Config(), Directory(region=tuple(Region(name, headcount=count) for name, count in people.items()))
    )
    minutes = dict.fromkeys(people, BEGIN)
    records = []
    for region, step, windows in history:
        minutes[region] += step
        sources = {"s": SourceState("ok", 0, 0)}
        records.append(encode(Activity(region, minutes[region], 0, 1, 1, {}, {}, windows=windows, sources=sources)))
    runs = [range(len(records)), *[range(at, at + 1) for at in range(len(records))]]
    runs += [range(cut), range(cut, len(records))]
    found = []
    for parts in (runs[:1], runs[1:-2], runs[-2:]):
        fold = RegionsFold(wanted)
        outputs = [fold.fold(part, [records[at] for at in part if at < len(records)]) for part in parts]
        told = {status.region: encode(status) for output in outputs for status in output.statuses}
        found.append((told, flush(fold), [one for output in outputs for one in output.transitions]))
    assert found[0] == found[1] == found[2]


def test_a_run_of_more_minutes_than_may_wait_releases_each_of_them() -> None:
    minutes = 2 * MOST + 1
    four = [[20], [40], [40], [40]]
    activity = Activity(
        "a", BEGIN, 0, 1, 1, {}, {}, windows=Windows([WHOLE], four, four, four, four, four, four),
        sources={"s": SourceState("ok", 0, 0)},
    )  # fmt: skip
    fold = RegionsFold(RegionsSettings(Config(), Directory(region=(Region("a", headcount=1_000),))))
    records = [encode(replace(activity, minute=BEGIN + at)) for at in range(minutes)]
    assert fold.fold(range(minutes), records).statuses[0].windows[WHOLE].actors == (20, 40, 40, 40)
    assert fold.states["a"].release.minute == BEGIN + minutes - 1
