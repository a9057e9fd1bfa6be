"""Which parts a result can have, by its schema: what is certain, and never more than that."""

from __future__ import annotations

import datetime
import decimal
import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, computed_field
from typing_extensions import TypedDict

from asyncfc_sim.core.references import Path, parse_reference
from asyncfc_sim.core.values import ErrorValue, follow
from asyncfc_sim.tools.function_tool import function_tool
from asyncfc_sim.tools.paths import lacks

POINT = {"type": "object", "properties": {"x": {"type": "number"}, "y": {"type": "number"}}}
POINTS = {"type": "array", "items": POINT}
TREE = {
    "$ref": "#/$defs/Tree",
    "$defs": {
        "Tree": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
        }
    },
}


def path(text: str) -> Path:
    ref = parse_reference(f"f1{text}")
    assert ref is not None
    return ref.path


# ------------------------------------------------------------------------------------------------------- by example


@pytest.mark.parametrize(
    ("schema", "there", "lacking"),
    [
        ({"type": "string"}, [""], [".x", "[0]"]),
        ({"type": ["array", "null"]}, ["[0]", "[-7]"], [".x"]),
        ({"type": "integer"}, [], [".x"]),
        (POINT, [".x", ".y"], ["[0]", ".x.z", ".x[0]"]),
        ({**POINT, "additionalProperties": False}, [".x"], [".z", "['a b']"]),
        ({**POINT, "additionalProperties": {"type": "array"}}, [".z[0]", "['a b'][0]"], [".x[0]", ".z.z"]),
        ({**POINT, "patternProperties": {"^z": {}}, "additionalProperties": False}, [".z.y", ".w"], [".x.y"]),
        (POINTS, ["[0]", "[-1].y", "[99].x"], [".x", "[0][0]", "[-1].x.z"]),
        ({"type": "array", "prefixItems": [POINT, {"type": "string"}], "items": False}, ["[0].x", "[-2].x"], ["[2]"]),
        ({"prefixItems": [{"type": "string"}], "items": {"type": "integer"}}, ["[0]", "[5]"], ["[0].x", "[-1].x"]),
        ({"items": [POINT], "additionalItems": False}, ["[0].x"], ["[1]"]),
        ({"type": "array", "maxItems": 2}, ["[1]", "[-2]"], ["[2]", "[-3]"]),
        ({"anyOf": [POINT, POINTS]}, [".x", "[0].y"], [".x.y", "[0][0]"]),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, [], [".x", "[0]"]),
        ({"allOf": [POINT, {"properties": {"x": {"type": "string"}}}]}, [".x", ".z"], [".x[0]", "[0]"]),
        ({"enum": [{"a": [1]}, "a"]}, [".a[0]"], [".b", ".a[1]"]),
        ({"const": {"a": 1}}, [".a"], [".b"]),
        (TREE, [".kids[0].kids[-1].name"], [".kids.name", ".kids[0].kids[0].name.x", "[0]"]),
        (True, [".x"], []),
        ({}, [".x[0]"], []),
        (False, [], [".x"]),
        ({"properties": {"x": False}}, [".y"], [".x"]),
    ],
)
def test_by_json_schema(schema: Any, there: list[str], lacking: list[str]) -> None:
    assert [text for text in there if lacks(schema, path(text), closed=False)] == []
    assert [text for text in lacking if not lacks(schema, path(text), closed=False)] == []


@pytest.mark.parametrize(
    ("schema", "there", "lacking"),
    [
        (POINT, [".x"], [".z"]),
        ({**POINT, "additionalProperties": True}, [".z"], []),
        ({"type": "object", "properties": {}}, [".z"], []),
        ({"type": "object"}, [".z"], []),
        (POINTS, ["[0].x"], ["[0].z"]),
        ({"anyOf": [POINT, {"type": "null"}]}, [".x"], [".z"]),
        ({"anyOf": [POINT, {"type": "object", "properties": {"z": {}}}]}, [".x", ".z"], [".w"]),
        ({"allOf": [POINT, {"type": "object", "properties": {"z": {}}}]}, [".x", ".z", ".w"], []),
        ({**POINT, "anyOf": [{"required": ["z"], "properties": {"z": {}}}]}, [".x", ".z"], []),
        (TREE, [".kids[0].name"], [".kids[0].age"]),
    ],
)
def test_by_the_schema_of_a_python_type_an_object_has_no_other_members(
    schema: Any, there: list[str], lacking: list[str]
) -> None:
    assert [text for text in there if lacks(schema, path(text), closed=True)] == []
    assert [text for text in lacking if not lacks(schema, path(text), closed=True)] == []


@pytest.mark.parametrize(
    ("schema", "reference", "reason"),
    [
        (POINT, ".z", "the result is an object with x, y: it has no .z"),
        (POINTS, "[0].z", "[0] is an object with x, y: it has no .z"),
        (TREE, ".kids[0].kids[1]['a b']", ".kids[0].kids[1] is an object with name, kids: it has no ['a b']"),
        ({"anyOf": [POINT, {"type": "null"}]}, ".z", "the result is an object with x, y or null: it has no .z"),
        ({"type": "array", "maxItems": 2}, "[2]", "the result is an array of at most 2: it has no [2]"),
        ({"enum": ["a", 1]}, ".x", 'the result is "a" or 1: it has no .x'),
        (False, ".x", "the result is nothing: it has no .x"),
    ],
)
def test_the_reason_says_what_is_there(schema: Any, reference: str, reason: str) -> None:
    assert lacks(schema, path(reference), closed=True) == reason


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/nowhere"},
        {"$ref": "https://elsewhere/schema"},
        {"$ref": "#anchor"},
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#"}, {"$ref": "#/anyOf/0"}]},
        {"properties": {"a": {"$id": "https://other", "$ref": "#/$defs/X"}}, "$defs": {"X": False}},
        {"type": "any"},
        {"type": 7, "properties": "x", "anyOf": {}, "items": 3, "maxItems": "2", "enum": "a", "prefixItems": {}},
        {"not": {}, "if": {}, "then": False, "unevaluatedProperties": False},
        7,
        "x",
        None,
    ],
)
def test_what_is_not_understood_allows_everything(schema: Any) -> None:
    for text in (".a.b", "[0]", "[-1].a"):
        assert lacks(schema, path(text), closed=False) is None


def test_names_in_references_within_a_schema_are_escaped() -> None:
    schema = {"$ref": "#/$defs/a~1b%20~0c", "$defs": {"a/b ~c": {"type": "string"}}}
    assert lacks(schema, path(".x"), closed=False) is not None


def test_a_schema_that_branches_at_every_level_is_followed_in_no_time() -> None:
    node = {"type": "object", "properties": {"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#/$defs/B"}]}}}
    schema = {**node, "$defs": {"B": {**node, "description": "again"}}}
    assert lacks(schema, (*["a"] * 60, 0), closed=True) is not None
    assert lacks(schema, (*["a"] * 100_000, 0), closed=True) is None, "so deep nobody looks"


# ------------------------------------------------------------------------------------- against another's validator

names = st.sampled_from(["a", "b", "c"])
values = st.recursive(
    st.sampled_from([None, True, 0, 1.5, "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
any_path = st.lists(names | st.integers(-3, 3), min_size=1, max_size=4).map(tuple)
KINDS = ["object", "array", "string", "integer", "number", "boolean", "null"]


def schemas(guarded: bool = False) -> st.SearchStrategy[Any]:
    """Schemas of every kind; with references to definitions only below a member or an item, so that they end."""
    leaves = st.sampled_from([True, False, {}, *({"type": kind} for kind in KINDS)]) | values.map(
        lambda value: {"const": value}
    )
    refs = st.sampled_from([{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}])

    def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        below = inner | refs if guarded else inner
        return st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from(["object", "array", ["object", "array"], ["array", "null"]]),
                "properties": st.dictionaries(names, below, max_size=3),
                "additionalProperties": below,
                "patternProperties": st.dictionaries(st.sampled_from(["^a", "b|c"]), below, max_size=1),
                "items": below,
                "prefixItems": st.lists(below, min_size=1, max_size=2),
                "maxItems": st.integers(0, 3),
                "required": st.lists(names, max_size=1),
                "anyOf": st.lists(inner, min_size=1, max_size=2),
                "oneOf": st.lists(inner, min_size=1, max_size=2),
                "allOf": st.lists(inner, min_size=1, max_size=2),
                "enum": st.lists(values, min_size=1, max_size=2),
                "not": inner,
            },
        )

    return st.recursive(leaves, deeper, max_leaves=6)


def paths_in(value: Any, at: Path = ()) -> Iterator[Path]:
    yield at
    match value:
        case list():
            for index, item in enumerate(value):
                for place in (index, index - len(value)):
                    yield from paths_in(item, (*at, place))
        case dict():
            for name, item in value.items():
                yield from paths_in(item, (*at, name))


def test_what_fits_a_schema_and_has_a_part_is_never_said_to_lack_it() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    met = {"fits": 0, "lacks": 0}

    @settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
    @given(root=schemas(guarded=True), a=schemas(guarded=True), b=schemas(guarded=True), value=values, other=any_path)
    def check(root: Any, a: Any, b: Any, value: Any, other: Path) -> None:
        schema = {**root, "$defs": {"A": a, "B": b}} if isinstance(root, dict) else root
        lacking = lacks(schema, other, closed=False)
        met["lacks"] += lacking is not None
        if jsonschema.Draft202012Validator(schema).is_valid(value):
            assert lacking is None or isinstance(follow(value, other), ErrorValue)
            for part in paths_in(value):
                assert not part or lacks(schema, part, closed=False) is None
                met["fits"] += bool(part)

    check()
    assert min(met.values()) > 50, met


# ----------------------------------------------------------------------------------------------------- Python types


class Colour(enum.Enum):
    RED = "red"


class Row(TypedDict, total=False):
    name: str
    tags: list[str]


class Pair(NamedTuple):
    left: int
    right: list[int]


@dataclass
class Item:
    id: int
    row: Row
    next: Item | None = None


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    known: int


class Order(BaseModel):
    number: int = Field(alias="orderNumber")
    items: list[Item]
    by_day: dict[str, Pair]
    when: datetime.date
    price: decimal.Decimal
    colour: Colour

    @computed_field
    def total(self) -> int:
        return len(self.items)


class Odd:
    """A class that pydantic knows nothing of."""


numbers = st.integers(0, 9)
rows = st.from_type(Row)
items: st.SearchStrategy[Item] = st.deferred(lambda: st.builds(Item, numbers, rows, st.none() | items))
pairs = st.builds(Pair, numbers, st.lists(numbers, max_size=2))
orders = st.builds(
    Order,
    orderNumber=numbers,
    items=st.lists(items, max_size=2),
    by_day=st.dictionaries(st.sampled_from(["mo", "tu"]), pairs, max_size=2),
    when=st.dates(),
    price=st.just(decimal.Decimal("1.50")),
    colour=st.just(Colour.RED),
)
TYPES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (Row, rows),
    (Item, items),
    (Order, orders),
    (list[Order] | None, st.none() | st.lists(orders, max_size=2)),
    (Open, st.builds(lambda more: Open(known=1, **more), st.dictionaries(names, numbers, max_size=2))),
    (tuple[int, Row], st.tuples(numbers, rows)),
    (tuple[Item, ...], st.lists(items, max_size=2).map(tuple)),
    (dict[str, list[Item]], st.dictionaries(names, st.lists(items, max_size=2), max_size=2)),
    (Literal["a"] | Row, st.just("a") | rows),
    (set[int] | dict[str, Pair], st.sets(numbers) | st.dictionaries(names, pairs, max_size=2)),
    (dict, st.dictionaries(names, values, max_size=2)),
    (list, st.lists(values, max_size=2)),
    (Any, values),
    (object, values),
]


@pytest.mark.parametrize(("hint", "results"), TYPES, ids=[str(hint) for hint, _ in TYPES])
def test_no_part_of_a_result_is_said_to_be_lacking(hint: Any, results: st.SearchStrategy[Any]) -> None:
    """From the annotation of a function to what the scheduler knows, against what the function really returns."""

    @settings(max_examples=40)
    @given(result=results)
    def check(result: Any) -> None:
        def returns() -> Any:
            return result

        returns.__annotations__["return"] = hint
        made = function_tool(returns)
        assert made.core.lacks is not None
        value = made.call({})
        assert not isinstance(value, ErrorValue)
        for part in paths_in(value):
            assert not part or made.core.lacks(part) is None

    check()


def test_what_the_types_do_not_have() -> None:
    def order() -> Order:
        raise NotImplementedError

    said = function_tool(order).core.lacks
    assert said is not None
    there = [".orderNumber", ".total", ".items[-1].next.next.row.tags[0]", ".by_day.mo[1][0]", ".by_day['x y'][-1]"]
    lacking = [".number", ".nothing", ".items.id", ".items[0].price", ".by_day.mo[2]", ".when.year", ".colour.value"]
    assert [text for text in there if said(path(text))] == []
    assert [text for text in lacking if not said(path(text))] == []
    assert said(path(".items[0].nothing")) == ".items[0] is an object with id, row, next: it has no .nothing"


def test_without_an_annotation_or_a_schema_nothing_is_known() -> None:
    def plain():
        return 1

    def odd() -> Odd:
        return Odd()

    assert function_tool(plain).core.lacks is None
    assert function_tool(odd).core.lacks is None
