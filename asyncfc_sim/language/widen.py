"""Schema widening: room for a reference wherever a tool's parameter asks for something else than free text.

A server that constrains decoding to `{"type": "integer"}` cannot emit `"$f1"`. So a schema S becomes
`{"anyOf": [S, {"$ref": "#/$defs/FutureRef"}]}`: a parameter as a whole, and the items and properties inside it. The
original branch comes first, because servers that turn text into typed values take the first type that fits.

This is for the model only. Arguments are validated against the original schema, when their values are bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final, Literal
from urllib.parse import quote, unquote

from .pointer import pointed_at

Schema = Any  # an object, or a boolean
Mode = Literal["auto", "all", "off"]

# The references of grammar/reference.lark, but for other than ASCII and for escapes in quoted names (so these hold no
# quotes, `$` and backslash): every engine of regular expressions reads this alike.
_SEGMENT = r"\.[A-Za-z_][A-Za-z0-9_]*|\[(0|-?[1-9][0-9]{0,14})\]|\['[ !#%&(-\[\]-~]*'\]"
FUTURE_REF: Final = {
    "type": "string",
    "pattern": rf"^\$f[1-9][0-9]{{0,8}}({_SEGMENT})*$",
    "description": "The result of an earlier call, or a part of it: $f1, $f1.items[0].id",
}

# Said of a parameter rather than of its values: they stay with the parameter.
_ANNOTATIONS = ("title", "description", "default", "examples", "deprecated")
# With one of these, a string is not free.
_LIMITS = {"enum", "const", "pattern", "format", "minLength", "maxLength", "contentEncoding", "not", "if"}
_CHILDREN = {"properties", "patternProperties"}
_CHILD = {"items", "additionalProperties", "unevaluatedProperties", "unevaluatedItems"}
_BRANCHES = {"anyOf", "oneOf", "allOf"}
_BRANCH = {"then", "else"}
_NAMED_BRANCHES = {"$defs", "definitions", "dependentSchemas"}
# Without a type, only these leave a string free: `minimum` or `properties` mean a number or an object.
_OPEN = {*_ANNOTATIONS, *_BRANCHES, "$ref"}
_DATA = {"enum", "const", "default", "examples"}


def widen(schema: Mapping[str, Any], mode: Mode = "auto") -> dict[str, Any]:
    """The parameters' schema of a tool, with room for references; `schema` itself is not changed.

    `auto` leaves free strings alone, which can hold a reference as they are; `all` marks these too; `off` gives a
    copy. The root stays an object. Local `$ref`s are followed to see what they allow, and moved along when what they
    point at moves; definitions are widened inside, and as a whole only where they are used. A `oneOf` becomes an
    `anyOf`, because a reference may fit several of its sides. Widening a widened schema changes nothing.
    """
    if mode == "off":
        return deepcopy(dict(schema))
    widener = _Widener(deepcopy(dict(schema)), everything=mode == "all")
    return widener.widened()


class _Widener:
    def __init__(self, root: dict[str, Any], everything: bool) -> None:
        self._root = root
        self._everything = everything
        defs = root.get("$defs", {})
        names = ("FutureRef" if not n else f"FutureRef{n}" for n in range(len(defs) + 1))
        self._name = next(name for name in names if defs.get(name, FUTURE_REF) == FUTURE_REF)
        self._reference = {"$ref": f"#/$defs/{self._name}"}
        self._used = False
        # Where a subschema was, and where it is now: as a whole, and its content (inside the anyOf).
        self._whole: dict[str, str] = {}
        self._content: dict[str, str] = {}

    def widened(self) -> dict[str, Any]:
        schema: dict[str, Any] = self._inside(self._root, "", "")
        if self._used:
            schema["$defs"] = {**schema.get("$defs", {}), self._name: deepcopy(FUTURE_REF)}
        self._follow(schema)
        return schema

    def _child(self, schema: Schema, old: str, new: str) -> Schema:
        """The schema of a parameter, item or property: it may be a reference as a whole."""
        self._whole[old] = new
        if not isinstance(schema, dict) or self._reference in schema.get("anyOf", ()):
            return schema
        if not self._everything and self._is_free(schema):
            return self._inside(schema, old, new)
        self._used = True
        around = {key: value for key, value in schema.items() if key in _ANNOTATIONS}
        original = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
        if original.keys() in ({"anyOf"}, {"oneOf"}):
            branches = self._inside(original, old, new)["anyOf"]
        else:
            branches = [self._inside(original, old, f"{new}/anyOf/0")]
        return {**around, "anyOf": [*branches, dict(self._reference)]}

    def _inside(self, schema: Schema, old: str, new: str) -> Schema:
        """The same schema, with the schemas of its items and properties widened."""
        self._content[old] = new
        if not isinstance(schema, dict):
            return schema
        result: dict[str, Any] = {}
        for key, value in schema.items():
            match value:
                case dict() if key in _CHILDREN:
                    result[key] = self._each(self._child, value, f"{old}/{key}", f"{new}/{key}")
                case dict() if key in _NAMED_BRANCHES:
                    result[key] = self._each(self._inside, value, f"{old}/{key}", f"{new}/{key}")
                case dict() if key in _CHILD:
                    result[key] = self._child(value, f"{old}/{key}", f"{new}/{key}")
                case dict() if key in _BRANCH:
                    result[key] = self._inside(value, f"{old}/{key}", f"{new}/{key}")
                case list() if key in {"prefixItems", "items"}:
                    result[key] = self._list(self._child, value, f"{old}/{key}", f"{new}/{key}")
                case list() if key == "oneOf":
                    if "anyOf" in schema:
                        result[key] = value  # there is no place for a second anyOf: left as it is
                    else:
                        result["anyOf"] = self._list(self._inside, value, f"{old}/oneOf", f"{new}/anyOf")
                case list() if key in _BRANCHES:
                    result[key] = self._list(self._inside, value, f"{old}/{key}", f"{new}/{key}")
                case _:
                    result[key] = value
        return result

    def _each(
        self, visit: Callable[[Schema, str, str], Schema], schemas: dict[str, Schema], old: str, new: str
    ) -> dict[str, Schema]:
        places = {name: name.replace("~", "~0").replace("/", "~1") for name in schemas}
        return {name: visit(item, f"{old}/{places[name]}", f"{new}/{places[name]}") for name, item in schemas.items()}

    def _list(
        self, visit: Callable[[Schema, str, str], Schema], schemas: list[Schema], old: str, new: str
    ) -> list[Schema]:
        return [visit(item, f"{old}/{index}", f"{new}/{index}") for index, item in enumerate(schemas)]

    def _is_free(self, schema: Schema, seen: frozenset[str] = frozenset()) -> bool:
        """Whether any string fits: a reference is one."""
        if not isinstance(schema, dict):
            return schema is True
        if not _LIMITS.isdisjoint(schema) or ("type" not in schema and not schema.keys() <= _OPEN):
            return False
        types = schema.get("type", "string")
        if types != "string" and (not isinstance(types, list) or "string" not in types):
            return False
        target = schema.get("$ref")
        if target is not None and (target in seen or not self._is_free(self._target(target), seen | {target})):
            return False
        sides = {key: [self._is_free(side, seen) for side in schema.get(key, ())] for key in _BRANCHES}
        return (
            all(sides["allOf"])
            and (any(sides["anyOf"]) or not sides["anyOf"])
            and (sum(sides["oneOf"]) == 1 or not sides["oneOf"])
        )

    def _target(self, reference: str) -> Schema:
        """What a local `$ref` points at; False, which nothing fits, for any other."""
        return pointed_at(self._root, reference, otherwise=False)

    def _follow(self, schema: Schema) -> None:
        """Point every local `$ref` at where its target is now."""
        match schema:
            case dict():
                target = schema.get("$ref")
                if isinstance(target, str) and target.startswith("#/"):
                    pointer = unquote(target[1:])
                    moved = self._moved(pointer)
                    if moved != pointer:
                        schema["$ref"] = "#" + quote(moved, safe="/~$")
                for key, value in schema.items():
                    if isinstance(value, dict) and key in _CHILDREN | _NAMED_BRANCHES:
                        self._follow(list(value.values()))  # its keys are names, which may read like keywords
                    elif key not in _DATA:
                        self._follow(value)
            case list():
                for item in schema:
                    self._follow(item)

    def _moved(self, pointer: str) -> str:
        if pointer in self._whole:
            return self._whole[pointer]
        head, rest = pointer, ""
        while head not in self._content:
            head, _, last = head.rpartition("/")
            rest = f"/{last}{rest}"
        return self._content[head] + rest
