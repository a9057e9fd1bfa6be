"""Data flow is found by watching values, and only where the decoder can have a value from nowhere else."""

from typing import Any

import pytest

from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.syntax import Call, Done, Program, Touch
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.workloads.value_flow import FlowCounts, Observed, connect


def turn(prompt: str, *steps: tuple[dict[str, Any], Any], first: int = 1) -> Observed:
    """A turn from pairs of arguments and result; all tools are called `tool`."""
    calls = tuple(Call(first + at, "tool", args) for at, (args, _) in enumerate(steps))
    return Observed(prompt, calls, tuple(result for _, result in steps))


def only(*turns: Observed) -> Program:
    """The program of the last turn."""
    programs, _ = connect(turns)
    return programs[-1]


def last_args(program: Program) -> Any:
    return [statement for statement in program.body if isinstance(statement, Call)][-1].args


def touches(program: Program) -> list[tuple[int, ...]]:
    return [statement.futures for statement in program.body if isinstance(statement, Touch)]


def test_a_value_of_an_earlier_result_becomes_a_reference_to_its_place():
    program = only(turn("how far?", ({}, {"zip": ["94016"]}), ({}, {"zip": ["83214"]}), ({"to": ["83214"]}, 1)))
    assert last_args(program) == {"to": [Ref(2, ("zip", 0))]}
    assert touches(program) == []
    assert program.body[-1] == Done((Ref(1), Ref(2), Ref(3)))


def test_the_earliest_producer_is_chosen():
    assert last_args(only(turn("", ({}, "abc"), ({}, "abc"), ({"x": "abc"}, 1)))) == {"x": Ref(1)}


@pytest.mark.parametrize(
    ("prompt", "earlier"),
    [
        ("fly to ABC, please", []),  # the user said it, in whatever case
        ("", [({"x": "abc"}, None)]),  # the decoder wrote it itself
    ],
)
def test_a_value_known_from_elsewhere_stays_a_literal(prompt: str, earlier: list[tuple[dict[str, Any], Any]]):
    program = only(turn(prompt, *earlier, ({}, "abc"), ({"x": "abc"}, 1)))
    assert last_args(program) == {"x": "abc"}
    assert touches(program) == []


def test_a_value_of_an_earlier_turn_is_known_and_futures_go_on_counting():
    before, now = turn("", ({}, "abc")), turn("", ({}, "abc"), ({"x": "abc"}, 1), first=2)
    assert last_args(only(before, now)) == {"x": "abc"}
    assert only(before, now).body[-1] == Done((Ref(2), Ref(3)))


def test_an_argument_that_became_a_reference_teaches_the_decoder_nothing():
    program = only(turn("", ({}, "abc"), ({"x": "abc"}, 1), ({"y": "abc"}, 1)))
    assert last_args(program) == {"y": Ref(1)}


@pytest.mark.parametrize(
    ("result", "argument"),
    [
        ("Room 4711 is free", 4711),  # a number in a text
        ("Room 4711 is free", "Room 4711"),  # a part of a text
        (750.0, "It is 750.0 km"),  # a number put into a text
        ({"gallon": 3.9625}, 3.96),  # rounded
        (2.0, "2.0"),  # another type
        (10.0, 10),
        ("10,000", 10000),
    ],
)
def test_a_value_made_of_a_result_forces_a_touch(result: Any, argument: Any):
    program = only(turn("", ({}, result), ({"x": argument}, 1)))
    assert touches(program) == [(1,)]
    assert last_args(program) == {"x": argument}


def test_what_was_touched_is_known():
    program = only(turn("", ({}, {"text": "Room 4711 is free", "id": "abc"}), ({"x": 4711}, 1), ({"y": "abc"}, 1)))
    assert touches(program) == [(1,)]
    assert last_args(program) == {"y": "abc"}


@pytest.mark.parametrize("trivial", [True, None, 7, "x", ""])
def test_trivial_values_are_not_traced(trivial: Any):
    program = only(turn("", ({}, {"a": trivial}), ({"x": trivial}, 1)))
    assert last_args(program) == {"x": trivial}
    assert touches(program) == []


def test_unrelated_values_stay():
    program = only(turn("", ({}, {"gallon": 3.9625, "unit": "gal"}), ({"x": 4.2, "y": "litre", "z": {"k": 15}}, 1)))
    assert last_args(program) == {"x": 4.2, "y": "litre", "z": {"k": 15}}
    assert touches(program) == []


def test_nothing_is_taken_from_an_error_and_a_turn_may_be_empty():
    assert last_args(only(turn("", ({}, ErrorValue("tool_error", "abc")), ({"x": "abc"}, 1)))) == {"x": "abc"}
    assert only(turn("why?")) == Program((Done(()),))


def test_counts():
    _, counts = connect([turn("", ({"city": "Rome"}, {"zip": "00100"}), ({"a": "00100", "b": "00100"}, 1))])
    assert counts == FlowCounts(calls=2, bound=1, references=2, touches=0, literals=3, unexplained=1)
