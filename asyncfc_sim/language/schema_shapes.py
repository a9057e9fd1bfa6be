"""The shape of a JSON schema, and notes on what of the schema it leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor, isfinite
from typing import Any

from asyncfc_sim.core.values import JSON

from .pointer import pointed_at
from .shapes import ANYTHING, MOST, NOTHING, Array, Integers, Member, Object, Shape
from .shapes import join as join_shapes
from .shapes import meet as meet_shapes
from .shapes import scalars as scalar_shape
from .widen import FUTURE_REF

MOST_ITEMS = 16  # to so many the items of an array are counted

_ANNOTATIONS = {
    "title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly", "discriminator",
    "$comment", "$schema", "$id", "$anchor", "$defs", "definitions",
}  # fmt: skip
_COMMON = {"type", "enum", "const", "$ref", "anyOf", "oneOf", "allOf", "nullable"}
_OF_INTEGERS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
_OF_ARRAYS = {"items", "prefixItems", "minItems", "maxItems"}
_OF_OBJECTS = {"properties", "required", "additionalProperties"}
_KINDS = ("null", "boolean", "string", "integer", "number", "array", "object")
# Without a type, these mean no less than that a value of their kind is held to them.
_TELLING = _OF_INTEGERS | _OF_ARRAYS | _OF_OBJECTS


class SchemaError(ValueError):
    """The schema of a tool that is none, or that no value fits."""


def parameters_shape(tool: str, schema: Mapping[str, Any], notes: list[str]) -> Object:
    """The arguments of a tool as one object; `notes` is told what of the schema is left open. Raises SchemaError."""
    if not isinstance(schema, Mapping):
        raise SchemaError(f"tool {tool!r}: a JSON schema of its parameters is expected, not {_said(schema)}")
    shape = _Reader(dict(schema), notes).shape({"type": "object", **schema}, tool, ())
    if shape.object is None:
        raise SchemaError(f"tool {tool!r}: the schema of its parameters allows no object")
    return shape.object


class _Reader:
    def __init__(self, root: dict[str, Any], notes: list[str]) -> None:
        self._root = root
        self._notes = notes

    def shape(self, schema: Any, where: str, seen: tuple[str, ...]) -> Shape:
        """Also for what no value fits: NOTHING. A reference is no value: room for one is made everywhere."""
        if isinstance(schema, bool) or schema == FUTURE_REF:
            return ANYTHING if schema is True else NOTHING
        if not isinstance(schema, dict):
            raise SchemaError(f"{where}: an object or a boolean is expected as a schema, not {_said(schema)}")
        self._note_what_is_left_open(schema, where)
        found = self._by_type(schema, where, seen)
        if "const" in schema:
            found = self._meet(found, self._scalars([schema["const"]], where), where)
        if "enum" in schema:
            found = self._meet(found, self._scalars(_list(schema, "enum", where), where), where)
        if "$ref" in schema:
            found = self._meet(found, self._referred(schema["$ref"], where, seen), where)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                sides = NOTHING
                for side in _list(schema, key, where):
                    sides = self._join(sides, self.shape(side, where, seen), where)
                found = self._meet(found, sides, where)
        for side in _list(schema, "allOf", where) if "allOf" in schema else ():
            found = self._meet(found, self.shape(side, where, seen), where)
        return self._join(found, Shape(fixed=(None,)), where) if schema.get("nullable") is True else found

    def _by_type(self, schema: dict[str, Any], where: str, seen: tuple[str, ...]) -> Shape:
        types = schema.get("type")
        if types is None and not _TELLING & schema.keys():
            return ANYTHING
        kinds = [types] if isinstance(types, str) else list(_KINDS) if types is None else types
        if not isinstance(kinds, list) or not all(kind in _KINDS for kind in kinds):
            raise SchemaError(f"{where}: `type` is one or some of {', '.join(_KINDS)}, not {_said(types)}")
        fixed: tuple[JSON, ...] = (None,) if "null" in kinds else ()
        return Shape(
            fixed=(*fixed, *((True, False) if "boolean" in kinds else ())),
            text="string" in kinds,
            number="number" in kinds,
            integers=self._integers(schema, where) if "integer" in kinds and "number" not in kinds else None,
            array=self._array(schema, where, seen) if "array" in kinds else None,
            object=self._object(schema, where, seen) if "object" in kinds else None,
        )

    def _integers(self, schema: dict[str, Any], where: str) -> Integers | None:
        low, high = -MOST, MOST
        for key in sorted(_OF_INTEGERS & schema.keys()):
            bound = schema[key]
            if isinstance(bound, bool) or not isinstance(bound, int | float) or not _finite(bound):
                self._notes.append(f"{where}: `{key}` is not held to")
            elif key == "minimum":
                low = max(low, ceil(bound))
            elif key == "exclusiveMinimum":
                low = max(low, floor(bound) + 1)
            elif key == "maximum":
                high = min(high, floor(bound))
            else:
                high = min(high, ceil(bound) - 1)
        return Integers(low, high) if low <= high else None

    def _array(self, schema: dict[str, Any], where: str, seen: tuple[str, ...]) -> Array:
        low, high = _count(schema, "minItems", where) or 0, _count(schema, "maxItems", where)
        first = _list(schema, "prefixItems", where) if "prefixItems" in schema else []
        items = self.shape(schema.get("items", True), f"{where}[]", seen)
        if items == NOTHING:
            high = min(len(first), len(first) if high is None else high)
        if first and low == high == len(first):
            return Array(items, low, high, tuple(self._place(side, f"{where}[]", seen) for side in first))
        if first:
            self._notes.append(f"{where}: any items, not only those of `prefixItems`")
            items = ANYTHING
        if high == 0:
            return Array(ANYTHING, 0, 0)
        if low > MOST_ITEMS or (high is not None and high > MOST_ITEMS):
            self._notes.append(f"{where}: more than {MOST_ITEMS} items are not counted")
            low, high = min(low, MOST_ITEMS), None if high is None or high > MOST_ITEMS else high
        if high is not None and low > high:
            raise SchemaError(f"{where}: at least {low} items, and at most {high}")
        return Array(items, low, high)

    def _object(self, schema: dict[str, Any], where: str, seen: tuple[str, ...]) -> Object:
        properties = schema.get("properties", {})
        if not isinstance(properties, dict):
            raise SchemaError(f"{where}: `properties` is an object, not {_said(properties)}")
        required = _list(schema, "required", where) if "required" in schema else []
        if not all(isinstance(name, str) for name in required):
            raise SchemaError(f"{where}: `required` is an array of names, not {_said(required)}")
        others = schema.get("additionalProperties", True)
        members = []
        for name in dict.fromkeys([*properties, *required]):
            shape = self.shape(properties.get(name, True), f"{where}.{name}", seen)
            if shape != NOTHING:
                members.append(Member(name, shape, name in required))
            elif name in required:
                raise SchemaError(f"{where}.{name}: no value fits its schema")
        if members:
            if "additionalProperties" in schema and others is not False:
                self._notes.append(f"{where}: NARROWER: members that are not named are left out")
            return Object(tuple(members))
        shape = NOTHING if properties else self.shape(others, f"{where}.*", seen)
        return Object() if shape == NOTHING else Object(others=shape)

    def _referred(self, reference: Any, where: str, seen: tuple[str, ...]) -> Shape:
        if not isinstance(reference, str) or not reference.startswith("#"):
            self._notes.append(f"{where}: any value, because `$ref` leads out of the schema: {_said(reference)}")
            return ANYTHING
        if reference in seen:
            self._notes.append(f"{where}: any value, because {reference} holds itself")
            return ANYTHING
        target = pointed_at(self._root, reference, otherwise=False)
        if target is False:
            raise SchemaError(f"{where}: `$ref` points at nothing: {reference}")
        return self.shape(target, where, (*seen, reference))

    def _place(self, schema: Any, where: str, seen: tuple[str, ...]) -> Shape:
        shape = self.shape(schema, where, seen)
        if shape == NOTHING:
            raise SchemaError(f"{where}: no value fits its schema")
        return shape

    def _scalars(self, values: list[Any], where: str) -> Shape:
        for value in values:
            if isinstance(value, float) and not _finite(value):
                raise SchemaError(f"{where}: {value} is no value of JSON")
        found = scalar_shape(values)
        if found.array or found.object:
            self._notes.append(f"{where}: any array or object, not only those of `enum` or `const`")
        return found

    def _meet(self, left: Shape, right: Shape, where: str) -> Shape:
        shape, wider = meet_shapes(left, right)
        if wider:
            self._notes.append(f"{where}: not all of several conditions are held to")
        return shape

    def _join(self, left: Shape, right: Shape, where: str) -> Shape:
        shape, wider = join_shapes(left, right)
        if wider:
            self._notes.append(f"{where}: more than one or the other: parts of both")
        return shape

    def _note_what_is_left_open(self, schema: dict[str, Any], where: str) -> None:
        types = schema.get("type", _KINDS)
        kinds = [types] if isinstance(types, str) else types if isinstance(types, list | tuple) else []
        held = _COMMON | _ANNOTATIONS
        held |= _OF_ARRAYS if "array" in kinds else set()
        held |= _OF_OBJECTS if "object" in kinds else set()
        held |= _OF_INTEGERS if "integer" in kinds and "number" not in kinds else set()
        for key in schema:
            if key not in held and not key.startswith("x-"):
                self._notes.append(f"{where}: `{key}` is not held to")


def _finite(number: float) -> bool:
    return isinstance(number, int) or isfinite(number)  # which an integer may be too large for


def _list(schema: dict[str, Any], key: str, where: str) -> list[Any]:
    found = schema[key]
    if not isinstance(found, list):
        raise SchemaError(f"{where}: `{key}` is an array, not {_said(found)}")
    return found


def _count(schema: dict[str, Any], key: str, where: str) -> int | None:
    found = schema.get(key)
    if found is not None and (not isinstance(found, int) or isinstance(found, bool) or found < 0):
        raise SchemaError(f"{where}: `{key}` is a number of items, not {_said(found)}")
    return found


def _said(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
