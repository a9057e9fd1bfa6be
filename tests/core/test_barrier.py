"""The barrier: who waits for everything before it, and which failures the decoder knew of when it issued a call."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.barrier import Barrier
from asyncfc_sim.core.values import ErrorValue


def issued(*futures: int) -> Barrier:
    barrier = Barrier()
    for future in futures:
        barrier.issue(future)
    return barrier


def boom(origin: int | None = None) -> ErrorValue:
    return ErrorValue("tool_error", "boom", origin)


def test_a_call_waits_until_everything_before_it_has_settled() -> None:
    barrier = issued(1, 2, 4)
    assert not barrier.holds_back(1)
    assert barrier.holds_back(4)
    assert list(barrier.advance({2: None})) == []
    assert list(barrier.released()) == []
    assert list(barrier.advance({1: None, 2: None})) == [1, 2]
    assert list(barrier.released()) == [4]
    assert list(barrier.released()) == []
    assert not barrier.all_settled
    assert list(barrier.advance({1: None, 2: None, 4: None})) == [4]
    assert barrier.all_settled


def test_all_is_settled_before_anything_is_issued() -> None:
    assert Barrier().all_settled


@given(st.permutations(range(1, 9)), st.sets(st.integers(2, 8)))
def test_calls_are_released_in_issue_order_each_once_and_never_too_early(order: list[int], waiting: set[int]) -> None:
    barrier, values, released = issued(*range(1, 9)), dict[int, None](), list[int]()
    for future in waiting:
        assert barrier.holds_back(future)
    advanced: list[int] = []
    for future in order:
        values[future] = None
        advanced += barrier.advance(dict(values))
        for free in barrier.released():
            assert values.keys() >= set(range(1, free))
            released.append(free)
        lowest_open = min(set(range(1, 9)) - values.keys(), default=9)
        assert set(released) == {future for future in waiting if future <= lowest_open}
    assert advanced == list(range(1, 9))
    assert released == sorted(waiting)


def test_the_first_failure_before_a_call_holds_it_back() -> None:
    barrier = issued(1, 2, 3, 4)
    assert barrier.failure_before(4) is None
    barrier.fail(3, boom())
    barrier.fail(2, boom())
    assert barrier.failure_before(2) is None
    assert barrier.failure_before(3) == 2
    assert barrier.failure_before(4) == 2


def test_a_failure_that_the_decoder_knew_of_does_not_count() -> None:
    barrier = issued(1, 2)
    barrier.fail(1, boom())
    barrier.tell([1, 2])
    barrier.issue(3)
    assert barrier.failure_before(2) == 1  # issued before it was told
    assert barrier.failure_before(3) is None


def test_to_be_told_of_a_failure_is_to_be_told_of_what_it_brought_down() -> None:
    barrier = issued(1, 2, 3)
    barrier.fail(1, boom())
    barrier.fail(2, boom(origin=1))
    barrier.tell([2])
    barrier.issue(4)
    assert barrier.failure_before(4) is None
    assert barrier.failure_before(3) == 1


def test_to_be_told_twice_does_not_count_again() -> None:
    barrier = issued(1)
    barrier.fail(1, boom())
    barrier.tell([1])
    barrier.issue(2)
    barrier.tell([1])
    assert barrier.failure_before(2) is None


def test_a_second_failure_counts_though_the_first_was_known() -> None:
    barrier = issued(1, 2)
    barrier.fail(1, boom())
    barrier.tell([1])
    barrier.fail(2, boom())
    barrier.issue(3)
    assert barrier.failure_before(3) == 2


def test_a_cut_forgets_what_was_issued_later() -> None:
    barrier = issued(1, 2, 3, 4)
    barrier.fail(2, boom())
    barrier.fail(4, boom())
    assert barrier.holds_back(3)
    assert list(barrier.advance({1: None, 2: boom()})) == [1, 2]
    assert barrier.cut_after(2) == [3, 4]
    assert barrier.all_settled
    barrier.tell([2])
    barrier.issue(5)
    assert barrier.last_issued == 5
    assert not barrier.holds_back(5)
    assert barrier.failure_before(5) is None


def test_a_copy_is_independent() -> None:
    barrier = issued(1, 2)
    twin = barrier.copy()
    twin.issue(3)
    twin.fail(1, boom())
    twin.tell([1])
    assert twin.holds_back(2)
    assert list(twin.advance({1: None})) == [1]
    assert barrier.last_issued == 2
    assert barrier.failure_before(2) is None
    assert barrier.told == {}
    assert list(barrier.released()) == []
    assert list(barrier.advance({1: None})) == [1]
