"""Paired comparisons: the exact test against counting, and what must hold of any difference."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.studies.paired import difference, sign_test

SCORES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12)


@pytest.mark.parametrize("n", range(1, 9))
def test_the_sign_test_counts_coins(n):
    """Of all ways in which n coins can fall, the share that is as uneven as the one seen, or more."""
    for better in range(n + 1):
        uneven = abs(2 * better - n)
        as_uneven = [coins for coins in product((0, 1), repeat=n) if abs(2 * sum(coins) - n) >= uneven]
        assert sign_test(better, n - better) == pytest.approx(len(as_uneven) / 2**n)


def test_no_difference_is_no_evidence_and_large_counts_are_no_trouble():
    assert sign_test(0, 0) == sign_test(7, 7) == 1
    assert 0 < sign_test(4000, 6000) < 1e-80


@given(SCORES)
def test_a_difference_turned_round_is_its_negative(pairs):
    first, second = zip(*pairs, strict=True)
    there = difference(first, second, np.random.default_rng(0))
    back = difference(second, first, np.random.default_rng(0))
    assert back.mean == pytest.approx(-there.mean)
    assert (back.better, back.worse, back.p, back.n) == (there.worse, there.better, there.p, there.n)
    assert there.better + there.worse <= there.n == len(pairs)
    if there.low is not None and there.high is not None:
        assert there.low <= there.mean + 1e-9
        assert there.high >= there.mean - 1e-9
    assert (there.low is None) == (there.n == 1)


def test_pairs_are_needed():
    with pytest.raises(ValueError, match="pairs are needed"):
        difference([1.0], [], np.random.default_rng(0))
    with pytest.raises(ValueError, match="pairs are needed"):
        difference([], [], np.random.default_rng(0))
