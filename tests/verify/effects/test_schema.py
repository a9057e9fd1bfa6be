"""Values for schemas: allowed, few, the simple ones first, and the same ones every time."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from asyncfc_sim.verify.effects.schema import NoValues, pool, values


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Node(BaseModel):
    name: str
    children: list[Node] = []


@dataclass
class Box:
    size: Annotated[int, Field(ge=2, le=900)]
    note: str | None = None


TYPES: list[Any] = [
    int, str, bool, float, None, Literal["a", 3], Colour, Box, Node,
    list[int], dict[str, int], tuple[int, str], set[str], int | list[str] | None,
    Annotated[int, Field(gt=3, lt=5)],
    Annotated[int, Field(ge=-7, le=-3)],
    Annotated[int, Field(multiple_of=7, ge=1)],
    Annotated[float, Field(gt=0, lt=1)],
    Annotated[str, Field(min_length=4, max_length=5)],
    Annotated[str, Field(pattern=r"^[A-Z]{3}-\d{2}$")],
    Annotated[list[int], Field(min_length=2, max_length=2)],
]  # fmt: skip


@pytest.mark.parametrize("of", TYPES, ids=str)
@settings(max_examples=30)
@given(st.data())
def test_every_value_is_one_that_the_type_accepts(of: Any, data: st.DataObject):
    adapter = TypeAdapter[Any](of)
    adapter.validate_python(data.draw(values(adapter.json_schema())))


@pytest.mark.parametrize("of", TYPES, ids=str)
def test_a_pool_is_small_and_the_same_each_time(of: Any):
    schema = TypeAdapter[Any](of).json_schema()
    found = pool(schema)
    assert found == pool(schema)
    assert 0 < len(found) <= 30


def test_simple_values_come_first_and_nearly_equal_ones_are_among_them():
    assert pool({"type": "string"})[:2] == ["a", "b"]
    assert {"a", "A", "a "} <= set(pool({"type": "string"}))
    assert pool({"type": "string", "default": "here"}).count("here") == 1


def test_limits_are_reached():
    assert {2, 900} <= set(pool({"type": "integer", "minimum": 2, "maximum": 900}))


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (False, "allows no value"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "no integer lies between 3 and 2"),
        ({"type": "number", "minimum": 3, "maximum": 2}, "no number"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "no text"),
        ({"type": "colour"}, "there is no type 'colour'"),
    ],
)
def test_a_schema_that_allows_nothing_says_so(schema: Any, why: str):
    with pytest.raises(NoValues, match=why):
        pool(schema)
