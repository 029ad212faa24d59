"""The parts of the silence detector, each against another way to work it out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from schemas.directory import Region
from streams.measures.calendars import Calendar
from streams.measures.silence import drops, odds, slots, tail
from streams.measures.silence.baseline import dispersion, sharpen, smooth
from streams.measures.silence.fit import Fit
from streams.measures.silence.forecast import promise
from streams.measures.silence.slots import History, Past
from tests.measures.posts import DAY, MONDAY


@pytest.mark.parametrize(
    ("a_day", "length"), [(0, 60), (39.9, 60), (40, 15), (199.9, 15), (200, 5), (2_999, 5), (3_000, 1), (1e6, 1)]
)
def test_slots_are_shorter_where_more_is_posted(a_day: float, length: int) -> None:
    assert slots.slot_length(a_day) == length


def test_slots_are_never_shorter_than_what_is_counted_at_once() -> None:
    assert [slots.slot_length(1e6, every) for every in (1, 2, 5, 6, 15, 60)] == [1, 5, 5, 15, 15, 60]


def past_of(history: History, until: int, slot: int) -> Past:
    return history.past(Calendar(Region("a")), until, slot)


def test_a_history_tells_empty_from_not_watched() -> None:
    history = History()
    history.begin(MONDAY + 90)
    history.add(MONDAY + 125, 3)
    history.exclude(MONDAY + 240, MONDAY + 245)
    past = past_of(history, MONDAY + 360, 60)
    assert past.occupied.tolist() == [False, False, True, False, False, False]
    assert past.seen.tolist() == [False, False, True, True, False, True]
    assert past.counts.tolist() == [0, 0, 3, 0, 0, 0]
    finer = past_of(history, MONDAY + 360, 15)
    assert finer.counts.tolist()[8:12] == [3, 0, 0, 0]
    assert finer.step_seen.tolist()[14:18] == [True, True, False, True]


def test_a_history_forgets_after_eight_weeks() -> None:
    history = History()
    history.begin(MONDAY)
    history.add(MONDAY + 5, 1)
    history.pass_to(MONDAY + 100 * DAY)
    past = past_of(history, MONDAY + 100 * DAY, 60)
    assert len(past.occupied) == 56 * 24
    assert not past.occupied.any()
    assert past.seen.all()


def test_an_exclusion_may_pass_midnight() -> None:
    history = History()
    history.begin(MONDAY)
    history.exclude(MONDAY + DAY - 60, MONDAY + DAY + 59)
    past = past_of(history, MONDAY + 2 * DAY, 60)
    assert np.flatnonzero(~past.seen).tolist() == [23, 24]


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.integers(0, 3 * DAY - 1), st.integers(1, 70_000), max_size=40))
def test_a_history_survives_being_packed(events: dict[int, int]) -> None:
    history = History()
    history.begin(MONDAY)
    for minute, count in sorted(events.items()):
        history.add(MONDAY + minute, count)
    other = History()
    changed = history.changed()
    other.restore({day: packed for day, packed in changed.items() if packed}, history.today, history.pack_today())
    until = MONDAY + 3 * DAY
    history.pass_to(until)
    other.pass_to(until)
    for mine, theirs in zip(past_of(history, until, 5), past_of(other, until, 5), strict=True):
        assert np.array_equal(mine, theirs)
    fives: dict[int, int] = {}
    for minute, count in events.items():
        fives[minute // 5] = min(fives.get(minute // 5, 0) + count, 65_535)
    assert past_of(history, until, 5).fives.sum() == sum(fives.values())


def test_smoothing_goes_around_the_clock_and_keeps_the_sum() -> None:
    cells = np.zeros(72)
    cells[23] = 10
    smoothed = smooth(cells)
    assert smoothed.sum() == pytest.approx(10)
    assert smoothed[0] == pytest.approx(smoothed[22])
    assert smoothed[24:].sum() == 0


def test_a_cell_counts_beside_its_smoothed_neighbours_which_weigh_so_many_slots() -> None:
    slots, sums = np.full(72, 40.0), np.zeros(72)
    sums[9] = 400
    seen, found = sharpen(slots, sums, 8)
    own, beside = 400 / 40, smooth(sums)[10] / 40
    assert found[9] / seen[9] == pytest.approx((40 * own + 8 * smooth(sums)[9] / 40) / 48)
    assert found[10] / seen[10] == pytest.approx(8 * beside / 48)


def test_the_lower_side_of_counts_is_not_fooled_by_storms() -> None:
    chance = np.random.default_rng(3)
    counts = chance.negative_binomial(8, 8 / (8 + 20), 20_000).astype(float)
    expected = np.full(len(counts), 20.0)
    assert dispersion(counts, expected, low=False) == pytest.approx(8, rel=0.15)
    stormy = np.where(chance.random(len(counts)) < 0.05, counts * 4, counts)
    assert dispersion(stormy, expected, low=False) < 4
    assert dispersion(stormy, expected, low=True) == pytest.approx(dispersion(counts, expected, low=True), rel=0.1)


def test_odds_after_empty_slots_are_the_sum_over_all_onsets() -> None:
    hazards = [0.3, 0.1, 0.7, 0.2]
    found = 0.0
    for hazard in hazards:
        found = odds.after_empty(found, 0.5, hazard)
    assert found == pytest.approx(sum(0.5 * math.exp(sum(hazards[onset:])) for onset in range(4)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0.001, 8)), min_size=1, max_size=60))
def test_the_peaks_of_gaps_are_those_of_the_recursion(steps: list[tuple[bool, bool, float]]) -> None:
    occupied = np.array([step[0] for step in steps])
    seen = np.array([step[1] for step in steps])
    hazard = np.array([step[2] for step in steps])
    past = Past(60, occupied, seen, np.zeros(len(steps), int), *(np.zeros(0),) * 4)
    x = np.where(seen & ~occupied, hazard, 0.0)
    first, after, expectation = odds.gaps(past, x)
    found = odds.gap_peaks(x, np.where(seen & ~occupied, 1.0, 0.0), first, after)
    wanted, total, value, spent, started = [], [], 0.0, 0.0, False
    for busy, watched, one in steps:
        if busy:
            if started and spent > 0:
                wanted.append(math.log(value))
                total.append(spent)
            value = spent = 0.0
            started = True
        elif watched:
            value = (value + 1) * math.exp(one)
            spent += one
    assert found.tolist() == pytest.approx(wanted, rel=1e-6, abs=1e-6)
    assert expectation.tolist() == pytest.approx(total, rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0.01, 3)), min_size=1, max_size=80))
def test_the_level_is_that_of_sums_that_halve(steps: list[tuple[bool, bool, float]]) -> None:
    occupied = np.array([step[0] for step in steps])
    seen = np.array([step[1] for step in steps])
    hazard = np.array([step[2] for step in steps])
    past = Past(60, occupied, seen, np.zeros(len(steps), int), *(np.zeros(0),) * 4)
    levels = odds.slot_levels(past, hazard)
    done = expected = 0.0
    level, wanted = 1.0, []
    for busy, watched, one in steps:
        wanted.append(level)
        done, expected = done * 2 ** (-1 / 336), expected * 2 ** (-1 / 336)
        if watched:
            done, expected = done + busy, expected + 1 - math.exp(-one)
        if busy:
            level = (done + 10) / (expected + 10)
    assert levels.slots.tolist() == pytest.approx(wanted)
    assert (levels.done, levels.expected) == pytest.approx((done, expected))


@pytest.mark.parametrize(
    ("a_day", "hours"), [(50, 24), (100, 12), (199, 24 * 50 / 199), (200, 6), (1_000, 6), (100_000, 6)]
)
@pytest.mark.parametrize("step", [15, 60])
def test_counts_are_followed_within_fifty_events_but_no_sooner_than_six_hours(
    a_day: float, hours: float, step: int
) -> None:
    usual = a_day * step / DAY
    assert odds.counts_half_life([usual] * 72, step) == pytest.approx(hours * 60)
    assert odds.counts_half_life([usual * 7 / 5] * 24 + [0.0] * 48, step) == pytest.approx(hours * 60)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.floats(0.1, 30)), min_size=1, max_size=80),
    st.sampled_from([360.0, 1_440.0]),
)
def test_the_level_by_counts_is_that_of_sums_that_halve(steps: list[tuple[int, bool, float]], half_life: float) -> None:
    counts = np.array([step[0] for step in steps], float)
    seen = np.array([step[1] for step in steps])
    means = np.array([step[2] for step in steps])
    cells = np.zeros(len(steps), int)
    past = Past(15, counts > 0, seen, cells, counts, seen, cells, np.zeros(0))
    levels = odds.counts_levels(past, means, half_life)
    done = expected = 0.0
    wanted = [1.0]
    for count, watched, mean in steps:
        done, expected = done * 0.5 ** (15 / half_life), expected * 0.5 ** (15 / half_life)
        if watched:
            done, expected = done + min(count, 3 * mean + 3), expected + mean
        wanted.append((done + 30) / (expected + 30))
    assert levels.slots.tolist() == pytest.approx(wanted[:-1])
    assert levels.now == pytest.approx(wanted[-1])


def test_a_peak_is_one_once_it_fell_by_one_and_a_half() -> None:
    assert odds.peaks([0, 2, 1, 3, 1.6, 4, 2.5, 2.6, 3.0], 0) == []
    assert odds.peaks([0, 2, 1, 3, 1.6, 4, 2.4, 3.0, 1.6], 0) == [4]
    assert odds.peaks([0, 2, 1, 3, 1.6, 4, 2.4, 3.0, 1.4], 0) == [4, 3.0]
    assert odds.peaks([0, 5, 0, 1, -2], 3) == [1]


def test_the_drop_of_a_sparse_region_is_weighed_by_the_ratio_of_probabilities() -> None:
    hazard = 0.8
    wanted = 3.0 * (1 - math.exp(-0.2 * hazard)) / (1 - math.exp(-hazard))
    assert odds.drop_after(2.0, 1.0, hazard, 1.5, occupied=True) == pytest.approx(wanted)
    assert odds.drop_after(2.0, 1.0, hazard, 1.5, occupied=False) == pytest.approx(3.0 * math.exp(0.8 * hazard / 1.5))


@settings(max_examples=50, deadline=None)
@given(count=st.integers(0, 400), mean=st.floats(0.5, 200), k=st.floats(0.3, 60), step=st.sampled_from([15, 60]))
def test_a_step_is_weighed_by_negative_binomial_probabilities(count: int, mean: float, k: float, step: int) -> None:
    state = drops.after_step(drops.Counted(odds=1.0), count, mean, k, step)
    low, high = (stats.nbinom.logpmf(count, k, k / (k + share * mean)) for share in (0.2, 0.6))
    wanted = (1 + step / 60) * math.exp(max(-50, min(low - high, 50)))
    assert state.odds == pytest.approx(min(wanted, 1e100), rel=1e-6)


@pytest.mark.parametrize(("log_odds", "kept"), [(10.99, 10.99), (11.0, 11.0), (11.01, 11.0), (200.0, 11.0)])
def test_the_odds_of_an_alerted_drop_get_at_most_six_above_the_threshold(log_odds: float, kept: float) -> None:
    held = drops.held(drops.Counted(math.exp(log_odds), 3.0, 4.0), 5.0)
    assert math.log(held.odds) == pytest.approx(kept)
    assert (held.done, held.expected) == (3.0, 4.0)


def test_a_tail_is_that_of_the_generalised_pareto_law() -> None:
    fitted = tail.Tail(base=2.0, mean=0.9, rate=1.5)
    for height in (2.5, 4.0, 8.0):
        share = stats.genpareto.sf(height - 2.0, tail.TAIL_SHAPE, scale=0.9)
        assert fitted.weeks(height) == pytest.approx(1 / (1.5 * share))
    assert fitted.weeks(2.0) == pytest.approx(1 / 1.5)
    assert fitted.weeks(1.1) == pytest.approx(math.exp(-1) / 1.5)


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.5, 1.5])
def test_the_threshold_is_reached_alpha_times_a_week(alpha: float) -> None:
    fitted = tail.Tail(base=2.0, mean=0.9, rate=1.5)
    assert fitted.weeks(fitted.threshold(alpha)) == pytest.approx(1 / alpha)


def test_a_wanted_rate_above_that_of_the_peaks_gives_the_base() -> None:
    assert tail.Tail(base=2.0, mean=0.9, rate=1.5).threshold(9.0) == 2.0


def test_pooled_peaks_give_back_the_law_they_were_drawn_from() -> None:
    chance = np.random.default_rng(5)
    peaks = [chance.exponential(1.3, 400) for _ in range(20)]
    fitted = tail.pooled_tail(peaks, [40.0] * 20)
    assert fitted.mean == pytest.approx(1.3, rel=0.1)
    assert fitted.rate == pytest.approx(1.0, rel=0.01)
    assert fitted.base == pytest.approx(1.3 * math.log(10), rel=0.1)  # one in ten stands above it


def test_a_real_silence_in_the_history_hardly_moves_the_tail() -> None:
    chance = np.random.default_rng(6)
    peaks = [chance.exponential(1.0, 100) for _ in range(4)]
    clean = tail.pooled_tail(peaks, [10.0] * 4)
    peaks[0] = np.append(peaks[0], 200.0)
    assert tail.pooled_tail(peaks, [10.0] * 4).mean == pytest.approx(clean.mean, rel=0.1)
    assert tail.region_tail(peaks[0], 10.0, clean).mean < 1.5


@pytest.mark.parametrize(
    ("weeks", "peaks", "shape"),
    [(1, 2, 0.5), (2, 4, 0.5), (3, 6, 1 / 3), (7, 14, 1 / 7), (8, 16, 0.125), (9, 16, 0.125), (17, 17, 0.125)],
)
def test_a_tail_that_is_known_from_few_peaks_is_heavier_though_a_small_group_takes_two_a_week(
    weeks: int, peaks: int, shape: float
) -> None:
    found = tail.pooled_tail([np.arange(99.0)], [float(weeks)])
    assert (found.base, found.rate) == (98 - peaks, peaks / weeks)
    assert found.shape == pytest.approx(shape)
    assert tail.region_tail(np.array([3.0]), 5.0, found).shape == found.shape
    few, many = (tail.Tail(1.0, 1.0, 1.0, one) for one in (shape, tail.TAIL_SHAPE))
    assert few.threshold(0.1) >= many.threshold(0.1)
    assert few.weeks(few.threshold(0.1)) == pytest.approx(10)


@pytest.mark.parametrize(("gap", "wanted"), [(3.1, 0.4), (3.4, 0.4), (3.5, 0.5), (4.5, 1.5)])
def test_gaps_that_are_all_alike_do_not_make_the_tail_vanish(gap: float, wanted: float) -> None:
    pooled = tail.GapTail(start=3.0, mean=gap - 3.0)
    assert tail.region_gaps(np.full(30, gap), pooled) == pytest.approx(wanted)


@settings(max_examples=40, deadline=None)
@given(hazard=st.floats(0.5, 400), before=st.floats(0.4, 3), after=st.floats(0.4, 3))
def test_odds_are_put_on_the_scale_of_a_new_tail(hazard: float, before: float, after: float) -> None:
    stood = min(math.exp(min(hazard / before, 230)), odds.MOST)
    wanted = min(math.log(stood) * before / after, math.log(odds.MOST))
    assert math.log(odds.rescaled(stood, before, after)) == pytest.approx(wanted)
    assert odds.rescaled(0.25, before, after) == 0.25


def test_without_any_peak_the_theory_of_the_odds_holds() -> None:
    fitted = tail.pooled_tail([], [])
    assert fitted.weeks(math.log(168.0)) == pytest.approx(1)
    assert tail.pooled_gaps([]).mean == 1


def fit_of(hazard: tuple[float, ...], tail_mean: float, threshold: float) -> Fit:
    none = tail.Tail(0, 1, 1)
    return Fit(
        at=0, slot=60, by_counts=False, counted=False, hazard=hazard, mean=hazard, dispersion=1.0, tail=tail_mean,
        silence=none, drop=none, threshold=threshold, drop_threshold=9.0,
    )  # fmt: skip


def test_the_promise_is_what_the_recursion_would_need() -> None:
    hazard = tuple(0.05 + 0.5 * (8 <= hour % 24 < 20) for hour in range(72))
    fit = fit_of(hazard, tail_mean=1.2, threshold=6.5)
    calendar = Calendar(Region("a", working_hours="00:00-22:00"))
    now = MONDAY + 18 * 60
    value, waited = 0.0, 0
    while value < math.exp(6.5):
        at = (now + waited) // 60
        local, kind = at % 24, {5: 1, 6: 2}.get((at // 24 - MONDAY // DAY) % 7, 0)
        if local < 22:
            value = (value + 1) * math.exp(hazard[local + 24 * kind] * 0.9 / 1.2)
        waited += 60
    assert promise(fit, calendar, now, 0.9) == waited


def test_nothing_is_promised_beyond_four_weeks() -> None:
    fit = fit_of((1e-5,) * 72, tail_mean=1.0, threshold=9.0)
    assert promise(fit, Calendar(Region("a")), MONDAY, 1.0) is None


def test_a_replay_of_the_history_leaves_the_level_where_it_stood_before_the_gap() -> None:
    history = History()
    history.begin(MONDAY)
    for hour in range(48):
        history.add(MONDAY + hour * 60, 1)
    history.pass_to(MONDAY + 3 * DAY)
    past = past_of(history, MONDAY + 3 * DAY, 60)
    # each hour of two days was occupied where 1 - e^-1 are expected, and none of the day after
    found = odds.slot_levels(past, np.ones(72))
    weights = 0.5 ** (np.arange(48) / (14 * 24))
    expected = float((weights * (1 - math.exp(-1))).sum())
    assert found.now == pytest.approx((float(weights.sum()) + 10) / (expected + 10))
    assert found.slots[48:].tolist() == pytest.approx([found.now] * 24)
