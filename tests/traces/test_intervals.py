"""Unions, lanes and the split of the saving, against integration on a grid."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.traces.intervals import Split, covered_length, lanes, merged, split, summed_length

# Whole seconds: exact, so that a grid of whole seconds integrates them exactly.
intervals = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 12)).map(lambda pair: (pair[0], sum(pair))), max_size=8
)
GRID = range(50)


def busy_at(some, second):
    return sum(start <= second < end for start, end in some)


@given(intervals)
def test_union_and_sum_are_what_a_grid_counts(some):
    assert covered_length(some) == sum(busy_at(some, second) > 0 for second in GRID)
    assert summed_length(some) == sum(busy_at(some, second) for second in GRID)
    union = merged(some)
    assert all(left[1] < right[0] for left, right in pairwise(union))


@given(st.lists(st.integers(0, 5), max_size=10), intervals)
def test_the_saving_is_the_sum_of_its_parts(steps, calls):
    # A serial decoder: alternately decoding and not, by the given steps.
    edges = [sum(steps[: count + 1]) for count in range(len(steps))]
    decode = list(zip(edges[::2], edges[1::2], strict=False))
    got = split(decode, calls)
    decoding = [busy_at(decode, second) for second in GRID]
    running = [busy_at(calls, second) for second in GRID]
    saving = summed_length(decode) + summed_length(calls) - covered_length([*decode, *calls])
    assert got.saving_s == got.tool_tool_s + got.decode_tool_s == saving
    assert got.tool_tool_s == sum(max(0, count - 1) for count in running)
    assert got.decode_tool_s == sum(d > 0 and r > 0 for d, r in zip(decoding, running, strict=True))
    assert (got.decode_s, got.calls_s) == (summed_length(decode), summed_length(calls))


def test_overlap_happens_and_sequence_saves_nothing():
    assert split([(0, 1), (2, 3)], [(1, 2), (3, 4)]) == Split(2, 2, 0, 0)
    assert split([(0, 4)], [(1, 5), (2, 6)]) == Split(4, 8, 3, 3)


@given(st.lists(st.floats(0.001, 10), min_size=2, max_size=30))
def test_rounding_is_no_saving(lengths):
    edges = [sum(lengths[:count]) for count in range(len(lengths) + 1)]
    spans = list(pairwise(edges))
    assert split(spans[::2], spans[1::2]).saving_s == 0.0
    assert split([], spans).saving_s == 0.0


@given(intervals)
def test_no_two_in_a_lane_overlap_and_no_lane_is_wasted(some):
    assigned = lanes(some)
    for lane in set(assigned):
        mine = sorted(interval for interval, its in zip(some, assigned, strict=True) if its == lane)
        assert all(left[1] <= right[0] for left, right in pairwise(mine))
    lasting = [interval for interval in some if interval[0] < interval[1]]
    most_at_once = max((busy_at(lasting, second) for second in GRID), default=0)
    assert len(set(lanes(lasting))) == most_at_once


@pytest.mark.parametrize("bad", [(2.0, 1.0), (float("nan"), 1.0)])
def test_an_interval_must_not_end_before_it_starts(bad):
    for function in (merged, summed_length, covered_length, lanes):
        with pytest.raises(ValueError, match="ends before it starts"):
            function([bad])
