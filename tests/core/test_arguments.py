"""From templates to arguments: bind, validate, footprint. Running in order and asynchronously refuse the same calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from asyncfc_sim.core.arguments import bound, needed, prepare, reference_fault, types_of
from asyncfc_sim.core.footprint import EVERYTHING, Declaration, Footprint, parse_pattern
from asyncfc_sim.core.references import Ref, Text
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue
from tests.toys import TYPED

WRITE = Tool("write", Declaration(writes=["k:{path}"]))


def writes(*patterns: str) -> Footprint:
    return Footprint(writes=tuple(map(parse_pattern, patterns)))


def refusal(call: Call, tool: Tool | None, values: Mapping[int, Any]) -> str:
    error = prepare(call, tool, values)
    assert isinstance(error, ErrorValue)
    assert error.origin is not None
    return f"{error.kind}: {error.message}"


def lower_case(args: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"path": "default", **args} if "path" not in args else {**args, "path": str(args["path"]).lower()}


LENIENT = Tool("write", Declaration(writes=["k:{path}"]), validate=lower_case)


def test_every_reference_is_needed_wherever_it_stands() -> None:
    call = Call(9, "pure", {"a": Ref(1), "b": [{"c": Text(("x", Ref(2), Ref(1)))}], "d": "$f3"})
    assert needed(call) == {1, 2}


def test_a_reference_must_name_an_earlier_future() -> None:
    assert reference_fault(Call(3, "pure", {"x": Ref(1)}), {1: None}) is None
    for future in (2, 3, 4):
        error = reference_fault(Call(3, "pure", {"x": [Ref(1), Ref(future)]}), {1: None, 3: None, 4: None})
        message = f"pure: there is no earlier future $f{future}; this call is $f3"
        assert error == ErrorValue("invalid_reference", message, 3)


def test_a_reference_must_name_a_part_that_results_of_that_call_may_have() -> None:
    def fault(**args: Any) -> str | None:
        calls = {1: Call(1, "pure", {"x": 1}), 2: Call(2, "read", {"path": "a"}), 3: Call(3, "nosuch", {})}
        error = reference_fault(Call(4, "pure", args), calls, types_of(calls, TYPED))
        return None if error is None else f"{error.kind}: {error.message} ({error.origin})"

    nothing = "invalid_reference: pure: $f1.y: the result is an object with x (4)"
    assert fault(x=Ref(1, ("y",))) == nothing
    assert fault(x=[{"a": Text(("it is ", Ref(1, ("y",))))}]) == nothing
    assert fault(x=Ref(1), y=Ref(1, ("x", -1))) is None
    assert fault(x=Ref(2, ("y",)), y=Ref(3, ("y",))) is None, "nothing is known of these"


def test_known_arguments_give_the_exact_footprint() -> None:
    assert prepare(Call(2, "write", {"path": Ref(1), "text": "x"}), WRITE, {1: "a"}) == (
        {"path": "a", "text": "x"},
        writes("k:a"),
    )


def test_an_unknown_tool_is_an_error_whatever_its_arguments() -> None:
    values = {1: ErrorValue("tool_error", "boom", 1)}
    assert refusal(Call(2, "nope", {"x": Ref(1)}), None, values) == "invalid_argument: there is no tool named 'nope'"


def test_an_argument_that_is_an_error_poisons_the_call() -> None:
    call = Call(3, "write", {"path": Ref(1), "text": Ref(2)})
    values = {1: "a", 2: ErrorValue("tool_error", "boom", 2)}
    assert refusal(call, WRITE, values) == "dependency_failed: it needs $f2, which failed: boom"


def test_of_two_failed_arguments_the_first_counts_whichever_failed_first() -> None:
    call = Call(3, "write", {"path": Ref(2), "text": Ref(1)})
    values = {1: ErrorValue("tool_error", "one", 1), 2: ErrorValue("tool_error", "two", 2)}
    assert refusal(call, WRITE, values) == "dependency_failed: it needs $f2, which failed: two"


def test_a_path_to_nowhere_is_named() -> None:
    call = Call(2, "write", {"path": "a", "text": [Ref(1, ("x",))]})
    assert refusal(call, WRITE, {1: {"y": 0}}) == (
        "invalid_reference: $f1.x: the value is an object with y: it has no .x"
    )


@pytest.mark.parametrize("answer", [ErrorValue("invalid_argument", "path: too short"), KeyError("path")])
def test_validation_may_refuse_and_a_validation_that_fails_refuses(answer: object) -> None:
    def validate(args: Mapping[str, Any]) -> Mapping[str, Any] | ErrorValue:
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, ErrorValue)
        return answer

    tool = Tool("write", Declaration(writes=["k:{path}"]), validate=validate)
    assert refusal(Call(2, "write", {"path": ""}), tool, {}).startswith("invalid_argument: ")


def test_the_footprint_is_that_of_the_validated_arguments() -> None:
    assert prepare(Call(1, "write", {"path": "A"}), LENIENT, {}) == ({"path": "a"}, writes("k:a"))
    assert prepare(Call(1, "write", {}), LENIENT, {}) == ({"path": "default"}, writes("k:default"))


def test_validation_may_change_an_argument_only_within_what_bounded_the_call_while_it_waited() -> None:
    """Else a later call on the same key may have overtaken it: write(path="A", text=$f1); read(path="a")."""
    moved = Call(2, "write", {"path": "A", "text": Ref(1)})
    assert bound(moved, LENIENT, {}) == writes("k:A")
    assert refusal(moved, LENIENT, {1: "x"}).startswith("invalid_argument: write: its validation moved")
    for harmless in (
        Call(2, "write", {"path": Ref(1), "text": "x"}),  # k:* covers both
        Call(2, "write", {"path": "A"}),  # it never waited
        Call(2, "write", {"path": "a", "text": Ref(1)}),  # nothing changed
        Call(2, "write", {"text": Ref(1)}),  # a default was filled in
    ):
        assert isinstance(prepare(harmless, LENIENT, {1: "X"}), tuple)


def test_a_footprint_that_does_not_hold_refuses_the_call() -> None:
    assert refusal(Call(2, "write", {"path": "../etc"}), WRITE, {}).startswith("invalid_argument: write: ")
    assert refusal(Call(2, "write", {"text": "x"}), WRITE, {}).startswith("invalid_argument: write: ")


def test_what_is_known_of_a_footprint_never_grows_while_arguments_become_known() -> None:
    tool = Tool("put", Declaration(writes=["k:{folder}/{name}"]))
    call = Call(3, "put", {"folder": Ref(1), "name": Ref(2), "text": Ref(3)})
    assert bound(call, tool, {}) == bound(call, tool, {2: "x"}) == writes("k:*")
    assert bound(call, tool, {1: "d"}) == writes("k:d/*")
    assert bound(call, tool, {1: "d", 2: "x"}) == writes("k:d/x")
    assert bound(call, tool, {1: "d", 2: "../../x"}) == writes("k:d/*")  # it will be refused
    assert bound(call, tool, {1: ErrorValue("tool_error", "boom", 1), 2: "x"}) == writes("k:*")  # it will be poisoned
    assert bound(call, Tool("put"), {1: "d"}) == EVERYTHING
