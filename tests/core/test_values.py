"""JSON values, error values, access paths, and binding in one pass."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.references import Ref, Text, parse_string
from asyncfc_sim.core.values import (
    UNKNOWN,
    ErrorValue,
    bind,
    canonical,
    copy_json,
    follow,
    inherited,
    same_json,
    with_origin,
)

scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([0.0, 1.0, 1.5, -0.0]) | st.text(max_size=4)
documents = st.recursive(
    scalars | st.sampled_from(["$f1", "${f1}", "$$f2"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
ORDERS = {"items": [{"id": "a"}, {"id": "b"}], "total": 5, "none": None, "": "empty name"}


# --------------------------------------------------------------------------------------------------- access paths


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((), ORDERS),
        (("items", 1, "id"), "b"),
        (("items", -1, "id"), "b"),
        (("none",), None),
        (("",), "empty name"),
    ],
)
def test_a_path_names_a_part(path: tuple[str | int, ...], value: object) -> None:
    assert follow(ORDERS, path) == value


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (("items", 2), ".items is an array of 2: it has no [2]"),
        (("items", -3), ".items is an array of 2: it has no [-3]"),
        (("items", "0"), ".items is an array of 2: it has no ['0']"),
        (("total", "x"), ".total is a number: it has no .x"),
        (("none", 0), ".none is null: it has no [0]"),
        (("nope",), "the value is an object with items, total, none, : it has no .nope"),
        ((0,), "the value is an object with items, total, none, : it has no [0]"),
        (("items", 0, "id", 0), ".items[0].id is a string: it has no [0]"),
    ],
)
def test_a_path_to_nowhere_is_an_error_that_says_what_was_there(path: tuple[str | int, ...], message: str) -> None:
    assert follow(ORDERS, path) == ErrorValue("invalid_reference", message)


def test_nothing_is_a_part_of_true_or_of_an_empty_object() -> None:
    for value, there in ((True, "a boolean"), ({}, "an empty object")):
        error = follow(value, ("x",))
        assert isinstance(error, ErrorValue)
        assert there in error.message


def test_every_path_into_an_error_is_that_error() -> None:
    error = ErrorValue("tool_error", "boom", 1)
    assert follow(error, ("items", 0)) is error


# -------------------------------------------------------------------------------------------------------- binding


def test_a_reference_binds_the_typed_value_and_an_interpolation_its_text() -> None:
    values = {1: ORDERS, 2: "two"}
    template = {"id": Ref(1, ("items", 0, "id")), "n": [Ref(1, ("total",))], "say": Text(("", Ref(1, ("total",)), "!"))}
    assert bind(template, values) == {"id": "a", "n": [5], "say": "5!"}
    assert bind(Text((Ref(2), " of ", Ref(1, ("items",)))), values) == 'two of [{"id":"a"},{"id":"b"}]'


@given(documents)
def test_a_value_is_never_read_as_a_template(value: Any) -> None:
    """INJECT of the litmus table: a tool result that contains `$f1` is data."""
    bound: Any = bind({"whole": Ref(1), "text": parse_string("<${f1}>")}, {1: value})
    assert canonical(bound["whole"]) == canonical(value)
    assert bound["text"] == f"<{value if isinstance(value, str) else canonical(value)}>"


@given(documents)
def test_a_template_without_references_is_bound_to_itself(value: Any) -> None:
    assert canonical(bind(value, {})) == canonical(value)


def test_bound_values_are_copies() -> None:
    values: dict[int, Any] = {1: {"items": []}}
    bound: Any = bind(Ref(1), values)
    bound["items"].append("changed")
    assert values == {1: {"items": []}}


def test_an_unknown_argument_hides_errors_until_all_are_known() -> None:
    error = ErrorValue("tool_error", "boom", 1)
    assert bind([Ref(1), Ref(2)], {1: error}) is UNKNOWN
    assert bind(Text(("a", Ref(2))), {}) is UNKNOWN
    assert bind([Ref(1), Ref(2)], {1: error, 2: 0}) == error


def test_of_several_errors_the_leftmost_counts() -> None:
    first, second = ErrorValue("tool_error", "first", 1), ErrorValue("tool_error", "second", 2)
    assert bind({"b": Ref(2), "a": Ref(1)}, {1: first, 2: second}) is second
    assert bind(Text((Ref(1), Ref(2))), {1: first, 2: second}) is first


# --------------------------------------------------------------------------------------------------------- errors


def test_an_error_as_the_model_sees_it() -> None:
    error = ErrorValue("timeout", "this call did not end in time", 3, retryable=True, effects="unknown")
    assert error.to_json() == {
        "error": {
            "kind": "timeout",
            "message": "this call did not end in time",
            "origin": "$f3",
            "retryable": True,
            "effects": "unknown",
        }
    }
    assert ErrorValue("tool_error", "boom").to_json()["error"]["origin"] is None


def test_an_inherited_error_names_where_it_began() -> None:
    first = ErrorValue("tool_error", "boom", 1, retryable=True, effects="applied")
    second = inherited(first, 1)
    assert second == ErrorValue("dependency_failed", "it needs $f1, which failed: boom", 1)
    assert inherited(ErrorValue("tool_error", "boom"), 4).origin == 4


def test_the_message_of_an_inherited_error_does_not_grow_along_the_chain() -> None:
    error = first = inherited(ErrorValue("tool_error", "boom", 1), 1)
    for future in range(2, 10_000):
        error = inherited(error, future)
    assert error == first


def test_an_origin_is_filled_in_once() -> None:
    assert with_origin(ErrorValue("tool_error", "boom"), 2).origin == 2
    assert with_origin(ErrorValue("tool_error", "boom", 1), 2).origin == 1


# ------------------------------------------------------------------------------------------------------- equality

DISTINCT = [None, False, True, 0, 1, 1.0, "", "1", "true", [], [1], [True], {}, {"a": 1}, {"a": 1.0}, {"a": True}]


def test_canonical_text_keeps_apart_what_python_calls_equal() -> None:
    texts = [canonical(value) for value in DISTINCT]
    assert len(set(texts)) == len(DISTINCT)
    assert canonical({"b": 1, "a": [2, "é"]}) == '{"a":[2,"é"],"b":1}'


@given(documents, documents)
def test_canonical_texts_are_equal_only_for_values_that_are(left: Any, right: Any) -> None:
    assert canonical(json.loads(canonical(left))) == canonical(left)
    assert canonical(copy_json(left)) == canonical(left)
    if canonical(left) == canonical(right):
        assert same_json(left, right)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (5, 5.0, True),
        (1, True, False),
        (0, False, False),
        (True, True, True),
        ([1], [1.0], True),
        ([1], [True], False),
        ([1], [1, 1], False),
        ({"a": 1, "b": 2}, {"b": 2.0, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": [True]}, {"a": [1]}, False),
        ("5", 5, False),
        (None, False, False),
        (None, None, True),
        ([], {}, False),
    ],
)
def test_json_equality(left: Any, right: Any, same: bool) -> None:
    assert same_json(left, right) is same
    assert same_json(right, left) is same


@given(documents)
def test_json_equality_is_reflexive(value: Any) -> None:
    assert same_json(value, copy_json(value))
