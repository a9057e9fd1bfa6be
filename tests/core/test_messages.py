"""What the model is shown, to the letter."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from asyncfc_sim.core import messages
from asyncfc_sim.core.references import Ref, Text, parse_string
from asyncfc_sim.core.values import ErrorValue
from tests.dialogue import parsed
from tests.strategies import json_values, templates

BOOM = ErrorValue("tool_error", "boom", origin=3, retryable=True, effects="unknown")
BOOM_TEXT = (
    '{"error": {"kind": "tool_error", "message": "boom", "origin": "$f3", "retryable": true, "effects": "unknown"}}'
)


def test_a_result_is_its_json():
    assert messages.result({"b": [1, 2.0, None, True], "a": "größe"}) == '{"b": [1, 2.0, null, true], "a": "größe"}'
    assert messages.result("$f1") == '"$f1"', "data, not a reference"


@pytest.mark.parametrize(
    "value", [{"resolved": {}}, {"resolved": None, "x": 1}, {"future": "$f1", "status": "pending"}]
)
def test_a_result_that_reads_like_the_protocols_own_words_cannot_be_taken_for_them(value):
    assert json.loads(messages.unmistakable(value)) == {"result": value}
    assert json.loads(messages.result(value)) == value


@given(value=json_values())
def test_no_other_result_is_changed(value):
    ours = isinstance(value, dict) and value.keys() & {"resolved", "future"}
    assert ours or messages.unmistakable(value) == messages.result(value)
    for like in ([{"resolved": value}], {"status": "pending"}, {"future": value, "status": "done"}, {"result": value}):
        assert messages.unmistakable(like) == messages.result(like)
    assert messages.unmistakable(BOOM) == messages.result(BOOM)


def test_an_error_names_its_kind_its_origin_and_what_is_known_of_its_effects():
    assert messages.result(BOOM) == BOOM_TEXT


def test_a_placeholder_is_short():
    assert messages.placeholder(12) == '{"future": "$f12", "status": "pending"}'


def test_an_await_is_answered_with_values_in_order_and_what_is_pending():
    assert messages.awaited({10: "j", 2: BOOM}, []) == '{"resolved": {"$f2": ' + BOOM_TEXT + ', "$f10": "j"}}'
    assert messages.awaited({}, [2, 10]) == '{"resolved": {}, "pending": ["$f2", "$f10"]}'


def test_a_cancel_is_answered_with_what_became_of_each_call():
    assert messages.cancelled({2: "b", 1: "a"}) == '{"calls": {"$f1": "a", "$f2": "b"}}'


def test_values_ride_along_in_a_member_of_their_own():
    riding = {10: "j", 2: "b"}
    assert json.loads(messages.with_resolved('"result"', riding, ours=False)) == {
        "result": "result",
        "resolved": {"$f2": "b", "$f10": "j"},
    }
    assert messages.with_resolved(messages.placeholder(3), {2: "b"}, ours=True) == (
        '{"future": "$f3", "status": "pending", "resolved": {"$f2": "b"}}'
    )


def test_values_that_ride_on_an_answer_to_await_are_sorted_in():
    answer = json.loads(messages.with_resolved(messages.awaited({3: "c"}, [4]), {10: "j", 2: "b"}, ours=True))
    assert list(answer["resolved"].items()) == [("$f2", "b"), ("$f3", "c"), ("$f10", "j")]
    assert answer["pending"] == ["$f4"]


def test_a_message_of_the_assistant_may_have_text_calls_or_both():
    assert messages.assistant_message("hi", []) == {"role": "assistant", "content": "hi"}
    assert messages.assistant_message(None, [("id", "read", "{}")]) == {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "id", "type": "function", "function": {"name": "read", "arguments": "{}"}}],
    }


def test_arguments_are_written_as_a_model_writes_them():
    args = {"a": Ref(1, ("x", 0)), "b": Text(("about ", Ref(2))), "c": ["$f1", {"d": "$5.00"}], "e": 1}
    assert messages.arguments(args) == ('{"a": "$f1.x[0]", "b": "about ${f2}", "c": ["$$f1", {"d": "$5.00"}], "e": 1}')


@given(args=templates([1, 2]))
def test_arguments_read_back_are_the_same(args):
    assert parsed(json.loads(messages.arguments({"a": args}))["a"]) == args


# ----------------------------------------------------------------------------------------------- late-bound answers


VALUES = {1: {"total": 5}, 2: "text", 3: BOOM}


@pytest.mark.parametrize(
    ("text", "filled", "used"),
    [
        ("no futures", "no futures", set()),
        ("it is ${f1.total} of ${f2}", "it is 5 of text", {1, 2}),
        ("$f1", '{"total":5}', {1}),
        ("$f2", "text", {2}),
        ("${f2} ${f9.x['a b']}", "text ${f9.x['a b']}", {2}),
        ("$f9", "$f9", set()),
        ("${f2} costs $5.00, not $${f1}", "text costs $5.00, not ${f1}", {2}),
    ],
)
def test_an_answer_is_filled_in_with_the_values_that_it_names(text, filled, used):
    assert messages.late_bound(parse_string(text), VALUES) == (filled, used)


@pytest.mark.parametrize("text", ["it is ${f3}", "it is ${f1.nothing}", "$f3"])
def test_an_answer_that_names_an_error_or_nothing_there_cannot_be_filled_in(text):
    filled, used = messages.late_bound(parse_string(text), VALUES)
    assert isinstance(filled, ErrorValue)
    assert len(used) == 1


def test_values_in_an_answer_are_not_scanned_again():
    assert messages.late_bound(parse_string("it is ${f1}"), {1: "${f2}", 2: "secret"}) == ("it is ${f2}", {1})


# ------------------------------------------------------------------------------------------------- naming futures


def known(number: int) -> int:
    return {1: 1, 2: 2, 3: 2}.get(number, 0)


@pytest.mark.parametrize(
    ("ids", "futures"),
    [
        ([Ref(1), Ref(2)], {1: 1, 2: 2}),
        ([Ref(2), Ref(1), Ref(1)], {1: 1, 2: 2}),
        ([Ref(3), Ref(2)], {2: 2, 3: 2}),  # two numbers that share one future
        ([Ref(1, ("x", 0))], {1: 1}),
        (Ref(1), {1: 1}),
        (["$f1"], {1: 1}),  # escaped: in this place it can only be meant as a future
        ("$f1", {1: 1}),
    ],
)
def test_futures_are_named_in_a_list_or_alone(ids, futures):
    assert messages.named("await_future", {"ids": ids}, known) == futures


@pytest.mark.parametrize("ids", [[Ref(4)], ["f1"], ["$f1 $f2"], [1], [None], [[Ref(1)]], {"a": 1}, Text(("x", Ref(1)))])
def test_anything_else_is_named_in_the_error(ids):
    fault = messages.named("cancel_future", {"ids": ids}, known)
    assert isinstance(fault, ErrorValue)
    assert fault.kind == "invalid_reference"
    assert fault.message.startswith('cancel_future takes the futures of earlier calls, such as {"ids": ["$f1"]}, not {')


@pytest.mark.parametrize("args", [{}, {"ids": []}, {"futures": [Ref(1)]}])
def test_naming_no_future_is_another_error(args):
    fault = messages.named("await_future", args, known)
    assert isinstance(fault, ErrorValue)
    assert fault.kind == "invalid_argument"
