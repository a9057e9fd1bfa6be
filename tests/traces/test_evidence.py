"""What a value says about where it comes from; tests/workloads/test_value_flow.py has what is made of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.values import follow
from asyncfc_sim.traces.evidence import Seen, found_in_part, found_whole, leaves, tells

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_leaves_are_where_their_paths_lead(value):
    found = list(leaves(value))
    assert all(follow(value, path) == leaf and not isinstance(leaf, list | dict) for path, leaf in found)
    assert len({path for path, _ in found}) == len(found)


@given(json_values, json_values)
def test_a_leaf_is_found_whole_in_its_result_and_the_earliest_is_taken(first, second):
    for _, leaf in leaves(second):
        found = found_whole(leaf, {"a": first, "b": second})
        assert found is not None
        name, path = found
        value = follow({"a": first, "b": second}[name], path)
        assert (type(value), value) == (type(leaf), leaf)
        assert name == "a" or found_whole(leaf, {"a": first}) is None


@pytest.mark.parametrize(
    ("value", "tell"),
    [("ab", True), ("a", False), ("", False), (12, True), (7, False), (1.5, True), (True, False), (None, False)],
)
def test_what_tells(value, tell):
    assert tells(value) is tell


def test_types_are_kept_apart():
    assert found_whole("12", {"a": 12}) is None
    assert found_whole(12, {"a": 12.0}) is None
    assert found_whole(1, {"a": True}) is None


@pytest.mark.parametrize(
    ("literal", "result", "found"),
    [
        ("budget", {"title": "The Budget of Oslo"}, True),
        ("send it to USR-77", ["USR-77"], True),
        ("to", "tom", False),  # too short
        (12.5, {"price": 12.4983}, True),  # rounded
        (12.5, {"price": 12.6}, False),
        (1500, "It costs $1,500.", True),
        (500, "It costs $1,500.", False),
        (-30, {"change": 30}, True),
        ("x1", {"y": "z1"}, False),
    ],
)
def test_parts_of_texts_and_rounded_numbers(literal, result, found):
    assert found_in_part(literal, {"a": result}, Seen()) == ("a" if found else None)


def test_a_leaf_that_was_known_is_no_source():
    seen = Seen()
    assert found_in_part("the budget", {"a": "budget"}, seen) == "a"
    seen.add("What is the budget?")
    assert found_in_part("the budget", {"a": "budget"}, seen) is None


def test_what_was_seen_is_known_whatever_its_case_and_sign():
    seen = Seen()
    seen.add("Pay $1,500.50 to Ann")
    seen.add_leaves({"id": ["USR-77", 42, True, None]})
    assert all(seen.knows(value) for value in ("ann", "ANN", "usr-77", 1500.5, -42))
    assert not any(seen.knows(value) for value in ("Bob", 1500, 43))
