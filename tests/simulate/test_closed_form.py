"""The papers' formulas, held against schedules that are built by brute force."""

import math
import random
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.simulate.closed_form import (
    IndependentCall,
    async_s,
    graham_brent,
    speedup_bound,
    sync_parallel_s,
    sync_s,
)

seconds = st.integers(0, 40).map(lambda quarter: quarter / 4)  # exact in binary, so that equalities are equalities
calls = st.lists(st.builds(IndependentCall, seconds, seconds), max_size=7)


def emitted_in_order(order):
    """Makespan when calls are decoded in this order and each runs from the moment it is decoded."""
    now, end = 0.0, 0.0
    for call in order:
        now += call.decode_s
        end = max(end, now + call.execute_s)
    return max(now, end)


def test_async_is_the_best_emission_order_of_all_and_longest_first_reaches_it():
    rng = random.Random(2412)
    improved = 0
    for _ in range(400):
        some = [IndependentCall(rng.randint(1, 9), rng.randint(1, 12)) for _ in range(rng.randint(1, 6))]
        spans = [emitted_in_order(order) for order in permutations(some)]
        assert async_s(some) == min(spans)
        assert async_s(some) == emitted_in_order(sorted(some, key=lambda call: -call.execute_s))
        improved += min(spans) < max(spans)
    assert improved > 200  # the order mattered, so the test could have failed


@given(calls)
def test_async_is_the_formula_as_it_is_printed(some):
    printed = [f.execute_s + sum(g.decode_s for g in some if g.execute_s >= f.execute_s) for f in some]
    assert async_s(some) == max(printed, default=0.0)


@given(calls)
def test_async_is_never_slower_than_parallel_nor_parallel_than_sync(some):
    assert async_s(some) <= sync_parallel_s(some) <= sync_s(some)


def test_many_equal_calls_approach_the_speedup_of_one_plus_e_over_g():
    many = [IndependentCall(1.0, 3.0)] * 10_000
    assert sync_s(many) / async_s(many) == pytest.approx(4, rel=1e-3)


def test_eq_1_is_two_at_most_for_a_chain():
    assert speedup_bound(decode_s=10, tool_s=10, critical_s=10) == 2
    assert speedup_bound(decode_s=10, tool_s=5, critical_s=5) == 1.5
    assert speedup_bound(decode_s=10, tool_s=5, critical_s=5, alpha=0.25) == pytest.approx(15 / 12.5)
    assert speedup_bound(decode_s=10, tool_s=30, critical_s=20, alpha=0.25) == 2


@given(seconds, seconds, st.floats(0, 1), st.floats(0, 2))
def test_eq_1_has_the_two_cases_of_the_paper(decode_s, tool_s, share, alpha):
    critical_s = tool_s * share
    if decode_s == 0 == critical_s:
        with pytest.raises(ValueError, match="takes no time"):
            speedup_bound(decode_s, tool_s, critical_s, alpha)
        return
    on_tools = critical_s >= (1 + alpha) * decode_s
    expected = (decode_s + tool_s) / (critical_s if on_tools else (1 + alpha) * decode_s)
    assert speedup_bound(decode_s, tool_s, critical_s, alpha) == pytest.approx(expected)
    assert speedup_bound(decode_s, tool_s, critical_s, alpha) <= speedup_bound(decode_s, tool_s, critical_s)


@given(calls)
def test_eq_1_bounds_the_closed_form_of_independent_calls(some):
    decode_s, tool_s = sum(call.decode_s for call in some), sum(call.execute_s for call in some)
    critical_s = max((call.execute_s for call in some), default=0.0)
    if async_s(some) > 0:
        assert sync_s(some) / async_s(some) <= speedup_bound(decode_s, tool_s, critical_s)


@given(calls, st.integers(1, 4))
def test_greedy_schedules_lie_between_graham_and_brent(some, workers):
    decoded, free, end = 0.0, [0.0] * workers, 0.0
    for call in some:  # a call is decoded, then takes the first worker to come free
        decoded += call.decode_s
        start = max(decoded, min(free))
        free[free.index(min(free))] = start + call.execute_s
        end = max(end, decoded, start + call.execute_s)
    low, high = graham_brent(sum(call.execute_s for call in some), emitted_in_order(some), workers)
    assert low <= end <= high + 1e-9


def test_senseless_inputs_are_refused():
    with pytest.raises(ValueError, match="not below zero"):
        IndependentCall(-1, 0)
    with pytest.raises(ValueError, match="not below zero"):
        speedup_bound(math.nan, 1, 1)
    with pytest.raises(ValueError, match="critical path"):
        speedup_bound(1, 1, 2)
    with pytest.raises(ValueError, match="worker"):
        graham_brent(1, 1, 0)
