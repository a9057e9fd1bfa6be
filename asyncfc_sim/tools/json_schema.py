"""JSON schemas as models are shown them: pydantic's, without the titles that only repeat names."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

Schema = dict[str, Any]

_NAMED = {"properties", "patternProperties", "$defs", "dependentSchemas"}  # keys below are names, not keywords
_DATA = {"default", "const", "enum", "examples"}


class _Quiet(GenerateJsonSchema):
    # A default that JSON cannot hold, a side of a union that has no schema: the function's own affair.
    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012


def json_schema(adapter: TypeAdapter[Any], mode: Literal["validation", "serialization"] = "validation") -> Schema:
    """The schema of a type: of what it accepts, or (`serialization`) of what it is written as."""
    schema: Schema = _without_titles(adapter.json_schema(schema_generator=_Quiet, mode=mode))
    return schema


def object_schema(properties: Mapping[str, TypeAdapter[Any]], required: list[str]) -> Schema:
    """The schema of an object with these properties and no others; definitions that they share stand at the root."""
    inputs = [(name, "validation", adapter) for name, adapter in properties.items()]
    found, definitions = TypeAdapter.json_schemas(inputs, schema_generator=_Quiet)  # type: ignore[arg-type]
    schema: Schema = {
        "type": "object",
        "properties": {name: _without_titles(found[name, "validation"]) for name in properties},
        "additionalProperties": False,
    }
    if required:
        schema["required"] = required
    return {**schema, **_without_titles(definitions)}


def _without_titles(schema: Any) -> Any:
    match schema:
        case dict():
            return {key: _inside(key, value) for key, value in schema.items() if not _left_out(key, value)}
        case list():
            return [_without_titles(item) for item in schema]
        case _:
            return schema


def _left_out(key: str, value: Any) -> bool:
    """Titles, and the defaults of models' fields that JSON does not know: infinity, say."""
    return (key == "title" and isinstance(value, str)) or (
        key == "default" and isinstance(value, float) and not isfinite(value)
    )


def _inside(key: str, value: Any) -> Any:
    if key in _DATA:
        return value
    if key in _NAMED and isinstance(value, dict):
        return {name: _without_titles(item) for name, item in value.items()}
    return _without_titles(value)
