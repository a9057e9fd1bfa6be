"""From a JSON schema to values that it allows, as a Hypothesis strategy: few and simple ones, so that calls meet.

Two calls tell something about a key only if they name the same, or nearly the same: texts come from a handful of short
ones, some of which differ in what stores like to ignore (case, blanks, `./`); numbers are small.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from math import ceil, floor
from typing import Any, Final

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st

from asyncfc_sim.core.values import JSON, canonical, copy_json

Schema = Mapping[str, Any]
SIZE: Final = 24  # values drawn for a pool
TEXTS: Final = ("a", "b", "A", "c", "a ", "./a", "a/b", "", "B", "*", "..")
_PRINTABLE: Final = st.characters(codec="ascii", exclude_categories=["C"])
_TYPES: Final = ("null", "boolean", "integer", "number", "string", "array", "object")
_FORMATS: Final[Mapping[str, tuple[str, ...]]] = {
    "date": ("2024-09-01", "2024-09-02"),
    "time": ("10:30:00", "11:00:00"),
    "date-time": ("2024-09-01T10:30:00", "2024-09-02T00:00:00"),
    "duration": ("PT1H", "P1D"),
    "uuid": ("00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"),
    "uri": ("https://example.org/a", "https://example.org/b"),
    "email": ("a@example.org", "b@example.org"),
    "ipv4": ("192.0.2.1", "192.0.2.2"),
    "path": TEXTS,
    "file-path": TEXTS,
    "directory-path": TEXTS,
}


class NoValues(ValueError):
    """A schema that allows nothing, or asks for what is not understood here; the message says which part."""


def values(schema: Schema | bool, definitions: Schema | None = None) -> st.SearchStrategy[JSON]:
    """The values that a schema allows, few and simple. Raises NoValues."""
    if isinstance(schema, bool):
        if not schema:
            raise NoValues("the schema `false` allows no value")
        return _anything()
    definitions = {**(definitions or {}), **schema.get("$defs", {})}
    match schema:
        case {"const": const}:
            return st.just(const)
        case {"enum": [*choices]} if choices:
            return st.sampled_from(choices)
        case {"$ref": str(ref)}:
            return st.deferred(lambda: values(_definition(ref, definitions), definitions))
        case {"anyOf": [*parts]} | {"oneOf": [*parts]} if parts:
            return st.one_of([values(part, definitions) for part in parts])
        case {"allOf": [*parts]} if parts:
            merged = {key: value for part in parts for key, value in _resolved(part, definitions).items()}
            rest = {key: value for key, value in schema.items() if key != "allOf"}
            return values({**merged, **rest}, definitions)
    kinds = schema.get("type", _implied(schema))
    if isinstance(kinds, str):
        return _of_type(kinds, schema, definitions)
    return st.one_of([_of_type(kind, schema, definitions) for kind in kinds])


def pool(schema: Schema | bool, definitions: Schema | None = None) -> list[JSON]:
    """Some values that a schema allows, the simplest first, always the same ones; defaults and examples among them."""
    if isinstance(schema, bool):
        return list(_pool(canonical(schema)))
    kept = {key: part for key, part in schema.items() if key not in ("title", "description")}
    kept["$defs"] = {**kept.get("$defs", {}), **(definitions or {})}
    return [copy_json(value) for value in _pool(canonical(kept))]


@cache  # many parameters are just strings, and Hypothesis takes its time
def _pool(text: str) -> tuple[JSON, ...]:
    schema = json.loads(text)
    strategy = values(schema)
    found: dict[str, JSON] = {}
    if isinstance(schema, dict):
        given_values = [*schema.get("examples", ()), *([schema["default"]] if "default" in schema else [])]
        found = {canonical(value): value for value in given_values}

    @settings(
        max_examples=SIZE, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck), verbosity=Verbosity.quiet,
    )  # fmt: skip
    @given(strategy)
    def collect(value: JSON) -> None:
        found.setdefault(canonical(value), value)

    collect()
    return tuple(sorted(found.values(), key=_simplicity))


def _simplicity(value: JSON) -> tuple[int, str]:
    if isinstance(value, str) and value in TEXTS:
        return TEXTS.index(value), ""
    text = canonical(value)
    return len(text), text


def _definition(ref: str, definitions: Schema) -> Schema:
    name = ref.removeprefix("#/$defs/")
    if name not in definitions:
        raise NoValues(f"there is no {ref!r}")
    found: Schema = definitions[name]
    return found


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    return _definition(schema["$ref"], definitions) if "$ref" in schema else schema


def _implied(schema: Schema) -> str | Sequence[str]:
    if "properties" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    if "pattern" in schema or "minLength" in schema or "format" in schema:
        return "string"
    return "number" if "minimum" in schema or "maximum" in schema else ("string", "integer", "boolean", "null")


def _anything() -> st.SearchStrategy[JSON]:
    return st.one_of([st.sampled_from(TEXTS), st.integers(0, 3), st.booleans(), st.none()])


def _of_type(kind: str, schema: Schema, definitions: Schema) -> st.SearchStrategy[JSON]:
    match kind:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return _integers(schema)
        case "number":
            return _numbers(schema)
        case "string":
            return _texts(schema)
        case "array":
            return _arrays(schema, definitions)
        case "object":
            return _objects(schema, definitions)
        case _:
            raise NoValues(f"there is no type {kind!r}; the types are {', '.join(_TYPES)}")


def _limits(schema: Schema, step: float) -> tuple[float | None, float | None]:
    low, high = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        low = max(schema["exclusiveMinimum"] + step, schema["exclusiveMinimum"] if low is None else low)
    if "exclusiveMaximum" in schema:
        high = min(schema["exclusiveMaximum"] - step, schema["exclusiveMaximum"] if high is None else high)
    return low, high


def _integers(schema: Schema) -> st.SearchStrategy[JSON]:
    low, high = _limits(schema, 1)
    step = int(schema.get("multipleOf", 1))
    if low is None:
        low = 0 if high is None or high >= 0 else high - 4 * step
    first = ceil(low / step) * step
    allowed = range(first, (first + 4 * step if high is None else floor(high)) + 1, step)
    if not allowed:
        raise NoValues(f"no integer lies between {low} and {high}")
    return st.sampled_from([*allowed[:5], *allowed[5:][-1:]])  # limits are where tools change their mind


def _numbers(schema: Schema) -> st.SearchStrategy[JSON]:
    if "multipleOf" in schema and float(schema["multipleOf"]).is_integer():
        return _integers(schema)
    low, high = _limits(schema, 0.5)
    candidates = [0, 1, 2, 2.5, 10, *(limit for limit in (low, high) if limit is not None)]
    if low is not None and high is not None:
        candidates.append((low + high) / 2)
    found = [value for value in candidates if (low is None or value >= low) and (high is None or value <= high)]
    if not found:
        raise NoValues(f"no number lies between {low} and {high}")
    return st.sampled_from(found)


def _texts(schema: Schema) -> st.SearchStrategy[JSON]:
    low, high = int(schema.get("minLength", 0)), schema.get("maxLength")
    if "pattern" in schema:
        pattern = re.sub(r"(?<!\\)\$$", r"\\Z", schema["pattern"])  # `$` is the end, and not before a last newline
        matching = st.from_regex(pattern, alphabet=_PRINTABLE)
        return matching.filter(lambda text: low <= len(text) <= (len(text) if high is None else high))
    texts = _FORMATS.get(schema.get("format", ""), TEXTS)
    padded = dict.fromkeys(text if len(text) >= low else text + "x" * (low - len(text)) for text in texts)
    found = [text for text in padded if high is None or len(text) <= high]
    if not found:
        raise NoValues(f"no text has between {low} and {high} characters")
    return st.sampled_from(found)


def _arrays(schema: Schema, definitions: Schema) -> st.SearchStrategy[JSON]:
    least, most = int(schema.get("minItems", 0)), schema.get("maxItems")
    first = [values(part, definitions) for part in schema.get("prefixItems", ())]
    if first and (least <= len(first) or schema.get("items") is False):
        return st.tuples(*first).map(list)
    items = values(schema.get("items", True), definitions)
    most = least + 2 if most is None else min(int(most), least + 2)
    if not schema.get("uniqueItems"):
        return st.lists(items, min_size=least, max_size=most)
    return st.lists(items, min_size=least, max_size=most, unique_by=canonical)


def _objects(schema: Schema, definitions: Schema) -> st.SearchStrategy[JSON]:
    properties = {name: values(part, definitions) for name, part in schema.get("properties", {}).items()}
    required = set(schema.get("required", ()))
    fixed = st.fixed_dictionaries(
        {name: part for name, part in properties.items() if name in required},
        optional={name: part for name, part in properties.items() if name not in required},
    )
    extra = schema.get("additionalProperties", False if properties else {})
    if extra is False or (extra is True and properties):
        return fixed
    more = st.dictionaries(st.sampled_from(TEXTS[:4]), values(extra, definitions), max_size=2)
    return st.tuples(more, fixed).map(lambda parts: {**parts[0], **parts[1]})
