"""Values that flow between calls: JSON, error values, access paths, one-pass binding.

Errors are values: a failed call resolves its future to an `ErrorValue`, and calls that need it resolve to an error
that names its origin. A reference is a node of a template and is never looked for inside a value, so a tool result
that contains the text `$f1` is data.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from .references import Path, Ref, Template, Text, format_path

# A JSON value: None, bool, int, float, str, list, dict with string keys. `Any` because values are opaque to the core.
JSON = Any

ErrorKind = Literal[
    "tool_error",  # the tool raised
    "timeout",  # the call did not end in time, counted from its start
    "cancelled",  # the call was cancelled before it returned
    "dependency_failed",  # an argument is the error of an earlier call
    "not_executed",  # held back, because an earlier call failed
    "invalid_reference",  # an argument names no earlier future, or a path that its value does not have
    "invalid_argument",  # unknown tool, arguments refused by the tool's validation, or a footprint outside its bound
]
Effects = Literal["none", "applied", "unknown"]


@dataclass(frozen=True, slots=True)
class ErrorValue:
    """The value of a failed call.

    `origin` is the future whose call failed first (the call itself, unless the failure was inherited); `retryable`
    says whether the same call may succeed later; `effects` what is known of the call's side effects.
    """

    kind: ErrorKind
    message: str
    origin: int | None = None
    retryable: bool = False
    effects: Effects = "none"

    def to_json(self) -> dict[str, JSON]:
        """The form a model is shown: `{"error": {...}}` with `origin` as `$fN`."""
        origin = None if self.origin is None else f"$f{self.origin}"
        return {
            "error": {
                "kind": self.kind,
                "message": self.message,
                "origin": origin,
                "retryable": self.retryable,
                "effects": self.effects,
            }
        }


Value = JSON | ErrorValue


class Unknown:
    """The value of an argument that still waits for a future."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


def follow(value: Value, path: Path) -> Value:
    """The part of `value` that `path` names; an `invalid_reference` error, saying what was there, if there is none."""
    if isinstance(value, ErrorValue):
        return value
    for depth, segment in enumerate(path):
        match value, segment:
            case list(), int() if -len(value) <= segment < len(value):
                value = value[segment]
            case dict(), str() if segment in value:
                value = value[segment]
            case _:
                where = format_path(path[:depth]) or "the value"
                wanted = format_path((segment,))
                return ErrorValue("invalid_reference", f"{where} is {_describe(value)}: it has no {wanted}")
    return value


def _describe(value: JSON) -> str:
    match value:
        case dict():
            names = ", ".join(list(value)[:8])
            return f"an object with {names}" if value else "an empty object"
        case list():
            return f"an array of {len(value)}"
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case _:
            return "a number"


def bind(template: Template, values: Mapping[int, Value]) -> Value | Unknown:
    """Replace every reference in `template` by its value, in one pass; inserted values are never scanned again.

    Returns `UNKNOWN` if a future of the template is not in `values`, else the first error met from left to right,
    else a JSON value that shares no list or object with `values`.
    """
    kind = type(template)
    if kind is str or kind is int:  # nearly all leaves: the loop over arguments is a hot path
        return template
    match template:
        case Ref(future, path):
            if future not in values:
                return UNKNOWN
            return copy_json(follow(values[future], path))
        case Text(parts):
            return _bind_text(parts, values)
        case list():
            return _first_fault([bind(item, values) for item in template])
        case dict():
            items = [bind(item, values) for item in template.values()]
            bound = _first_fault(items)
            return dict(zip(template, items, strict=True)) if bound is items else bound
        case _:
            return template


def _bind_text(parts: tuple[str | Ref, ...], values: Mapping[int, Value]) -> Value | Unknown:
    pieces = [part if isinstance(part, str) else bind(part, values) for part in parts]
    bound = _first_fault(pieces)
    if bound is not pieces:
        return bound
    return "".join(piece if isinstance(piece, str) else canonical(piece) for piece in pieces)


def _first_fault(items: list[Any]) -> Any:
    """`items` itself, unless one of them is unknown or an error."""
    fault = None
    for item in items:
        if item is UNKNOWN:
            return UNKNOWN
        if fault is None and isinstance(item, ErrorValue):
            fault = item
    return items if fault is None else fault


def copy_json(value: Value) -> Value:
    """A deep copy of a JSON value, so that nobody can change a resolved future through an alias."""
    if isinstance(value, list):
        return [copy_json(item) for item in value]
    if isinstance(value, dict):
        return {name: copy_json(item) for name, item in value.items()}
    return value


def inherited(error: ErrorValue, origin: int) -> ErrorValue:
    """The error of a call whose argument is `error`, the value of future `origin` or inherited by it."""
    if error.kind == "dependency_failed":  # it says so already: a message that grew would fill memory along a chain
        return error
    root = error.origin if error.origin is not None else origin
    return ErrorValue("dependency_failed", f"it needs $f{root}, which failed: {error.message}", origin=root)


def with_origin(error: ErrorValue, origin: int) -> ErrorValue:
    """`error`, with `origin` filled in if it names none."""
    return error if error.origin is not None else replace(error, origin=origin)


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def canonical(value: Value) -> str:
    """One text per value: sorted keys, no spaces. Keeps `1`, `1.0` and `true` apart, which `==` does not."""
    if isinstance(value, ErrorValue):
        value = value.to_json()
    return _canonical(value)


def same_json(left: Value, right: Value) -> bool:
    """JSON equality: `5` equals `5.0`; `1` does not equal `true`; object order does not matter."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    match left, right:
        case list(), list():
            return len(left) == len(right) and all(map(same_json, left, right))
        case dict(), dict():
            return left.keys() == right.keys() and all(same_json(item, right[name]) for name, item in left.items())
        case _:
            return bool(left == right)
