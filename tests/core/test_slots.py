"""Slots: caps in all and per tool, and the lowest future first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.slots import Slots
from asyncfc_sim.core.tool import Tool

TOOLS = {"a": Tool("a"), "b": Tool("b", concurrency=1), "c": Tool("c", concurrency=5)}


def always(future: int) -> bool:
    return True


def take_all(slots: Slots, tool_of: dict[int, str]) -> list[int]:
    taken = []
    while future := slots.next(always):
        slots.take(future, tool_of[future])
        taken.append(future)
    return taken


def waiting(tool_of: dict[int, str], total: int = 10, per_tool: int = 2) -> Slots:
    slots = Slots(TOOLS, total, per_tool)
    for future in sorted(tool_of, reverse=True):
        slots.wait(future, tool_of[future])
    return slots


def test_the_lowest_future_goes_first() -> None:
    tool_of = {1: "c", 2: "a", 3: "b", 4: "a"}
    slots = waiting(tool_of)
    assert take_all(slots, tool_of) == [1, 2, 3, 4]
    assert slots.running == tool_of


def test_a_tool_has_its_own_cap_or_the_common_one() -> None:
    tool_of = dict.fromkeys(range(1, 5), "a") | dict.fromkeys(range(5, 9), "b") | dict.fromkeys(range(9, 17), "c")
    slots = waiting(tool_of, total=100)
    assert take_all(slots, tool_of) == [1, 2, 5, 9, 10, 11, 12, 13]
    assert slots.free(5)
    assert take_all(slots, tool_of) == [6]


def test_a_call_whose_tool_is_busy_does_not_hold_up_later_calls_of_other_tools() -> None:
    tool_of = {1: "b", 2: "b", 3: "a"}
    assert take_all(waiting(tool_of), tool_of) == [1, 3]


def test_the_cap_in_all() -> None:
    tool_of = {1: "a", 2: "c", 3: "a", 4: "c"}
    slots = waiting(tool_of, total=2)
    assert take_all(slots, tool_of) == [1, 2]
    assert slots.free(1)
    assert take_all(slots, tool_of) == [3]


def test_only_what_is_under_way_can_end() -> None:
    slots = waiting({1: "a"})
    assert not slots.free(1)
    slots.take(slots.next(always), "a")
    assert slots.free(1)
    assert not slots.free(1)


def test_calls_that_wait_no_longer_are_passed_over() -> None:
    tool_of = {1: "a", 2: "a", 3: "b"}
    slots = waiting(tool_of)
    assert slots.next(lambda future: future == 3) == 3
    assert slots.next(always) == 0


@given(
    st.dictionaries(st.integers(1, 30), st.sampled_from("abc"), max_size=20),
    st.integers(1, 6),
    st.integers(1, 3),
    st.data(),
)
def test_caps_hold_and_no_slot_stays_free_without_need(
    tool_of: dict[int, str], total: int, per_tool: int, data: st.DataObject
) -> None:
    slots = waiting(tool_of, total, per_tool)
    limit = {"a": per_tool, "b": 1, "c": 5}
    left = set(tool_of)
    while left or slots.running:
        left -= set(take_all(slots, tool_of))
        count = {tool: list(slots.running.values()).count(tool) for tool in limit}
        assert len(slots.running) <= total
        assert all(count[tool] <= limit[tool] for tool in limit)
        if len(slots.running) < total:
            assert all(count[tool_of[future]] == limit[tool_of[future]] for future in left)
        slots.free(data.draw(st.sampled_from(sorted(slots.running))))


def test_a_copy_is_independent() -> None:
    tool_of = {1: "a", 2: "a", 3: "a"}
    slots = waiting(tool_of)
    twin = slots.copy()
    assert take_all(twin, tool_of) == [1, 2]
    assert slots.running == {}
    assert take_all(slots, tool_of) == [1, 2]
    assert twin.free(1)
    assert take_all(twin, tool_of) == [3]
    assert take_all(slots, tool_of) == []


def test_at_least_one_worker_is_needed() -> None:
    for total, per_tool in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="at least one worker"):
            Slots({}, total, per_tool)
