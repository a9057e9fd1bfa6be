"""A plain function as a tool: what a model is told, what the scheduler knows, and what a call gives."""

from __future__ import annotations

import asyncio
import datetime
import enum
import math
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, SecretStr, TypeAdapter

from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue, canonical
from asyncfc_sim.language.widen import FUTURE_REF
from asyncfc_sim.tools.decorator import tool
from asyncfc_sim.tools.errors import ToolError
from asyncfc_sim.tools.function_tool import FunctionTool, function_tool
from tests.strategies import json_values


class Point(BaseModel):
    x: int
    y: float = 0.0


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@tool(reads=["web:{query}"], idempotent=True, timeout_s=5, concurrency=4, commutes_with=["log"])
def search(query: str, limit: int = 10) -> list[str]:
    """Search the web.

    Args:
        query: What to look for.

    Returns:
        The hits, best first.
    """
    return [query] * limit


def made(function: Any) -> FunctionTool:
    return function_tool(function, "f")


# What is told of it -------------------------------------------------------------------------------------------------


def test_what_a_model_is_told():
    found = function_tool(search)
    assert found.name == "search"
    assert found.function is search
    assert found.description == "Search the web.\n\nReturns: The hits, best first."
    assert found.input_schema["properties"]["query"] == {"type": "string", "description": "What to look for."}
    assert found.output_schema == {"type": "array", "items": {"type": "string"}}
    assert not found.is_async


def test_a_model_may_pass_references_where_the_widened_schema_has_room():
    found = function_tool(search)
    assert found.widened_schema["properties"] == {
        "query": found.input_schema["properties"]["query"],  # any string fits
        "limit": {"default": 10, "anyOf": [{"type": "integer"}, {"$ref": "#/$defs/FutureRef"}]},
    }
    assert found.widened_schema["$defs"] == {"FutureRef": FUTURE_REF}
    assert found.call({"query": "x", "limit": "$f1"}) == ErrorValue(
        "invalid_argument",
        "search: limit: input should be a valid integer, unable to parse string as an integer, not '$f1'",
    )


def test_what_the_scheduler_knows():
    core = function_tool(search).core
    assert core == Tool(
        "search",
        effects=core.effects,
        idempotent=True,
        timeout_s=5.0,
        concurrency=4,
        commutes_with=frozenset({"log"}),
        validate=core.validate,
        lacks=core.lacks,
    )
    assert str(core.footprint({"query": "a"})) == "reads web:a; writes nothing"


def test_a_plain_function_is_undeclared_and_can_be_undone():
    core = made(lambda: None).core
    assert core == Tool("f", validate=core.validate)


def test_the_name():
    assert function_tool(tool(name="other")(lambda: None)).name == "other"
    assert function_tool(tool(name="other")(lambda: None), "third").name == "third"


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (None, {"type": "null"}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (datetime.date, {"type": "string", "format": "date"}),
        (
            Point,
            {
                "type": "object",
                "properties": {"x": {"type": "integer"}, "y": {"default": 0.0, "type": "number"}},
                "required": ["x"],
            },
        ),
        (Any, {}),
        (ToolError, None),
        (math, None),
    ],
)
def test_the_schema_of_the_result(hint, schema):
    def f(): ...

    f.__annotations__["return"] = hint
    assert made(f).output_schema == schema


def test_no_type_of_the_result():
    assert made(lambda: None).output_schema is None


# Calls --------------------------------------------------------------------------------------------------------------


def test_the_unmodified_function_is_called_with_its_own_types():
    seen: list[Any] = []

    def f(day: datetime.date, point: Point, colour: Colour = Colour.RED) -> datetime.date:
        seen.append((day, point, colour))
        return day

    assert made(f).call({"day": "2024-01-02", "point": {"x": "1"}}) == "2024-01-02"
    assert seen == [(datetime.date(2024, 1, 2), Point(x=1), Colour.RED)]


@given(
    st.builds(Point, x=st.integers(), y=st.floats(allow_nan=False, allow_infinity=False)),
    st.lists(st.datetimes(), max_size=3),
    st.dictionaries(st.sampled_from(["a", "$f1", ""]), st.decimals(allow_nan=False, allow_infinity=False), max_size=2),
    st.one_of(st.none(), st.sampled_from(Colour)),
)
def test_what_goes_in_as_json_comes_out_as_json(point, times, amounts, colour):
    def f(point: Point, times: list[datetime.datetime], amounts: dict[str, Any], colour: Colour | None):
        return [point, times, amounts, colour]

    given = {"point": point, "times": times, "amounts": amounts, "colour": colour}
    args: dict[str, Any] = TypeAdapter(Any).dump_python(given, mode="json")
    called = made(f)
    assert called.core.validate is not None
    assert called.core.validate(args) is args
    assert canonical(called.call(args)) == canonical(list(args.values()))


@given(json_values())
def test_any_json_may_be_passed_and_returned(value):
    assert canonical(made(lambda x: x).call({"x": value})) == canonical(value)


def test_arguments_are_read_once():
    """Some values do not survive a second reading: so `validate` answers with the arguments as they were."""

    def f(secret: SecretStr, doubled: Annotated[int, AfterValidator(lambda n: 2 * n)]) -> list[Any]:
        return [secret.get_secret_value(), doubled]

    called = made(f)
    assert called.core.validate is not None
    args = called.core.validate({"secret": "hunter2", "doubled": 1})
    assert not isinstance(args, ErrorValue)
    assert called.call(args) == ["hunter2", 2]


def test_validating_does_not_call_the_function():
    called: list[int] = []
    found = made(lambda x: called.append(x))
    assert found.core.validate is not None
    assert found.core.validate({"x": 1}) == {"x": 1}
    assert called == []
    assert found.call({"x": 1}) is None
    assert called == [1]


def test_what_validation_refuses_a_call_refuses_with_the_same_error():
    found = made(search)
    for args in ({}, {"query": 1}, {"query": "x", "limit": "many"}, {"query": "x", "depth": 1}):
        assert found.core.validate is not None
        refused = found.core.validate(args)
        assert isinstance(refused, ErrorValue)
        assert refused.kind == "invalid_argument"
        assert found.call(args) == refused


def test_the_result_is_a_copy():
    world = {"rows": [1]}
    result: Any = made(lambda: world).call({})
    result["rows"].append(2)
    assert world == {"rows": [1]}


def failing(error: BaseException) -> Any:
    def f():
        raise error

    return f


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (KeyError("a"), "f: KeyError: 'a'"),
        (ValueError(), "f: ValueError"),
        (SystemExit(2), "f: SystemExit: 2"),
        (ToolError("x", "y"), "f: ToolError: tool 'x': y"),
    ],
)
def test_what_it_raises_is_a_value(error, message):
    assert made(failing(error)).call({}) == ErrorValue("tool_error", message, effects="unknown")


def test_an_interruption_is_none_of_its_errors():
    with pytest.raises(KeyboardInterrupt):
        made(failing(KeyboardInterrupt())).call({})


@pytest.mark.parametrize("result", [object(), math.nan, [{"x": lambda: None}]])
def test_a_result_that_is_no_json_is_an_error_and_says_so(result):
    value = made(lambda: result).call({})
    assert isinstance(value, ErrorValue)
    assert (value.kind, value.effects) == ("tool_error", "applied")
    assert f"its result, of the type {type(result).__name__}, is no JSON: " in value.message


def test_async_functions():
    async def f(n: int) -> int:
        await asyncio.sleep(0)
        return n + 1

    async def cancelled() -> None:
        raise asyncio.CancelledError

    found = made(f)
    assert found.is_async
    assert found.call({"n": 1}) == 2
    assert made(cancelled).call({}) == ErrorValue("tool_error", "f: CancelledError", effects="unknown")
    assert made(lambda n: f(n)).call({"n": 1}) == 2  # it does not say that it is async


def test_positional_parameters_and_bound_methods():
    class Store:
        def __init__(self) -> None:
            self.rows: dict[str, int] = {}

        def put(self, key: str, value: int = 1, /) -> int:
            """Put it."""
            self.rows[key] = value
            return len(self.rows)

    store = Store()
    put = function_tool(store.put)
    assert (put.name, put.description) == ("put", "Put it.")
    assert [put.call({"key": "a"}), put.call({"value": 5, "key": "b"})] == [1, 2]
    assert store.rows == {"a": 1, "b": 5}


# What is none -------------------------------------------------------------------------------------------------------


async def yields():
    yield 1


@pytest.mark.parametrize(
    ("function", "name", "message"),
    [
        (3, "f", "tool 'f': a function is expected"),
        (Point, "f", "tool 'f': a function is expected"),
        (yields, None, "tool 'yields': it yields; a tool returns its result"),
        (lambda: 0, None, "tool '<lambda>': a name of 1 to 64 of A-Z a-z 0-9 _ - is expected"),
        (search, "a b", "tool 'a b': a name of 1 to 64 of A-Z a-z 0-9 _ - is expected"),
        (search, 3, "tool 3: a name of 1 to 64 of A-Z a-z 0-9 _ - is expected"),
    ],
)
def test_what_is_no_tool(function, name, message):
    with pytest.raises(ToolError) as caught:
        function_tool(function, name)
    assert str(caught.value).startswith(message)
