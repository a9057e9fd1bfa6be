"""Results, defaults and arguments as JSON."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import pathlib
import uuid
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from asyncfc_sim.core.values import canonical
from asyncfc_sim.tools.to_json import NotJson, to_json
from tests.strategies import json_values


class Colour(enum.Enum):
    RED = "red"


class Model(BaseModel):
    day: datetime.date
    from_: int = Field(default=1, serialization_alias="from")


@dataclasses.dataclass
class Data:
    tags: list[str]


class Pair(NamedTuple):
    left: int
    right: str


@given(json_values())
def test_json_is_left_as_it_is(value: Any):
    assert canonical(to_json(value)) == canonical(value)


@given(json_values())
def test_nothing_is_shared(value: Any):
    before = canonical(value)
    written = to_json({"value": [value]})
    if isinstance(written["value"][0], list | dict):
        written["value"][0].clear()
    assert canonical(value) == before


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (Model(day=datetime.date(2024, 1, 2)), {"day": "2024-01-02", "from": 1}),
        (Data(["a"]), {"tags": ["a"]}),
        (Pair(1, "x"), [1, "x"]),
        ((1, (2,)), [1, [2]]),
        (Colour.RED, "red"),
        (b"text", "text"),
        (decimal.Decimal("1.50"), "1.50"),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (uuid.UUID(int=0), "00000000-0000-0000-0000-000000000000"),
        ({1: "a", None: "b"}, {"1": "a", "None": "b"}),
        ([{"deep": {3, 1, 2}}], [{"deep": [1, 2, 3]}]),
        (2**70, 2**70),
    ],
)
def test_what_python_has_and_json_has_not(value, json):
    assert to_json(value) == json


@given(st.lists(st.one_of(st.text(max_size=3), st.integers(), st.none()), unique_by=canonical).flatmap(st.permutations))
def test_equal_sets_are_written_alike(items):
    assert to_json(set(items)) == to_json(frozenset(reversed(items)))


class Unknown:
    pass


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    "value", [Unknown(), {"x": [Unknown()]}, float("nan"), [float("-inf")], b"\xff", LOOP, {(1, 2): Unknown()}]
)
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(NotJson):
        to_json(value)
