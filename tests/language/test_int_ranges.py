"""The regular expression of a range of integers matches these and no others, and the whole of each."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.language.int_ranges import between

NEAR = st.integers(-1200, 1200) | st.integers(-(10**19), 10**19)


@given(NEAR, NEAR, NEAR)
def test_just_what_is_between(left: int, right: int, tried: int):
    low, high = min(left, right), max(left, right)
    pattern = re.compile(between(low, high))
    for number in (tried, low - 1, low, high, high + 1):
        assert bool(pattern.fullmatch(str(number))) == (low <= number <= high)


@given(st.integers(-1200, 1200), st.integers(0, 2000), st.data())
def test_of_alternatives_the_longest_is_taken(low: int, size: int, data: st.DataObject):
    number = data.draw(st.integers(low, low + size))
    match = re.compile(between(low, low + size)).match(f"{number}, 5")
    assert match is not None
    assert match.group() == str(number)


@pytest.mark.parametrize("text", ["01", "-0", "+1", "1.0", "", " 1", "1 "])
def test_other_ways_to_write_a_number_do_not_fit(text: str):
    assert re.fullmatch(between(-99, 99), text) is None


def test_the_shape_of_it():
    assert between(1, 12) == "(?:1[0-2]|[1-9])"
    assert between(0, 10**19 - 1) == "(?:[1-9][0-9]{18}|[1-9][0-9]{1,17}|[1-9])|0"


def test_no_integers():
    with pytest.raises(ValueError, match="no integer from 2 to 1"):
        between(2, 1)
