"""What the core hands out (templates, patterns, error values), as the plain JSON that stands in a trace."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, get_args

from asyncfc_sim.core import references
from asyncfc_sim.core.footprint import Pattern
from asyncfc_sim.core.references import Ref, Template, parse_string
from asyncfc_sim.core.values import JSON, Effects, ErrorKind, ErrorValue

from .rules import OPTIONAL


def template_to_json(template: Template) -> JSON:
    """A template as JSON, references as strings; raises ValueError as `plain` does."""
    return plain(references.template_to_json(template))


def template_from_json(value: JSON) -> Template:
    """The template that `template_to_json` writes as `value`."""
    match value:
        case str():
            return parse_string(value)
        case list():
            return [template_from_json(item) for item in value]
        case dict():
            return {name: template_from_json(item) for name, item in value.items()}
        case _:
            return value


def error_from_json(value: Mapping[str, JSON]) -> ErrorValue:
    """The error that stands in a trace as `value`. Raises ValueError for a kind or an origin that there is not."""
    kind: Any = value.get("kind")
    origin, effects = value.get("origin"), value.get("effects", "none")
    if kind not in get_args(ErrorKind):
        raise ValueError(f"there is no error of the kind {kind!r}; there are {', '.join(get_args(ErrorKind))}")
    if effects not in get_args(Effects):
        raise ValueError(f"effects are {effects!r}; expected one of {', '.join(get_args(Effects))}")
    if origin is not None:
        named = parse_string(origin) if isinstance(origin, str) else None
        if not isinstance(named, Ref) or named.path:
            raise ValueError(f'the origin is {origin!r}; expected a future such as "$f1"')
        origin = named.future
    return ErrorValue(kind, str(value.get("message", "")), origin, value.get("retryable", False), effects)


_ATOMS = {str, int, bool, type(None)}  # asked first: most of what a trace holds


def plain(value: Any) -> JSON:
    """JSON for a value as the drivers have it. Raises ValueError for what is none: an object, NaN, a set."""
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is dict and all(type(name) is str for name in value):
        return {name: plain(item) for name, item in value.items()}
    match value:
        case ErrorValue():
            return value.to_json()["error"]
        case Pattern():
            return str(value)
        case Mapping():
            if not all(isinstance(name, str) for name in value):
                raise ValueError("an object with a key that is no string is not JSON")
            return {str(name): plain(item) for name, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case str():
            return str(value)
        case Integral():  # NumPy's too
            return int(value)
        case Real() if math.isfinite(value):
            return float(value)
        case _:
            raise ValueError(f"{value!r:.60} ({type(value).__name__}) is not JSON")


def encode_fields(rule: str, fields: Mapping[str, Any]) -> dict[str, JSON]:
    """The fields of an event as JSON; optional ones that are None are left out. Raises ValueError as `plain` does."""
    optional = OPTIONAL.get(rule, ())
    encoded = {}
    for name, value in fields.items():
        if value is None and name in optional:
            continue
        try:
            encoded[name] = template_to_json(dict(value)) if rule == "issue" and name == "args" else plain(value)
        except ValueError as error:
            raise ValueError(f"{rule}: {name}: {error}") from None
    return encoded


def preview(value: JSON, chars: int) -> JSON:
    """`value`, or, if its JSON is longer than `chars`, `{"preview": <the first of it>, "chars": <all of it>}`."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) <= chars else {"preview": text[:chars], "chars": len(text)}
