"""Footprints of functions: they see what the function will be given, and are bounded while that is not known."""

from __future__ import annotations

import datetime
import enum
import pathlib
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from asyncfc_sim.core.arguments import prepare
from asyncfc_sim.core.footprint import EVERYTHING, NOTHING, BadFootprint, Footprint, indep, parse_pattern
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.values import UNKNOWN, ErrorValue
from asyncfc_sim.tools.decorator import tool
from asyncfc_sim.tools.function_tool import function_tool


class Colour(enum.Enum):
    RED = "red"


class Point(BaseModel):
    x: int
    y: int = 0


def touched(function: Any, args: Mapping[str, Any]) -> str:
    return str(function_tool(function).core.footprint(args))


def test_without_a_declaration_a_call_touches_everything():
    @tool(irreversible=True)
    def f(x: int): ...

    assert function_tool(f).core.footprint({"x": 1}) == EVERYTHING
    assert function_tool(lambda: None, "g").core.footprint({}) == EVERYTHING


def test_declared_to_touch_nothing():
    @tool(reads=[])
    def f(x: int): ...

    assert function_tool(f).core.footprint({"x": 1}) == NOTHING


def test_arguments_left_out_are_those_of_the_function():
    @tool(reads=["file:{folder}/{name}"], writes=["log:{level}"])
    def f(name: str, folder: str = "home", level: Colour = Colour.RED): ...

    assert touched(f, {"name": "a"}) == "reads file:home/a; writes log:red"
    assert touched(f, {"name": "a", "folder": "tmp"}) == "reads file:tmp/a; writes log:red"
    assert touched(f, {"name": UNKNOWN}) == "reads file:home/*; writes log:red"
    assert touched(f, {"name": "a", "folder": UNKNOWN}) == "reads file:*; writes log:red"


@pytest.mark.parametrize(
    ("hint", "forms", "key"),
    [
        (int, [5, 5.0, "5", "05"], "k:5"),
        (float, [5, 5.0, "5", "5.00"], "k:5"),
        (float, [2.5, "2.50"], "k:2.5"),
        (bool, [True, "true", "yes", 1], "k:true"),
        (datetime.date, ["2024-01-02", "2024-01-02T00:00:00"], "k:2024-01-02"),
        (Colour, ["red"], "k:red"),
        (pathlib.Path, ["a/b", "a//b", "./a/b"], "k:a/b"),
        (pathlib.PurePosixPath, ["a/b"], "k:a/b"),
        (Point, [{"x": 1}, {"y": 0, "x": "1"}], 'k:{"x":1,"y":0}'),
        (set[int], [[1, 2], [2, 1, 1]], "k:[1,2]"),
        (Any, ["a"], "k:a"),
    ],
)
def test_one_value_has_one_key_however_the_model_writes_it(hint, forms, key):
    def f(x): ...

    f.__annotations__["x"] = hint
    made = function_tool(tool(writes=["k:{x}"])(f))
    for form in forms:
        assert made.core.footprint({"x": form}) == Footprint(writes=(parse_pattern(key),))


@pytest.mark.parametrize(("x", "y"), [(2, 2.0), ("a", "b")])
def test_whole_numbers_meet_across_tools_of_either_type(x, y):
    @tool(writes=["k:{x}"])
    def f(x: int | str): ...

    @tool(reads=["k:{x}"])
    def g(x: float | str): ...

    apart = indep(function_tool(f).core.footprint({"x": x}), function_tool(g).core.footprint({"x": y}))
    assert apart is (x == "a")


def test_a_value_that_json_cannot_hold_leaves_the_region_before_it():
    @tool(writes=["k:{x}/{y}"])
    def f(x: Any = threading.Lock(), y: float = 1.0): ...  # noqa: B008

    assert touched(f, {}) == "reads nothing; writes k:*"
    assert touched(f, {"x": "a"}) == "reads nothing; writes k:a/1"
    assert touched(f, {"x": "a", "y": "nan"}) == "reads nothing; writes k:a/*"


def test_a_secret_is_not_written_into_a_key():
    @tool(reads=["account:{password}"])
    def f(password: SecretStr): ...

    assert touched(f, {"password": "hunter2"}) == "reads account:*; writes nothing"


def test_a_function_of_the_arguments_sees_the_same():
    @tool(reads=lambda args: [f"row:{n}" for n in range(args["first"], args["last"])])
    def f(first: int, last: int = 3): ...

    assert touched(f, {"first": "1"}) == "reads row:1, row:2; writes nothing"
    assert touched(f, {"first": UNKNOWN}) == "reads *; writes nothing"


def test_an_argument_may_not_climb_out_of_its_place():
    @tool(reads=["file:{folder}/{name}"])
    def f(name: str, folder: str = "home"): ...

    with pytest.raises(BadFootprint, match=r"leads out of file:home/\*"):
        touched(f, {"name": "../etc"})


# Whatever is known, and however it is written: what is touched in the end lies within what was held before.


@tool(reads=["k:{a}/{b}"], writes=["w:{b}/{c}/x", "v:{d}"])
def untyped(a, b, c, d="d"): ...


@tool(reads=["k:{a}/{b}"], writes=["w:{b}/{c}/x", "v:{d}"])
def typed(a: int, b: float, c: datetime.date, d: pathlib.Path = pathlib.Path("d")) -> None: ...


UNTYPED, TYPED = function_tool(untyped), function_tool(typed)
_ARGS = st.fixed_dictionaries(
    {
        "a": st.sampled_from([1, 1.0, "1", "01", "x"]),
        "b": st.sampled_from([1, 1.0, "1", "1.0", 2.5, "2.50", True]),
        "c": st.sampled_from(["2024-01-02", "2024-01-02T00:00:00Z", "2024-01-02T00:00:00", 1704153600, "*"]),
    },
    optional={"d": st.sampled_from(["d", "./d", "d//e", "..", "", "a/*"])},
)


@given(_ARGS, st.sets(st.sampled_from("abcd")), st.sampled_from([UNTYPED, TYPED]))
def test_what_is_touched_lies_within_what_was_held(args, unknown, made):
    try:
        exact = made.core.footprint(args)
    except BadFootprint:
        return
    try:
        held = made.core.footprint({name: UNKNOWN if name in unknown else value for name, value in args.items()})
    except BadFootprint as fault:
        held = fault.bound
    assert exact.within(held)


@given(_ARGS, st.sets(st.sampled_from("abcd")), st.sampled_from([UNTYPED, TYPED]))
def test_validation_never_moves_what_a_call_touches(args, late, made):
    """The core refuses such calls (`arguments._within_bounds`). Calls that fit run, however they write their values."""
    names = [name for name in args if name in late]
    values = {number: args[name] for number, name in enumerate(names, 1)}
    refs = {name: Ref(number) for number, name in enumerate(names, 1)}
    ready = prepare(Call(9, made.name, {**args, **refs}), made.core, values)
    if isinstance(ready, ErrorValue):
        assert "moved" not in ready.message
    else:
        assert ready == (args, made.core.footprint(args))


def test_a_float_written_as_an_integer_is_such_a_call():
    call = Call(2, "typed", {"a": 1, "b": 1, "c": Ref(1)})
    ready = prepare(call, TYPED.core, {1: "2024-01-02"})
    assert not isinstance(ready, ErrorValue)
    assert str(ready[1]) == "reads k:1/1; writes w:1/2024-01-02/x, v:d"
