"""The State Tree finds the same conflicts as comparing with every open call would.

`Naive` is that comparison: a list of the open calls in issue order and Bernstein's conditions.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from asyncfc_sim.core.footprint import ANYWHERE, EVERYTHING, NOTHING, Footprint, Pattern, indep, parse_pattern
from asyncfc_sim.core.state_tree import StateTree

keys = st.lists(st.sampled_from("ab"), max_size=4).map(tuple)
patterns = st.builds(Pattern, keys, st.booleans()).filter(lambda pattern: pattern.key or pattern.below)
footprints = st.builds(
    Footprint, st.lists(patterns, max_size=3).map(tuple), st.lists(patterns, max_size=2).map(tuple)
) | st.sampled_from([EVERYTHING, NOTHING, Footprint(reads=(ANYWHERE,))])
excuses = st.sampled_from([None, 2, 3])


def writes(*texts: str) -> Footprint:
    return Footprint(writes=tuple(map(parse_pattern, texts)))


def reads(*texts: str) -> Footprint:
    return Footprint(reads=tuple(map(parse_pattern, texts)))


class Naive:
    def __init__(self) -> None:
        self.held: dict[int, Footprint] = {}

    def blocker(self, future: int, footprint: Footprint, excused: Callable[[int], bool]) -> int:
        ahead = (other for other in self.held if other < future and not excused(other))
        return max((other for other in ahead if not indep(self.held[other], footprint)), default=0)


class Against(RuleBasedStateMachine):
    """Hold, shrink, release and ask, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.tree, self.naive = StateTree(), Naive()
        self.last = 0

    @rule(footprint=footprints, skip=st.integers(1, 3))
    def hold(self, footprint: Footprint, skip: int) -> None:
        self.last += skip
        self.tree.hold(self.last, footprint)
        self.naive.held[self.last] = footprint

    @precondition(lambda self: self.naive.held)
    @rule(data=st.data(), footprint=footprints)
    def hold_something_else(self, data: st.DataObject, footprint: Footprint) -> None:
        future = data.draw(st.sampled_from(sorted(self.naive.held)))
        self.tree.hold(future, footprint)
        self.naive.held[future] = footprint

    @precondition(lambda self: self.naive.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        future = data.draw(st.sampled_from(sorted(self.naive.held)))
        self.tree.release(future)
        del self.naive.held[future]

    @rule(future=st.integers(1, 40), footprint=footprints, excuse=excuses)
    def ask(self, future: int, footprint: Footprint, excuse: int | None) -> None:
        excused: Callable[[int], bool] = lambda other: excuse is not None and other % excuse == 0  # noqa: E731
        expected = self.naive.blocker(future, footprint, excused)
        assert self.tree.blocker(future, footprint, None if excuse is None else excused) == expected

    @rule()
    def copy(self) -> None:
        before, self.tree = self.tree, self.tree.copy()
        before.hold(1, EVERYTHING)  # the copy does not notice

    @invariant()
    def holds_what_the_list_holds(self) -> None:
        for future in range(1, self.last + 1):
            assert self.tree.holds(future) is (future in self.naive.held)
        assert all(self.tree.footprint(future) == held for future, held in self.naive.held.items())

    def teardown(self) -> None:
        for future in self.naive.held:
            self.tree.release(future)
        assert not self.tree._root.children, "an empty tree keeps no nodes"
        assert not self.tree._root.open


TestAgainst = Against.TestCase


@given(st.lists(footprints, max_size=12), footprints)
def test_the_latest_conflicting_call_is_found(held: list[Footprint], footprint: Footprint) -> None:
    tree, naive = StateTree(), Naive()
    for future, some in enumerate(held, start=1):
        tree.hold(future, some)
        naive.held[future] = some
    for future in range(1, len(held) + 2):
        assert tree.blocker(future, footprint) == naive.blocker(future, footprint, lambda other: False)


@pytest.mark.parametrize(
    ("first", "second", "blocked"),
    [
        (reads("k:a"), reads("k:a"), False),
        (writes("k:a"), reads("k:a"), True),  # RAW
        (reads("k:a"), writes("k:a"), True),  # WAR
        (writes("k:a"), writes("k:a"), True),  # WAW
        (writes("k:a"), writes("k:b"), False),
        (writes("k:a"), reads("k:a/x"), False),  # a key is not what is below it
        (writes("k:a/*"), reads("k:a/x"), True),
        (writes("k:a/*"), reads("k:a"), True),  # a region is its own key, too
        (writes("k:a/x/y/z"), reads("k:a/*"), True),  # phantoms
        (reads("k:a/*"), writes("k:a/new"), True),
        (reads("k:a/*"), writes("k:b/*"), False),
        (writes("k:a/x/*"), writes("k:a/*"), True),
        (EVERYTHING, reads("k:a"), True),
        (reads("k:a"), EVERYTHING, True),
        (EVERYTHING, NOTHING, False),
        (Footprint((ANYWHERE,)), reads("k:a"), False),
    ],
)
def test_who_waits_for_whom(first: Footprint, second: Footprint, blocked: bool) -> None:
    tree = StateTree()
    tree.hold(1, first)
    assert tree.blocker(2, second) == (1 if blocked else 0)
    assert tree.blocker(1, second) == 0  # nobody waits for a later call


def test_a_region_that_shrinks_lets_others_pass() -> None:
    tree = StateTree()
    tree.hold(1, writes("k:*"))
    assert tree.blocker(2, reads("k:a")) == 1
    tree.hold(1, writes("k:b"))
    assert tree.blocker(2, reads("k:a")) == 0
    assert tree.blocker(2, reads("k:b")) == 1


def test_the_latest_call_in_the_way_is_named_unless_it_is_excused() -> None:
    tree = StateTree()
    for future in (1, 2, 3):
        tree.hold(future, writes("k:a"))
    assert tree.blocker(4, writes("k:a")) == 3
    assert tree.blocker(4, writes("k:a"), lambda other: other == 3) == 2
    assert tree.blocker(4, writes("k:a"), lambda other: True) == 0


def test_one_call_may_hold_a_key_more_than_once() -> None:
    tree = StateTree()
    footprint = Footprint(
        reads=(parse_pattern("k:a"), parse_pattern("k:a/*"), parse_pattern("k:a")),
        writes=(parse_pattern("k:a"), parse_pattern("k:a")),
    )
    tree.hold(1, footprint)
    tree.hold(2, reads("k:a"))
    tree.release(1)
    assert tree.blocker(3, writes("k:a")) == 2
    assert tree.blocker(3, reads("k:a")) == 0
    tree.release(2)
    assert not tree._root.children
