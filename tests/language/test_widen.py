"""Widened schemas accept what the original accepts, and references; and nothing else."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.references import Ref, parse_string
from asyncfc_sim.language.widen import FUTURE_REF, Mode, widen

REFERENCE = {"$ref": "#/$defs/FutureRef"}


def accepts(schema: Any, value: Any, root: Any) -> bool:
    """JSON Schema, as far as these tests use it."""
    if isinstance(schema, bool):
        return schema
    if "$ref" in schema and not accepts(target(root, schema["$ref"]), value, root):
        return False
    types = schema.get("type")
    if types is not None and not any(is_a(value, one) for one in ([types] if isinstance(types, str) else types)):
        return False
    if "enum" in schema and not any(same(value, one) for one in schema["enum"]):
        return False
    if "const" in schema and not same(value, schema["const"]):
        return False
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        return False
    if isinstance(value, str) and len(value) > schema.get("maxLength", 99):
        return False
    if is_a(value, "number") and value < schema.get("minimum", value):
        return False
    if isinstance(value, list) and not all(accepts(schema.get("items", True), item, root) for item in value):
        return False
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        if not set(schema.get("required", ())) <= value.keys():
            return False
        for name, item in value.items():
            if not accepts(properties.get(name, schema.get("additionalProperties", True)), item, root):
                return False
    unions = {key: [accepts(side, value, root) for side in schema.get(key, ())] for key in ("anyOf", "oneOf", "allOf")}
    return (
        ("anyOf" not in schema or any(unions["anyOf"]))
        and ("oneOf" not in schema or sum(unions["oneOf"]) == 1)
        and all(unions["allOf"])
    )


def target(root: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        root = root[int(part)] if isinstance(root, list) else root[part]
    return root


def is_a(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    types: dict[str, Any] = {"string": str, "integer": int, "number": (int, float), "null": type(None), "array": list}
    return isinstance(value, types.get(name, dict)) and name != "boolean"


def same(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def parameters(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def widened(**properties: Any) -> Any:
    return widen(parameters(**properties))["properties"]


SCHEMAS: dict[str, tuple[Any, list[Any], list[Any]]] = {
    # a schema, values it accepts, values it does not
    "integer": ({"type": "integer"}, [5], ["5", 1.5, "$f01"]),
    "enum": ({"type": "string", "enum": ["a", "b"]}, ["a"], ["c"]),
    "const": ({"const": "a"}, ["a"], ["b"]),
    "pattern": ({"type": "string", "pattern": "^a+$"}, ["aa"], ["b"]),
    "limited": ({"type": "string", "maxLength": 2}, ["ab"], ["abc"]),
    "array": ({"type": "array", "items": {"type": "number"}}, [[1, 2.5], []], [["x"], "x"]),
    "object": (parameters(n={"type": "integer"}), [{"n": 1}, {}], [{"n": "x"}, {"m": 1}]),
    "additional": ({"type": "object", "additionalProperties": {"type": "integer"}}, [{"x": 1}], [{"x": "y"}]),
    "nullable": ({"type": ["integer", "null"]}, [1, None], ["x"]),
    "optional": ({"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}, [1, None], ["x"]),
    "definition": ({"$ref": "#/$defs/Color"}, ["red"], ["blue"]),
}
DEFS = {"Color": {"enum": ["red"]}, "Tree": parameters(left={"$ref": "#/$defs/Tree"}, n={"type": "integer"})}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_parameter_can_be_a_reference(name: str):
    schema, good, bad = SCHEMAS[name]
    root = widen({**parameters(p=schema), "$defs": DEFS})
    original = {**parameters(p=schema), "$defs": DEFS}
    for value in good:
        assert accepts(original, {"p": value}, original)
        assert accepts(root, {"p": value}, root)
    for value in ["$f1", "$f12.items[0]['a b']"]:
        assert not accepts(original, {"p": value}, original)
        assert accepts(root, {"p": value}, root)
    for value in bad:
        assert not accepts(root, {"p": value}, root)
    assert root["type"] == "object"
    assert root["$defs"]["FutureRef"] == FUTURE_REF


def test_the_original_branch_comes_first_and_the_description_stays_with_the_parameter():
    assert widened(n={"type": "integer", "minimum": 1, "description": "how many", "title": "N", "default": 2})["n"] == {
        "description": "how many",
        "title": "N",
        "default": 2,
        "anyOf": [{"type": "integer", "minimum": 1}, REFERENCE],
    }
    assert widened(n={"anyOf": [{"type": "integer"}, {"type": "null"}]})["n"] == {
        "anyOf": [{"type": "integer"}, {"type": "null"}, REFERENCE]
    }
    assert widened(n={"anyOf": [{"minimum": 1}, {"maximum": -1}], "type": "integer"})["n"] == {
        "anyOf": [{"anyOf": [{"minimum": 1}, {"maximum": -1}], "type": "integer"}, REFERENCE]
    }


def test_a_reference_may_stand_for_the_whole_array_and_for_an_item():
    items = {"anyOf": [{"type": "integer"}, REFERENCE]}
    assert widened(xs={"type": "array", "items": {"type": "integer"}})["xs"] == {
        "anyOf": [{"type": "array", "items": items}, REFERENCE]
    }
    assert widened(xs={"type": "array", "items": {"type": "string"}})["xs"] == {
        "anyOf": [{"type": "array", "items": {"type": "string"}}, REFERENCE]
    }
    assert widened(xs={"type": "array", "prefixItems": [{"type": "integer"}]})["xs"]["anyOf"][0]["prefixItems"] == [
        items
    ]


@pytest.mark.parametrize(
    "free",
    [
        {"type": "string"},
        {"type": "string", "description": "any text", "default": "x"},
        {"type": ["string", "null"]},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"$ref": "#/$defs/Name"},
        {},
        True,
        {"description": "anything"},
    ],
)
def test_free_strings_are_left_alone(free: Any):
    schema = {**parameters(p=free), "$defs": {"Name": {"type": "string"}}}
    assert widen(schema) == schema
    if free is not True:
        assert REFERENCE in widen(schema, "all")["properties"]["p"]["anyOf"]


def test_a_union_with_a_free_string_is_widened_inside_only():
    schema = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "integer"}}]}
    inside = {"type": "array", "items": {"anyOf": [{"type": "integer"}, REFERENCE]}}
    assert widened(p=schema)["p"] == {"anyOf": [{"type": "string"}, inside]}


@pytest.mark.parametrize(
    "schema", [{"minimum": 1}, {"properties": {}}, {"items": {}}, {"type": "string", "format": "date"}]
)
def test_what_is_meant_to_be_no_free_string_is_widened(schema: Any):
    assert widened(p=schema)["p"]["anyOf"][1:] == [REFERENCE]


def test_definitions_are_widened_inside_and_where_they_are_used():
    root = widen({**parameters(t={"$ref": "#/$defs/Tree"}, c={"$ref": "#/$defs/Color"}), "$defs": DEFS})
    assert root["properties"]["t"] == {"anyOf": [{"$ref": "#/$defs/Tree"}, REFERENCE]}
    assert root["$defs"]["Tree"]["properties"]["left"] == {"anyOf": [{"$ref": "#/$defs/Tree"}, REFERENCE]}
    assert root["$defs"]["Color"] == {"enum": ["red"]}
    assert accepts(root, {"t": {"left": {"left": "$f1", "n": "$f2"}}, "c": "$f3"}, root)
    assert not accepts(root, {"t": {"left": {"n": "x"}}}, root)


def test_a_name_that_is_taken_is_not_overwritten():
    mine = {"type": "integer"}
    root = widen({**parameters(p={"$ref": "#/$defs/FutureRef"}), "$defs": {"FutureRef": mine}})
    assert root["$defs"] == {"FutureRef": mine, "FutureRef1": FUTURE_REF}
    assert root["properties"]["p"] == {"anyOf": [{"$ref": "#/$defs/FutureRef"}, {"$ref": "#/$defs/FutureRef1"}]}
    assert widen(root) == root


def test_pointers_follow_what_they_point_at():
    """zod-to-json-schema, and so many MCP servers, point into properties instead of definitions."""
    schema = parameters(
        a={"type": "array", "items": parameters(**{"x/y": {"type": "integer"}})},
        b={"$ref": "#/properties/a/items"},
        c={"$ref": "#/properties/a/items/properties/x~1y"},
        d={"oneOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "array", "items": {"type": "string"}}]},
        e={"$ref": "#/properties/d/oneOf/0"},
        default={"$ref": "#/properties/a"},
        f={"$ref": "https://example.org/schema"},
    )
    root = widen(schema)
    inner = "#/properties/a/anyOf/0/items"
    assert root["properties"]["b"]["anyOf"][0] == {"$ref": inner}
    assert root["properties"]["c"]["anyOf"][0] == {"$ref": f"{inner}/anyOf/0/properties/x~1y"}
    assert root["properties"]["e"]["anyOf"][0] == {"$ref": "#/properties/d/anyOf/0"}
    assert root["properties"]["default"]["anyOf"][0] == {"$ref": "#/properties/a"}
    assert root["properties"]["f"]["anyOf"][0] == {"$ref": "https://example.org/schema"}
    assert widen(root) == root
    del root["properties"]["f"]
    for name, value in {"b": {"x/y": 1}, "c": 1, "d": ["$f1"], "e": [1, "$f1"], "default": [{"x/y": "$f1"}]}.items():
        assert accepts(root, {name: value}, root)
    assert not accepts(root, {"b": {"x/y": "z"}}, root)


def test_schemas_in_less_usual_places():
    integer, room = {"type": "integer"}, {"anyOf": [{"type": "integer"}, REFERENCE]}
    assert widened(p={"type": "object", "patternProperties": {"^x": integer}, "additionalProperties": False})["p"] == {
        "anyOf": [{"type": "object", "patternProperties": {"^x": room}, "additionalProperties": False}, REFERENCE]
    }
    conditional = {"if": parameters(n=integer), "then": parameters(n=integer), "else": {"type": "null"}}
    assert widened(p=conditional)["p"]["anyOf"][0] == {**conditional, "then": parameters(n=room)}
    both = {"anyOf": [{"type": "array", "items": integer}, True], "oneOf": [{"type": "array", "items": integer}]}
    assert widened(p=both)["p"]["anyOf"][0] == {**both, "anyOf": [{"type": "array", "items": room}, True]}
    assert widened(p={"$ref": "#/$defs/Gone"})["p"] == {"anyOf": [{"$ref": "#/$defs/Gone"}, REFERENCE]}
    assert widened(p={"$ref": "#/properties/p"})["p"] == {"anyOf": [{"$ref": "#/properties/p"}, REFERENCE]}


def test_off_is_a_copy():
    schema = parameters(n={"type": "integer"})
    off = widen(schema, "off")
    assert off == schema
    off["properties"]["n"]["type"] = "string"
    assert schema["properties"]["n"]["type"] == "integer"


def test_what_it_costs():
    schema = parameters(**{f"p{n}": {"type": "integer", "description": "a number of something"} for n in range(5)})
    assert len(json.dumps(widen(schema))) < 2.5 * len(json.dumps(schema))


@given(st.from_regex(FUTURE_REF["pattern"].strip("^$"), fullmatch=True))
def test_every_string_that_the_pattern_admits_is_a_reference(text: str):
    assert re.search(FUTURE_REF["pattern"], text)
    assert isinstance(parse_string(text), Ref)


@pytest.mark.parametrize("text", ["$f", "$f01", "$5.00", "f1", "$f1.", "$f1 ", "a $f1", "$f1['a\\'b']", "$f1['${f2}']"])
def test_the_pattern_admits_no_other(text: str):
    assert not re.search(FUTURE_REF["pattern"], text)


# Random schemas with values that fit them, and values that need not.
LEAVES = st.sampled_from(
    [{"type": "string"}, {"type": "integer"}, {"type": "number", "minimum": 0}, {"type": "boolean"}, {"type": "null"},
     {"enum": ["a", 1, None]}, {"const": "a"}, {"type": "string", "pattern": "^[ab]+$"}, {"type": ["integer", "null"]},
     {"$ref": "#/$defs/Color"}, {"$ref": "#/$defs/Tree"}, {"$ref": "#/$defs/Text"}, {"type": "string", "maxLength": 1}]
)  # fmt: skip
NAMES = st.sampled_from(["a", "b", "$ref", "enum"])
SCHEMA = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items, "description": "list"}, inner)
        | st.dictionaries(NAMES, inner, max_size=2).map(lambda properties: parameters(**properties))
        | st.builds(lambda sides: {"anyOf": sides, "title": "T"}, st.lists(inner, min_size=1, max_size=2))
        | st.builds(lambda value: {"type": "object", "additionalProperties": value}, inner)
    ),
    max_leaves=6,
)
TOOLS = st.dictionaries(NAMES, SCHEMA, min_size=1, max_size=3).map(
    lambda properties: {**parameters(**properties), "$defs": {**DEFS, "Text": {"type": "string"}}}
)
MODES = st.sampled_from(["auto", "all"])


def fitting(draw: Any, schema: Any, root: Any, references: bool) -> Any:
    """A value that the schema accepts; with `references`, some of its parts are references instead."""
    if references and draw(st.booleans()):
        return "$f1.a"
    match schema:
        case {"$ref": pointer}:
            return fitting(draw, target(root, pointer), root, references)
        case {"anyOf": sides}:
            return fitting(draw, draw(st.sampled_from(sides)), root, references)
        case {"enum": values}:
            return draw(st.sampled_from(values))
        case {"const": value}:
            return value
        case {"type": "array", "items": items}:
            return [fitting(draw, items, root, references) for _ in range(draw(st.integers(0, 2)))]
        case {"type": "object", "properties": properties}:
            chosen = draw(st.lists(st.sampled_from(list(properties)), unique=True)) if properties else []
            return {name: fitting(draw, properties[name], root, references) for name in chosen}
        case {"type": "object", "additionalProperties": inner}:
            return {name: fitting(draw, inner, root, references) for name in draw(st.sets(NAMES, max_size=2))}
        case {"type": "string"}:
            return "a"
        case _:
            return draw(st.sampled_from([value for value in (1, True, None) if accepts(schema, value, root)]))


@given(TOOLS, MODES, st.data())
def test_what_fits_still_fits_and_any_part_may_be_a_reference(schema: Any, mode: Mode, data: st.DataObject):
    before = deepcopy(schema)
    root = widen(schema, mode)
    assert schema == before
    assert widen(root, mode) == root
    for references in (False, True):
        arguments = {name: fitting(data.draw, item, schema, references) for name, item in schema["properties"].items()}
        assert references or accepts(schema, arguments, schema)
        assert accepts(root, arguments, root)


VALUES = st.recursive(
    st.sampled_from(["a", "ab", "red", 1, -1, True, None, 1.5]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)


@given(TOOLS, MODES, st.dictionaries(NAMES, VALUES, max_size=2))
def test_without_references_nothing_new_fits(schema: Any, mode: Mode, arguments: Any):
    root = widen(schema, mode)
    assert accepts(root, arguments, root) == accepts(schema, arguments, schema)
