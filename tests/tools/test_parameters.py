"""Schemas of plain functions, and their arguments as Python values. The functions themselves are not called."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
import math
import sys
import threading
import typing
from collections.abc import Callable
from inspect import Signature
from typing import Annotated, Any, Literal

import pytest
import typing_extensions
from pydantic import BaseModel, Field, SecretStr

from asyncfc_sim.tools.errors import ToolError
from asyncfc_sim.tools.parameters import BadArguments, Parameters, parameters_of


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Point(BaseModel):
    """A place."""

    x: int
    title: float = Field(default=0.0, title="A title", description="not a title, a property")


class Node(BaseModel):
    value: int
    children: list[Node] = []


@dataclasses.dataclass
class Size:
    width: int
    height: int = 1


class Options(typing_extensions.TypedDict, total=False):
    deep: bool


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


def parameters(function: Callable[..., Any], **descriptions: str) -> Parameters:
    return parameters_of("f", function, descriptions)


def properties(function: Callable[..., Any], **descriptions: str) -> dict[str, Any]:
    found: dict[str, Any] = parameters(function, **descriptions).schema["properties"]
    return found


# Schemas ------------------------------------------------------------------------------------------------------------


def test_the_schema_of_a_plain_function():
    def search(query: str, limit: int = 10, mode: Literal["a", "b"] = "a", tags: list[str] | None = None): ...

    assert parameters(search, query="What to look for.").schema == {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "What to look for."},
            "limit": {"type": "integer", "default": 10},
            "mode": {"enum": ["a", "b"], "type": "string", "default": "a"},
            "tags": {"anyOf": [{"items": {"type": "string"}, "type": "array"}, {"type": "null"}], "default": None},
        },
        "required": ["query"],
        "additionalProperties": False,
    }


def test_no_parameters():
    assert parameters(lambda: None).schema == {"type": "object", "properties": {}, "additionalProperties": False}


def test_types_of_ones_own_are_defined_once_and_without_titles():
    def f(point: Point, other: Point | None, size: Size, options: Options, tree: Node, colour: Colour = Colour.RED): ...

    schema = parameters(f, point="where").schema
    assert schema["properties"]["point"] == {"$ref": "#/$defs/Point", "description": "where"}
    assert schema["properties"]["other"] == {"anyOf": [{"$ref": "#/$defs/Point"}, {"type": "null"}]}
    assert schema["properties"]["colour"] == {"$ref": "#/$defs/Colour", "default": "red"}
    assert schema["$defs"] == {
        "Colour": {"enum": ["red", "blue"], "type": "string"},
        "Node": {
            "properties": {
                "value": {"type": "integer"},
                "children": {"default": [], "items": {"$ref": "#/$defs/Node"}, "type": "array"},
            },
            "required": ["value"],
            "type": "object",
        },
        "Options": {"properties": {"deep": {"type": "boolean"}}, "type": "object"},
        "Point": {
            "description": "A place.",
            "properties": {
                "x": {"type": "integer"},
                "title": {"default": 0.0, "description": "not a title, a property", "type": "number"},
            },
            "required": ["x"],
            "type": "object",
        },
        "Size": {
            "properties": {"width": {"type": "integer"}, "height": {"default": 1, "type": "integer"}},
            "required": ["width"],
            "type": "object",
        },
    }


def test_limits_and_descriptions_in_annotations():
    def f(
        n: Annotated[int, Field(ge=1, le=9, description="how many")],
        pet: Annotated[Cat | Dog, Field(discriminator="kind")],
    ): ...

    found = properties(f, n="the docstring comes second")
    assert found["n"] == {"type": "integer", "minimum": 1, "maximum": 9, "description": "how many"}
    assert found["pet"]["discriminator"]["propertyName"] == "kind"


def test_what_is_not_annotated_may_be_anything():
    assert properties(lambda x, y=2: None) == {"x": {}, "y": {"default": 2}}


@pytest.mark.parametrize("default", [threading.Lock(), math.nan, b"\xff"])
def test_a_default_that_json_cannot_hold_is_left_out_of_the_schema(default):
    def f(x: Any = default): ...

    assert parameters(f).schema == {"type": "object", "properties": {"x": {}}, "additionalProperties": False}


class Limits(BaseModel):
    low: float = 0.0
    high: float = math.inf


def test_nor_is_a_field_s_default():
    def f(limits: Limits): ...

    assert parameters(f).schema["$defs"]["Limits"]["properties"] == {
        "low": {"default": 0.0, "type": "number"},
        "high": {"type": "number"},
    }


def test_a_default_need_not_be_of_the_declared_type():
    def f(x: str = None): ...  # type: ignore[assignment]  # noqa: RUF013

    assert properties(f) == {"x": {"type": "string", "default": None}}


def test_names_that_fields_of_models_may_not_have():
    def f(json: str, schema: int, _private: int, model_config: int, copy: int = 1, a0: int = 2): ...

    args = {"json": "j", "schema": 1, "_private": 2, "model_config": 3, "a0": 4}
    assert list(properties(f)) == ["json", "schema", "_private", "model_config", "copy", "a0"]
    assert parameters(f).to_python(args) == ([], args)


def test_the_type_of_the_result():
    def f() -> list[Point]: ...  # type: ignore[empty-body]

    assert parameters(f).returns == list[Point]
    assert parameters(lambda: None).returns is Signature.empty


# Arguments ----------------------------------------------------------------------------------------------------------


def test_arguments_arrive_as_the_declared_types():
    def f(
        day: datetime.date, point: Point, size: Size, colour: Colour, tags: set[int], secret: SecretStr, raw: bytes
    ): ...

    args = {"day": "2024-01-02", "point": {"x": "5"}, "size": {"width": 2}, "colour": "blue", "tags": [1, 1, 2]}
    _, given = parameters(f).to_python({**args, "secret": "pw", "raw": "b"})
    assert given == {
        "day": datetime.date(2024, 1, 2),
        "point": Point(x=5),
        "size": Size(2),
        "colour": Colour.BLUE,
        "tags": {1, 2},
        "secret": SecretStr("pw"),
        "raw": b"b",
    }


def test_defaults_are_left_to_the_function():
    lock = threading.Lock()

    def f(x: int, y: int = 2, lock: Any = lock): ...

    assert parameters(f).to_python({"x": 1}) == ([], {"x": 1})


def test_by_position_where_python_wants_it():
    def f(a, b=2, /, c=3, *, d): ...

    assert parameters(f).to_python({"d": 4, "a": 1}) == ([1], {"d": 4})
    assert parameters(f).to_python({"d": 4, "a": 1, "b": 5, "c": 6}) == ([1, 5], {"c": 6, "d": 4})

    def g(a=1, b=2, /): ...

    assert parameters(g).to_python({"b": 5}) == ([1, 5], {})


def test_arguments_are_copies():
    given = [[1]]
    _, arguments = parameters(lambda x: None).to_python({"x": given})
    arguments["x"][0].append(2)
    assert given == [[1]]


def test_nested_types_keep_their_own_rules_about_extra_names():
    def f(size: Size, options: Options): ...

    _, given = parameters(f).to_python({"size": {"width": 1, "depth": 2}, "options": {"deep": True, "wide": True}})
    assert given == {"size": Size(1), "options": {"deep": True}}


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({}, "n is missing"),
        ({"n": 1, "m": 2, "k": 3}, "there is no parameter 'm'; there is no parameter 'k'"),
        ({"n": 1, "N": 1}, "there is no parameter 'N'"),
        ({"n": "one"}, "n: input should be a valid integer, unable to parse string as an integer, not 'one'"),
        ({"n": None}, "n: input should be a valid integer, not None"),
        ({"n": 1, "point": {"x": [0] * 50}}, f"point.x: input should be a valid integer, not {str([0] * 50)[:57]}..."),
        ({"n": 1, "text": "\ud800"}, "text: invalid JSON: unexpected end of hex escape at line 1 column 8"),
    ],
)
def test_arguments_that_do_not_fit(args, why):
    def f(n: int, point: Point | None = None, text: str = ""): ...

    with pytest.raises(BadArguments) as caught:
        parameters(f).to_python(args)
    assert str(caught.value).startswith(why)


def test_a_validator_that_breaks_refuses_the_call():
    def f(n: Annotated[int, Field(max_length=3)]): ...

    with pytest.raises(
        BadArguments, match=r"^n: TypeError: Unable to apply constraint 'max_length' to supplied value 5"
    ):
        parameters(f).to_python({"n": 5})


# What can be a tool, and what cannot --------------------------------------------------------------------------------


class Callables:
    def method(self, x: int) -> int:
        return x

    def __call__(self, x: int) -> int:
        return x


@pytest.mark.parametrize(
    "function",
    [Callables().method, Callables(), functools.partial(lambda x, y: 0, y=2), functools.lru_cache(Callables().method)],
)
def test_methods_and_other_callables(function):
    assert "x" in properties(function)
    assert "self" not in properties(function)


def test_annotations_of_other_callables_are_found():
    assert properties(Callables()) == properties(functools.partial(Callables().method)) == {"x": {"type": "integer"}}


class Broken:
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        raise KeyError("oops")


def args(*numbers: int): ...
def kwargs(**options: int): ...
def function_type(then: Callable[[int], int]): ...
def unknown_type(x: threading.Thread): ...
def not_there(x: NoSuchType): ...  # type: ignore[name-defined]  # noqa: F821
def field(x: int = Field(1)): ...
def alias(x: Annotated[int, Field(alias="y")]): ...
def factory(x: Annotated[list[int], Field(default_factory=list)] = []): ...  # noqa: B006
def no_type(x: 5): ...  # type: ignore[valid-type]
def no_syntax(x: "1 +"): ...  # type: ignore[valid-type]  # noqa: F722
def broken(x: Broken): ...


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (args, "*numbers cannot be offered to a model, which names each argument: take a list"),
        (kwargs, "**options cannot be offered to a model, which names each argument: take a dict"),
        (Callables.method, "it is a method and wants 'self': give a bound one, such as obj.f"),
        (
            function_type,
            "parameter 'then': Cannot generate a JsonSchema for core_schema.CallableSchema; use a JSON type",
        ),
        (unknown_type, "parameter 'x': Unable to generate pydantic-core schema for <class 'threading.Thread'>; use a"),
        (
            not_there,
            "its annotations name 'NoSuchType', which is not there when it runs: define or import it at the top",
        ),
        (field, "parameter 'x': write `x: Annotated[..., Field(...)] = default` instead"),
        (alias, "parameter 'x': Field(alias=...) is for models; here its own name and default hold"),
        (factory, "parameter 'x': Field(default_factory=...) is for models; here its own name and default hold"),
        (no_type, "parameter 'x': Unable to generate pydantic-core schema for 5; use a"),
        (no_syntax, "its annotations are no types: "),
        (broken, "parameter 'x': pydantic cannot use its type: KeyError: 'oops'"),
        (int, "its parameters are not known to Python: wrap it in a function of your own"),
    ],
)
def test_what_cannot_be_a_tool_says_why(function, why):
    with pytest.raises(ToolError) as caught:
        parameters(function)
    assert str(caught.value).startswith(f"tool 'f': {why}")


class OldDict(typing.TypedDict):
    a: int


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="pydantic takes either TypedDict")
@pytest.mark.parametrize("hint", [OldDict, list[OldDict], OldDict | None])
def test_the_typed_dict_of_typing_is_told_from_the_other(hint):
    def f(x): ...

    f.__annotations__["x"] = hint
    with pytest.raises(ToolError, match=r"tool 'f': parameter 'x': import TypedDict from typing_extensions"):
        parameters(f)
