"""Values left in the bytes of their run, against a list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import compiled
from streams.values import PLACE, GatheredOffsets, GatheredValues, Values

values = st.lists(st.none() | st.binary(max_size=5), max_size=12)


def gathered(parts: list[tuple[bool, list[bytes | None]]]) -> Values:
    """Gather values, those of some parts where they stand in the bytes."""
    run = GatheredValues(b"".join(value or b"" for _, part in parts for value in part))
    at = 0
    for stands, part in parts:
        for value in part:
            if stands and value is not None:
                run.stand(PLACE.pack(at, len(value)))
            else:
                run.add([value])
            at += len(value or b"")
    return run.give()


@pytest.mark.parametrize("are_compiled", [True, False])
@given(st.lists(st.tuples(st.booleans(), values), max_size=4), st.slices(12))
def test_values_read_as_a_list_does_whole_one_by_one_and_in_slices(
    are_compiled: bool, parts: list[tuple[bool, list[bytes | None]]], part: slice
) -> None:
    expected = [value for _, one in parts for value in one]
    run = gathered(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "COMPILED", are_compiled and compiled.COMPILED)
        assert list(run) == expected
        assert [run[place] for place in range(-len(expected), len(expected))] == expected * 2
        assert list(run[part]) == expected[part]
        assert (len(run), len(run[part])) == (len(expected), len(expected[part]))


def test_values_that_are_objects_stay_those_objects() -> None:
    given_values = [b"a" * 300, None, b""]
    assert all(found is value for found, value in zip(Values.of(given_values), given_values, strict=True))


@pytest.mark.parametrize("place", [-3, 2])
def test_a_place_that_is_none_of_the_run_is_an_error(place: int) -> None:
    with pytest.raises(IndexError, match="one of 2 values"):
        Values.of([b"a", b"b"])[place]


def test_the_bytes_are_let_go_where_no_value_stands_in_them() -> None:
    alone, both = GatheredValues(b"1234"), GatheredValues(b"1234")
    alone.add([b"34"])
    both.add([None])
    both.stand(PLACE.pack(2, 2))
    assert (alone.give().raw, both.give().raw) == (b"", b"1234")


def test_offsets_are_a_range_until_the_first_gap_and_a_list_from_there() -> None:
    offsets = GatheredOffsets()
    offsets.add(range(5, 8))
    offsets.add(range(8, 9))
    assert offsets.give() == range(5, 9)
    offsets.add(range(10, 12))
    offsets.add([20])
    assert offsets.give() == [5, 6, 7, 8, 10, 11, 20]
