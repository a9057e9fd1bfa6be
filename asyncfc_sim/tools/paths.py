"""Which parts a result can have, by the JSON schema of results: `$f3.items[0].id`, before there is an f3.

Only what is certain counts: a path is called lacking if no value that fits the schema has it. Keywords that are not
understood, references that lead out of the schema, conditions: whatever is not looked at allows everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from asyncfc_sim.core.references import Path, Segment, format_path
from asyncfc_sim.core.values import ErrorValue, canonical, follow
from asyncfc_sim.language.pointer import pointed_at

_LONGEST: Final = 64  # a part that deep is looked at no further
_NAMES: Final = {
    "object": "an object",
    "array": "an array",
    "string": "a string",
    "integer": "a number",
    "number": "a number",
    "boolean": "a boolean",
    "null": "null",
}
# Two of these side by side each tell a part of what an object has.
_SHAPING: Final = {
    *("properties", "patternProperties", "allOf", "anyOf", "oneOf", "if", "dependentSchemas", "unevaluatedProperties"),
}


def lacks(schema: Any, path: Path, *, closed: bool) -> str | None:
    """Why no value that fits `schema` has a part at `path`, in words; None if one may have.

    `closed` says how to read an object with declared properties that says nothing of others (no
    `additionalProperties`): by JSON Schema it may have any (False), as the schema of a Python type it has none (True).
    """
    stuck = _Walk(schema, path[:_LONGEST]).stuck(schema, 0, closed)
    if stuck is None:
        return None
    depth = min(stuck.depth, len(path) - 1)
    where = format_path(path[:depth]) or "the result"
    what = " or ".join(stuck.what) or "nothing"
    return f"{where} is {what}: it has no {format_path(path[depth : depth + 1])}"


@dataclass(frozen=True, slots=True)
class _Stuck:
    """How far along the path there can be a value, and what it is there."""

    depth: int
    what: tuple[str, ...]


class _Walk:
    """Follows one path through one schema. Each place is looked at once, so that schemas may go round in circles."""

    def __init__(self, root: Any, path: Path) -> None:
        self._root, self._path = root, path
        self._known: dict[tuple[int, int, bool], _Stuck | None] = {}

    def stuck(self, schema: Any, depth: int, closed: bool) -> _Stuck | None:
        """Where the rest of the path gets stuck if the value at `depth` fits `schema`."""
        if schema is False:
            return _Stuck(depth, ())
        if not isinstance(schema, dict) or depth == len(self._path):
            return None
        at = (id(schema), depth, closed)
        if at not in self._known:
            self._known[at] = None  # met again on the way, it allows everything
            self._known[at] = self._look(schema, depth, closed)
        return self._known[at]

    def _look(self, schema: dict[str, Any], depth: int, closed: bool) -> _Stuck | None:
        if "$id" in schema and schema is not self._root:
            return None  # its references start from elsewhere
        if isinstance(schema.get("$ref"), str):
            return self.stuck(pointed_at(self._root, schema["$ref"], otherwise=True), depth, closed)
        closed = closed and "allOf" not in schema and len(_SHAPING & schema.keys()) <= 1
        sides = {key: schema[key] for key in ("anyOf", "oneOf", "allOf") if isinstance(schema.get(key), list)}
        ways = {key: [self.stuck(side, depth, closed) for side in sides[key]] for key in sides}
        step = self._member if isinstance(self._path[depth], str) else self._item
        found = [
            *(_all(ways[key]) for key in ("anyOf", "oneOf") if key in ways),
            *ways.get("allOf", ()),
            self._constant(schema, depth),
            step(schema, self._path[depth], depth, closed),
        ]
        return next((stuck for stuck in found if stuck is not None), None)

    def _constant(self, schema: dict[str, Any], depth: int) -> _Stuck | None:
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        if not isinstance(values, list) or any(
            not isinstance(follow(value, self._path[depth:]), ErrorValue) for value in values
        ):
            return None
        return _Stuck(depth, tuple(canonical(value) for value in values[:8]))

    def _member(self, schema: dict[str, Any], name: Segment, depth: int, closed: bool) -> _Stuck | None:
        here = _Stuck(depth, _described(schema))
        if not _may_be(schema, "object"):
            return here
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        if name in properties:
            return self._inside(properties[name], here, closed)
        if schema.get("patternProperties"):
            return None
        others = schema.get("additionalProperties", not (closed and properties))
        return self._inside(others, here, closed)

    def _item(self, schema: dict[str, Any], index: Segment, depth: int, closed: bool) -> _Stuck | None:
        assert isinstance(index, int)
        here = _Stuck(depth, _described(schema))
        if not _may_be(schema, "array"):
            return here
        most = schema.get("maxItems")
        if isinstance(most, int | float) and (-index if index < 0 else index + 1) > most:
            return _Stuck(depth, (f"an array of at most {most:g}",))
        first, rest = schema.get("prefixItems", []), schema.get("items", True)
        if isinstance(rest, list):  # as it was written before 2020
            first, rest = rest, schema.get("additionalItems", True)
        if not isinstance(first, list):
            return None
        if index < 0:
            return _all(self._inside(item, here, closed) for item in [*first, rest])
        return self._inside(first[index] if index < len(first) else rest, here, closed)

    def _inside(self, schema: Any, outside: _Stuck, closed: bool) -> _Stuck | None:
        return outside if schema is False else self.stuck(schema, outside.depth + 1, closed)


def _all(sides: Iterable[_Stuck | None]) -> _Stuck | None:
    """The farthest of several ways, all of which get stuck; None if one does not."""
    found: list[_Stuck] = []
    for side in sides:
        if side is None:
            return None
        found.append(side)
    depth = max((side.depth for side in found), default=0)
    what = dict.fromkeys(what for side in found if side.depth == depth for what in side.what)
    return _Stuck(depth, tuple(what)) if found else None


def _may_be(schema: dict[str, Any], kind: str) -> bool:
    types = _types(schema)
    return not types or kind in types or any(name not in _NAMES for name in types)


def _types(schema: dict[str, Any]) -> list[str]:
    types = schema.get("type", [])
    names = types if isinstance(types, list) else [types]
    return [name for name in names if isinstance(name, str)]


def _described(schema: dict[str, Any]) -> tuple[str, ...]:
    """The types of a schema in words."""
    types = _types(schema) or ["object" if "properties" in schema else ""]
    properties = schema.get("properties")
    names = ", ".join(list(properties)[:8]) if isinstance(properties, dict) else ""
    kinds = (f"an object with {names}" if kind == "object" and names else _NAMES.get(kind, "a value") for kind in types)
    return tuple(dict.fromkeys(kinds))
