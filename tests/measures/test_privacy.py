from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.activity import WHOLE, WINDOWS, SeriesWindow
from schemas.config import PrivacySettings
from schemas.regions import Evidence, Released, ReleasedWindow
from streams.measures.privacy import (
    HIDDEN,
    RENEWALS,
    Figures,
    Release,
    Rules,
    bounds,
    count_in_words,
    forget,
    release,
    release_evidence,
    rules_of,
    step,
)
from streams.measures.privacy.campaigns import ReleasedSinceStart, SinceStart
from streams.measures.privacy.released import decode_hook, encode_hook

DAY = 1_440
MIDNIGHT = 20_000 * DAY
"""A minute at which every window is renewed."""
RULES = Rules()
SPRING = "campaign:spring"
write = msgspec.json.Encoder(enc_hook=encode_hook).encode
read = msgspec.json.Decoder(Release, dec_hook=decode_hook).decode


def series(*people: int, **changes: object) -> SeriesWindow:
    """A series with so many people in 1 h, 24 h, 7 d and 28 d (one number for all of them), each with three posts."""
    actors = people * 4 if len(people) == 1 else people
    posts = tuple(3 * count for count in actors)
    values = {"posts": posts, "replies": (0,) * 4, "reshares": (0,) * 4, "events": posts, "returning": (0,) * 4}
    return SeriesWindow(actors=actors, **{**values, **changes})  # type: ignore[arg-type]


def figures(minute: int, whole: SeriesWindow, headcount: int = 300, **more: object) -> Figures:
    others = more.pop("others", {})
    assert isinstance(others, dict)
    return Figures(minute, headcount, {WHOLE: whole, **others}, **more)  # type: ignore[arg-type]


def shown(
    whole: SeriesWindow, former: Release | None = None, minute: int = MIDNIGHT, rules: Rules = RULES
) -> ReleasedWindow:
    return release(figures(minute, whole), former, rules).windows[WHOLE]


# -- rules and steps


@pytest.mark.parametrize(
    ("minimum_group", "rounding", "group"),
    [(10, 5, 10), (5, 5, 5), (7, 5, 10), (12, 5, 15), (10, 20, 20), (25, 10, 30)],
)
def test_the_step_is_the_minimum_group_raised_to_a_multiple_of_the_rounding(
    minimum_group: int, rounding: int, group: int
) -> None:
    assert rules_of(PrivacySettings(minimum_group=minimum_group, rounding=rounding)).group == group


def test_settings_under_the_floor_of_the_code_are_raised_to_it_however_they_came_in() -> None:
    assert rules_of(PrivacySettings(minimum_group=1, rounding=1)).group == 5  # a struct made by hand is not validated
    with pytest.raises(ValueError, match="at least 5 people, got 4"):
        Rules(group=4)


def test_renewals_that_do_not_fall_on_each_others_grid_are_refused() -> None:
    with pytest.raises(ValueError, match="each a multiple of the one before"):
        Rules(renewals=(1, 60, 90, 1_440))


@pytest.mark.parametrize(
    ("count", "released"), [(0, 0), (1, HIDDEN), (9, HIDDEN), (10, 10), (19, 10), (20, 20), (1_234, 1_230)]
)
def test_a_count_is_shown_as_zero_or_hidden_or_the_step_below(count: int, released: Released) -> None:
    assert step(count, 10) == released


@given(count=st.integers(0, 500), group=st.sampled_from([5, 10, 15, 40]))
def test_the_bounds_of_a_released_count_hold_it(count: int, group: int) -> None:
    low, high = bounds(step(count, group), group)
    assert low <= count <= high
    assert high - low in {0, group - 1}


# -- population and contributors


@pytest.mark.parametrize(("headcount", "hidden"), [(1, True), (9, True), (10, False), (300, False)])
def test_a_region_of_fewer_people_than_the_group_shows_nothing_about_them(headcount: int, hidden: bool) -> None:
    exact = figures(
        MIDNIGHT,
        series(40),
        headcount,
        others={SPRING: series(30), "picnic": series(20)},
        kinds={"post": 500},
        since_start={SPRING: SinceStart(0, MIDNIGHT * 2, 30, 90)},
        labels={"picnic": "PicNic"},
        last_event_at=MIDNIGHT * 60_000 + 17,
        late=50,
    )
    released = release(exact, None, RULES)
    assert released.hidden is hidden
    if hidden:
        assert released.headcount == HIDDEN
        assert set(released.windows) == {WHOLE, SPRING}
        assert {count for window in released.windows.values() for count in _counts(window)} == {HIDDEN}
        assert released.events_total == {"post": HIDDEN}
        assert released.since_start == {SPRING: ReleasedSinceStart(HIDDEN, HIDDEN)}
        assert (released.labels, released.last_event_at, released.late) == ({}, 0, 0)
    else:
        assert released.headcount == headcount
        assert released.windows[WHOLE].actors == (40,) * 4


@pytest.mark.parametrize(("people", "hidden"), [(9, True), (10, False)])
def test_where_the_headcount_is_not_known_only_participants_show_that_there_are_enough(
    people: int, hidden: bool
) -> None:
    released = release(figures(MIDNIGHT, series(0, 0, 0, people), headcount=0), None, RULES)
    assert released.hidden is hidden
    assert released.headcount == HIDDEN
    assert released.windows[WHOLE].actors == ((HIDDEN,) * 4 if hidden else (0, 0, 0, 10))


@pytest.mark.parametrize(
    ("people", "people_shown", "posts_shown"), [(0, 0, 0), (1, HIDDEN, HIDDEN), (9, HIDDEN, HIDDEN), (10, 10, 30)]
)
def test_what_few_people_did_is_hidden_with_them(people: int, people_shown: Released, posts_shown: Released) -> None:
    window = shown(series(people))
    assert window.actors == (people_shown,) * 4
    assert window.posts == window.events == (posts_shown,) * 4


def test_events_without_any_participant_are_hidden() -> None:
    window = shown(series(0, events=(3,) * 4, posts=(1,) * 4))  # a bot's post, and mails that were opened
    assert (window.actors[0], window.events[0], window.posts[0], window.replies[0]) == (0, HIDDEN, HIDDEN, 0)


def test_the_minimum_group_of_the_settings_decides() -> None:
    strict = rules_of(PrivacySettings(minimum_group=30))
    assert shown(series(29), rules=strict).actors[0] == HIDDEN
    assert shown(series(30), rules=strict).actors[0] == 30


# -- parts of a whole


@pytest.mark.parametrize(
    ("parts", "released"),
    [
        ((40, 30, 20), (40, 30, 20)),
        ((40, 30, 3), (40, HIDDEN, HIDDEN)),
        ((3, 30, 30), (HIDDEN, HIDDEN, 30)),
        ((40, 0, 3), (HIDDEN, 0, HIDDEN)),
        ((0, 0, 3), (0, 0, HIDDEN)),
        ((40, 4, 3), (40, HIDDEN, HIDDEN)),
    ],
)
def test_where_one_kind_is_hidden_the_next_smallest_is_hidden_too(
    parts: tuple[int, int, int], released: tuple[Released, ...]
) -> None:
    posts, replies, reshares = ((count,) * 4 for count in parts)
    window = shown(series(50, posts=posts, replies=replies, reshares=reshares, events=(150,) * 4))
    assert (window.posts[0], window.replies[0], window.reshares[0]) == released


@pytest.mark.parametrize(
    ("returning", "released"), [(0, HIDDEN), (9, HIDDEN), (10, 10), (25, 20), (34, 30), (35, HIDDEN), (44, HIDDEN)]
)
def test_returning_people_are_shown_where_they_and_the_new_are_both_a_group(returning: int, released: Released) -> None:
    assert shown(series(44, returning=(returning,) * 4)).returning[2:] == (released,) * 2


def test_returning_people_are_shown_of_seven_days_and_more() -> None:
    assert shown(series(44, returning=(20,) * 4)).returning == (HIDDEN, HIDDEN, 20, 20)


# -- the grid of time


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_window_moves_only_at_its_renewals(place: int) -> None:
    former: Release | None = None
    moved = []
    for passed in range(2 * DAY):
        # Only this window and the wider ones grow: nothing narrower can push it.
        people = [10 * (1 + passed) * (window >= place) for window in range(4)]
        now = release(figures(MIDNIGHT + passed, series(*people)), former, RULES)
        if former is not None and now.windows[WHOLE].actors[place] != former.windows[WHOLE].actors[place]:
            moved.append(passed)
        former = now
    assert moved == [passed for passed in range(1, 2 * DAY) if passed % RENEWALS[place] == 0]


def test_without_a_former_release_a_window_waits_for_its_renewal() -> None:
    assert shown(series(30), minute=MIDNIGHT + 1).actors == (30, 30, 30, 30)  # at least as many as in the last hour
    assert shown(series(0, 30, 30, 30), minute=MIDNIGHT + 1).actors == (0, HIDDEN, HIDDEN, HIDDEN)
    assert shown(series(0, 30, 30, 30), minute=MIDNIGHT + 60).actors == (0, 30, 30, 30)


def test_a_renewal_that_lies_in_minutes_without_a_release_is_made_up_for() -> None:
    first = release(figures(MIDNIGHT + 59, series(0, 30, 30, 30)), None, RULES)
    assert shown(series(0, 30, 30, 30), first, MIDNIGHT + 61).actors[1] == 30


def test_a_minute_that_was_released_before_renews_nothing() -> None:
    first = release(figures(MIDNIGHT, series(30)), None, RULES)
    for minute in (MIDNIGHT, MIDNIGHT - 10):
        assert release(figures(minute, series(80)), first, RULES) == first


def test_a_wide_window_shows_at_least_what_a_narrow_one_shows() -> None:
    first = release(figures(MIDNIGHT, series(0)), None, RULES)
    one = release(figures(MIDNIGHT + 1, series(1)), first, RULES)
    assert one.windows[WHOLE].actors == (HIDDEN,) * 4
    many = release(figures(MIDNIGHT + 2, series(27)), one, RULES)
    assert many.windows[WHOLE].actors == (20,) * 4
    gone = release(figures(MIDNIGHT + 3, series(0, 27, 27, 27)), many, RULES)
    assert gone.windows[WHOLE].actors == (0, 20, 20, 20)


# -- tags


def test_a_tag_of_few_people_leaves_no_trace() -> None:
    exact = figures(
        MIDNIGHT, series(40), others={"anasleaving": series(0, 0, 0, 9)}, labels={"anasleaving": "AnasLeaving"}
    )
    assert b"leaving" not in write(release(exact, None, RULES)).lower()


def test_a_tag_is_shown_from_the_group_on_and_goes_at_the_renewal_after_it_shrank() -> None:
    def with_tag(minute: int, people: int, former: Release | None) -> Release:
        exact = figures(minute, series(40), others={"picnic": series(0, 0, 0, people)}, labels={"picnic": "PicNic"})
        return release(exact, former, RULES)

    first = with_tag(MIDNIGHT, 10, None)
    assert first.windows["picnic"].actors == (0, 0, 0, 10)
    assert first.labels == {"picnic": "PicNic"}
    later = with_tag(MIDNIGHT + 1, 9, first)
    assert later.windows["picnic"].actors == (0, 0, 0, 10)
    assert "picnic" not in with_tag(MIDNIGHT + DAY, 9, later).windows


def test_a_tag_whose_figures_are_no_longer_known_is_held_hidden_until_its_renewal() -> None:
    first = release(figures(MIDNIGHT, series(40), others={"picnic": series(20)}), None, RULES)
    second = release(figures(MIDNIGHT + 1, series(40)), first, RULES)
    assert second.windows["picnic"].actors == (HIDDEN, 20, 20, 20)
    assert "picnic" not in release(figures(MIDNIGHT + DAY, series(40)), second, RULES).windows


def test_a_label_is_another_one_only_when_the_28_days_are_renewed() -> None:
    def written(minute: int, label: str, former: Release | None) -> Release:
        exact = figures(minute, series(40), others={"picnic": series(20)}, labels={"picnic": label} if label else {})
        return release(exact, former, RULES)

    first = written(MIDNIGHT + 5, "", None)
    assert first.labels == {}
    second = written(MIDNIGHT + DAY - 1, "PicNic", first)
    assert second.labels == {}
    third = written(MIDNIGHT + DAY, "PicNic", second)
    assert third.labels == {"picnic": "PicNic"}
    assert written(MIDNIGHT + DAY + 1, "PICNIC", third).labels == {"picnic": "PicNic"}
    assert written(MIDNIGHT + 2 * DAY, "PICNIC", third).labels == {"picnic": "PICNIC"}


def test_a_campaign_is_shown_whatever_its_size() -> None:
    for people, wanted in ((0, 0), (3, HIDDEN), (12, 10)):
        released = release(figures(MIDNIGHT, series(40), others={SPRING: series(people)}), None, RULES)
        assert released.windows[SPRING].actors == (wanted,) * 4


# -- totals


def test_totals_wait_for_a_window_with_enough_people() -> None:
    first = release(figures(MIDNIGHT, series(40), kinds={"post": 100, "view": 9}), None, RULES)
    assert first.events_total == {"post": 100, "view": HIDDEN}
    quiet = release(figures(MIDNIGHT + 1, series(9, 40, 40, 40), kinds={"post": 150, "view": 9}), first, RULES)
    assert quiet.events_total == {"post": 100, "view": HIDDEN}
    hour = release(figures(MIDNIGHT + 60, series(9, 40, 40, 40), kinds={"post": 157, "view": 9}), quiet, RULES)
    assert hour.events_total == {"post": 150, "view": HIDDEN}
    busy = release(figures(MIDNIGHT + 61, series(10, 40, 40, 40), kinds={"post": 160, "view": 10}), hour, RULES)
    assert busy.events_total == {"post": 160, "view": 10}


def test_a_kind_that_never_came_is_hidden_like_a_rare_one() -> None:
    assert release(figures(MIDNIGHT, series(40), kinds={"reply": 0}), None, RULES).events_total == {"reply": HIDDEN}


def test_counts_of_the_line_are_in_steps_and_moments_on_the_minute() -> None:
    exact = figures(MIDNIGHT, series(40), duplicates=9, late=25, too_late=40, last_event_at=MIDNIGHT * 60_000 - 1)
    released = release(exact, None, RULES)
    assert (released.duplicates, released.late, released.too_late) == (0, 20, 40)
    assert released.last_event_at == (MIDNIGHT - 1) * 60_000


def test_evidence_is_shown_in_minutes_two_digits_and_quarters_of_the_threshold() -> None:
    evidence = Evidence(
        empty_seconds=119.5,
        expected_events=7.256,
        odds=5.9,
        threshold=8,
        promised_detection_seconds=3_601,
        weekly_check=True,
    )
    assert release_evidence(evidence, hidden=False) == Evidence(60, 7.3, 4, 8, 3_600, weekly_check=True)
    assert release_evidence(evidence, hidden=True) == Evidence()


@pytest.mark.parametrize(("expected", "shown"), [(0, 0), (0.0567, 0.057), (99.6, 100), (1_249, 1_200), (41, 41)])
def test_expected_events_keep_two_digits(expected: float, shown: float) -> None:
    assert release_evidence(Evidence(expected_events=expected), hidden=False).expected_events == pytest.approx(shown)


@given(odds=st.floats(-99, 60), threshold=st.floats(0.5, 40))
def test_shown_odds_reach_the_threshold_when_the_exact_ones_do(odds: float, threshold: float) -> None:
    shown = release_evidence(Evidence(odds=odds, threshold=threshold), hidden=False).odds
    assert (shown >= threshold) is (odds >= threshold)
    assert 0 <= shown <= max(0, odds)


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "no"), (1, "fewer than 10"), (9, "fewer than 10"), (10, "at least 10"), (1_999, "at least 1,990")],
)
def test_counts_in_words_say_no_more_than_a_released_count(count: int, words: str) -> None:
    assert count_in_words(count, 10) == words


# -- campaigns since their first day


def test_a_campaign_is_renewed_each_day_and_shows_in_between_what_its_windows_show() -> None:
    days = {"begins": MIDNIGHT - 100, "ends": MIDNIGHT + 9 * DAY}

    def so_far(minute: int, hour: int, people: int, former: Release | None) -> Release:
        exact = figures(
            minute,
            series(80),
            others={SPRING: series(hour, 80, 80, 80)},
            since_start={SPRING: SinceStart(**days, people=people, posts=2 * people)},
        )
        return release(exact, former, RULES)

    first = so_far(MIDNIGHT, 0, 14, None)
    assert first.since_start[SPRING] == ReleasedSinceStart(10, 20)
    held = so_far(MIDNIGHT + 1, 0, 60, first)
    assert held.since_start[SPRING] == ReleasedSinceStart(10, 20)
    pushed = so_far(MIDNIGHT + 2, 31, 60, held)  # the last hour lies within the campaign, the last day does not
    assert pushed.since_start[SPRING] == ReleasedSinceStart(30, 90)
    assert so_far(MIDNIGHT + DAY, 0, 61, pushed).since_start[SPRING] == ReleasedSinceStart(60, 120)


def test_windows_that_reach_out_of_the_campaigns_days_say_nothing_about_it() -> None:
    for begins, ends in ((MIDNIGHT - 50, MIDNIGHT + DAY), (0, MIDNIGHT + 1)):
        exact = figures(
            MIDNIGHT + 1,
            series(80),
            others={SPRING: series(80)},
            since_start={SPRING: SinceStart(begins, ends, 80, 80)},
        )
        assert release(exact, None, RULES).since_start[SPRING] == ReleasedSinceStart(HIDDEN, HIDDEN)


@pytest.mark.parametrize(
    ("people", "posts", "wanted"),
    [(0, 0, (0, 0)), (0, 3, (0, HIDDEN)), (9, 500, (HIDDEN, HIDDEN)), (10, 9, (10, HIDDEN))],
)
def test_a_campaigns_posts_are_hidden_with_its_people(people: int, posts: int, wanted: tuple[Released, ...]) -> None:
    exact = figures(MIDNIGHT, series(80), since_start={SPRING: SinceStart(0, 2 * MIDNIGHT, people, posts)})
    assert release(exact, None, RULES).since_start[SPRING] == ReleasedSinceStart(*wanted)


# -- tags that go with a campaign


def test_a_tag_that_goes_with_a_campaign_is_named_from_the_group_on_and_renewed_each_day() -> None:
    def told(minute: int, people: int, former: Release | None) -> dict[str, dict[str, int]]:
        exact = figures(minute, series(80), together={"spring": {"flowers": people, "rain": 9}})
        return release(exact, former, RULES).together

    first = release(figures(MIDNIGHT, series(80), together={"spring": {"flowers": 19, "rain": 9}}), None, RULES)
    assert first.together == {"spring": {"flowers": 10}}
    assert told(MIDNIGHT + DAY - 1, 40, first) == {"spring": {"flowers": 10}}
    assert told(MIDNIGHT + DAY, 40, first) == {"spring": {"flowers": 40}}
    assert told(MIDNIGHT + DAY, 9, first) == {"spring": {}}


def test_of_a_region_with_too_few_people_no_tag_is_named() -> None:
    exact = replace(figures(MIDNIGHT, series(9), together={"spring": {"flowers": 40}}), headcount=9)
    assert release(exact, None, RULES).together == {}


def test_what_stands_for_something_else_from_now_on_is_forgotten() -> None:
    exact = figures(
        MIDNIGHT,
        series(80),
        others={SPRING: series(80), "picnic": series(80)},
        since_start={SPRING: SinceStart(0, 2 * MIDNIGHT, 80, 80)},
        together={"spring": {"flowers": 40}},
    )
    left = forget(release(exact, None, RULES), [SPRING])
    assert (list(left.windows), left.since_start, left.together) == ([WHOLE, "picnic"], {}, {})


# -- whatever comes


def _counts(window: ReleasedWindow) -> list[Released]:
    return [count for column in msgspec.structs.astuple(window) for count in column]


@st.composite
def histories(draw: st.DrawFn) -> list[Figures]:
    """Some minutes of a region, with windows that hold each other as real ones do."""
    minutes = sorted(draw(st.sets(st.integers(0, 3 * DAY), min_size=1, max_size=8)))
    found = []
    for minute in minutes:
        windows = {}
        for name in (WHOLE, SPRING, "picnic"):
            people, events, posts, returning = [], [], [], []
            for _ in WINDOWS:
                people.append(draw(st.integers(people[-1] if people else 0, 45)))
                posts.append(draw(st.integers(posts[-1] if posts else 0, 45)))
                events.append(max(events[-1] if events else 0, people[-1], posts[-1]) + draw(st.integers(0, 9)))
                returning.append(draw(st.integers(0, people[-1])))
            windows[name] = SeriesWindow(
                tuple(people), tuple(posts), (0,) * 4, (0,) * 4, tuple(events), tuple(returning)
            )
        headcount = draw(st.sampled_from([0, 9, 10, 60]))
        found.append(Figures(MIDNIGHT + minute, headcount, windows, {"post": minute}))
    return found


def _released(history: list[Figures], rules: Rules) -> list[Release]:
    found: list[Release] = []
    for exact in history:
        found.append(release(exact, found[-1] if found else None, rules))
    return found


@settings(max_examples=60)
@given(history=histories(), group=st.sampled_from([5, 10]))
def test_no_number_under_the_group_and_none_between_steps_is_ever_shown(history: list[Figures], group: int) -> None:
    for exact, released in zip(history, _released(history, Rules(group)), strict=True):
        counts = [count for window in released.windows.values() for count in _counts(window)]
        counts += released.events_total.values()
        assert all(count == HIDDEN or (isinstance(count, int) and count % group == 0) for count in counts)
        for name, window in released.windows.items():
            if not released.hidden and released.minute == exact.minute:
                people = window.actors[0]
                assert people == HIDDEN or people <= exact.windows[name].actors[0]


def _in_step(count: int, group: int, shift: int) -> int:
    """Another count of the same step."""
    if count == 0:
        return 0
    if count < group:
        return 1 + (count - 1 + shift) % (group - 1)
    return count - count % group + (count + shift) % group


def _moved(window: SeriesWindow, shift: int) -> SeriesWindow:
    """Other figures in the same steps; the new people, too, are as much of a group as they were."""
    columns = {
        name: tuple(_in_step(count, 10, shift) for count in column)
        for name, column in msgspec.structs.asdict(window).items()
    }
    for place, (people, back) in enumerate(zip(columns["actors"], columns["returning"], strict=True)):
        new = window.actors[place] - window.returning[place]
        if back > people or (people - back >= 10) is not (new >= 10):
            for name in ("actors", "returning"):
                kept = getattr(window, name)[place]
                columns[name] = (*columns[name][:place], kept, *columns[name][place + 1 :])
    return SeriesWindow(**columns)


@settings(max_examples=60)
@given(history=histories(), shift=st.integers(0, 9))
def test_worlds_that_differ_within_the_steps_give_the_same_releases(history: list[Figures], shift: int) -> None:
    other = [
        replace(
            exact,
            windows={name: _moved(window, shift) for name, window in exact.windows.items()},
            kinds={kind: _in_step(count, 10, shift) for kind, count in exact.kinds.items()},
        )
        for exact in history
    ]
    assert _released(history, RULES) == _released(other, RULES)


@settings(max_examples=40)
@given(history=histories())
def test_a_release_is_all_the_state_there_is_also_after_it_was_written_and_read(history: list[Figures]) -> None:
    straight = _released(history, RULES)
    former: Release | None = None
    for exact, wanted in zip(history, straight, strict=True):
        kept = read(write(former)) if former else None
        former = release(exact, kept, RULES)
        assert former == wanted


@settings(max_examples=40)
@given(history=histories())
def test_each_window_shows_at_least_what_the_narrower_one_shows(history: list[Figures]) -> None:
    def order(count: Released) -> int:
        return 1 if count == HIDDEN else 2 * count

    for released in _released(history, RULES):
        for window in released.windows.values():
            for column in (window.actors, window.events, window.posts):
                assert [order(count) for count in column] == sorted(order(count) for count in column)
