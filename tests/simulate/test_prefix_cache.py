"""What a server still has of a conversation."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.simulate.prefix_cache import PrefixCache


def test_what_was_kept_is_found_as_far_as_it_stands_as_it_stood():
    cache = PrefixCache()
    assert cache.lookup("a", 50, 20) == 20, "a first prompt may share its beginning with others"
    cache.keep("a", 60)
    assert cache.lookup("a", 90, 60) == 60
    assert cache.lookup("a", 90, 10) == 10, "the rest was rewritten"
    assert cache.hit_rate == 90 / 230


def test_who_was_away_longest_goes_first():
    cache = PrefixCache(100)
    for name in "abc":
        cache.keep(name, 40)
    assert [cache.lookup(name, 40, 40) for name in "abc"] == [0, 40, 40]
    cache.keep("b", 50)
    cache.keep("d", 30)
    assert [cache.lookup(name, 40, 40) for name in "bcd"] == [40, 0, 30]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 60)), max_size=30), st.integers(0, 100))
def test_no_more_is_found_than_fits(kept: list[tuple[str, int]], capacity: int):
    cache = PrefixCache(capacity)
    for name, tokens in kept:
        cache.keep(name, tokens)
    found = [cache.lookup(name, 100, 100) for name in {name for name, _ in kept}]
    assert sum(found) <= capacity
    if kept and kept[-1][1] <= capacity:
        assert cache.lookup(kept[-1][0], 100, 100) == kept[-1][1], "the last is always there, if it fits at all"
