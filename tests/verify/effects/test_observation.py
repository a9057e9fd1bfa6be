"""States are compared by content; the order of keys is kept apart."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.verify.effects.access import told
from asyncfc_sim.verify.effects.graph import Graph, Space
from asyncfc_sim.verify.effects.observation import Observation, observe


def seen(**values: Any) -> Observation:
    return observe(Graph(lambda _: False), [Space(values, frozenset(values))])


data = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(data, data)
def test_two_states_differ_where_their_values_do(left: Any, right: Any):
    assert (seen(x=left).changed(seen(x=right)) == []) == (repr(ordered(left)) == repr(ordered(right)))


def ordered(value: Any) -> Any:
    """With the keys of dicts in one order: `repr` keeps 1 and True apart, which `==` does not."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    return [ordered(item) for item in value] if isinstance(value, list) else value


def test_the_outermost_difference_is_named():
    before, after = seen(x={"a": {"b": 1}, "c": 2}), seen(x={"a": {"b": 2}, "d": {"e": 3}})
    assert [told(where) for where in before.changed(after)] == ["x['a']['b']", "x['c']", "x['d']"]


def test_another_order_of_keys_is_no_difference_and_is_told_apart():
    before, after = seen(x={"a": 1, "b": 2}), seen(x={"b": 2, "a": 1})
    assert before.changed(after) == []
    assert [told(where) for where in before.reordered(after)] == ["x"]


def test_whether_two_names_hold_one_list_is_part_of_the_state():
    shared: list[int] = []
    assert seen(x=shared, y=shared).changed(seen(x=[], y=[])) != []
