"""Snapshots of live Python objects: as JSON, for the results of tools, and as text, for comparing whole states."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from random import Random
from typing import Any

from asyncfc_sim.core.values import JSON


def to_json(value: Any) -> JSON:
    """The JSON value that `value` is; shares nothing with it.

    Tuples become arrays, sets sorted arrays, object keys text. Decimals and mpmath's numbers become the nearest
    float: a number should stay a number for the calls that use it. Anything else becomes its text.
    """
    match value:
        case None | bool() | int() | float() | str():
            return value
        case dict():
            return {str(name): to_json(item) for name, item in value.items()}
        case list() | tuple():
            return [to_json(item) for item in value]
        case set() | frozenset():
            return sorted(map(to_json, value))
        case _ if hasattr(value, "__float__"):
            return float(value)
        case _:
            return str(value)


def describe(values: Mapping[str, Any]) -> str:
    """A text, one line for each of `values`, that two sets of object graphs share exactly if they have the same form.

    Attributes, private ones included, and items in their order; sets sorted; a random generator as a digest of its
    state. Sharing is part of the form: what was met before is written `@n`, the n-th thing met that can change.
    """
    parts: list[str] = []
    seen: dict[int, int] = {}
    for name, value in values.items():
        parts.append(f"{name} = ")
        _describe(value, seen, parts.append)
        parts.append("\n")
    return "".join(parts)


def _describe(value: Any, seen: dict[int, int], write: Callable[[str], None]) -> None:
    if value is None or isinstance(value, bool | int | float | str):
        return write(repr(value))
    if isinstance(value, Random):
        return write(f"Random<{_digest(value.getstate())}>")
    if isinstance(value, tuple | frozenset | datetime):
        return write(repr(value))
    if id(value) in seen:
        return write(f"@{seen[id(value)]}")
    seen[id(value)] = len(seen)
    if isinstance(value, set):
        return write(f"{{{', '.join(sorted(map(repr, value)))}}}")
    if isinstance(value, list):
        opening, closing, items = "[", "]", [("", item) for item in value]
    elif isinstance(value, dict):
        opening, closing, items = "{", "}", [(f"{key!r}: ", item) for key, item in value.items()]
    else:
        items = [(f"{name}=", item) for name, item in vars(value).items()]
        opening, closing = f"{type(value).__name__}(", ")"
    write(opening)
    for number, (label, item) in enumerate(items):
        write(", " + label if number else label)
        _describe(item, seen, write)
    return write(closing)


def _digest(state: object) -> str:
    return hashlib.sha256(repr(state).encode()).hexdigest()[:16]
