"""Wilson's interval against values in print, and what any such interval must do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.studies.proportion import wilson


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, Statistics in Medicine 17: 857-872, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_known_values(count: int, n: int, low: float, high: float) -> None:
    share = wilson(count, n)
    assert (round(share.low, 4), round(share.high, 4)) == (low, high)
    assert share.value == count / n


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_it_holds_the_share_and_stays_within_zero_and_one(case: tuple[int, int]) -> None:
    share = wilson(*case)
    assert 0 <= share.low <= share.value <= share.high <= 1
    assert share.low < share.high
    count, n = case
    other = wilson(n - count, n)  # counting what the share leaves out turns the interval over
    assert [other.low, other.high] == pytest.approx([1 - share.high, 1 - share.low])


@given(st.integers(1, 1000))
def test_more_cases_narrow_it(n: int) -> None:
    few, many = wilson(n, 2 * n), wilson(10 * n, 20 * n)
    assert many.high - many.low < few.high - few.low


@pytest.mark.parametrize(("count", "n"), [(0, 0), (2, 1), (-1, 3)])
def test_counts_that_are_none(count: int, n: int) -> None:
    with pytest.raises(ValueError, match="expected at least one case"):
        wilson(count, n)
