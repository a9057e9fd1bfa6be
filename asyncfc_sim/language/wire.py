"""The wire form of a call: OpenAI's tool calls, whose arguments are JSON text, <-> `Call`.

Strings in the arguments have the meaning of `core.references.parse_string`; the names in objects are plain. What a
call refers to is not looked at here: the session answers a call that names no earlier future.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from asyncfc_sim.core.references import Template, parse_string, template_to_json
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.values import JSON

from .errors import LanguageError
from .literals import MAX_DEPTH, finite, parse_json, whole
from .pythonic import parse_pythonic


def call_from_wire(
    future: int, name: str, arguments: str | Mapping[str, JSON] | None, *, references: bool = True
) -> Call:
    """The call of tool `name` with these arguments, as `future`.

    Arguments are the text of a JSON object. Empty text or none at all means `{}`: servers send that for tools without
    parameters. Some send the object itself, and a JSON string that holds the text of an object is opened, once.
    Without `references`, strings are nothing but text: the model was told of none.

    Raises LanguageError for anything else, a truncated text included: no server's `finish_reason` tells.
    """
    source = f"arguments of {name}"
    read = parse_string if references else str
    if arguments is None:
        return Call(future, name)
    if not isinstance(arguments, str):
        return Call(future, name, _templates(dict(arguments), source, read))
    text = arguments
    decoded = parse_json(text, source) if text.strip() else {}
    if isinstance(decoded, str) and decoded.lstrip().startswith("{"):
        text = decoded
        decoded = parse_json(text, source)
    if not isinstance(decoded, dict):
        raise LanguageError.at(text, 0, f"arguments are a JSON object, not {_kind(decoded)}", source)
    return Call(future, name, _templates(decoded, source, read))


def call_to_wire(call: Call, tool_call_id: str) -> dict[str, JSON]:
    """The call as an entry of an assistant message's `tool_calls`; `call_from_wire` reads it back as the same call."""
    arguments = json.dumps(template_to_json(dict(call.args)), ensure_ascii=False)
    return {"id": tool_call_id, "type": "function", "function": {"name": call.tool, "arguments": arguments}}


def _templates(arguments: dict[str, JSON], source: str, read: Callable[[str], Template]) -> dict[str, Template]:
    try:
        template: dict[str, Template] = _template(arguments, MAX_DEPTH, read)
    except ValueError as error:
        raise LanguageError(str(error), source, 1, 1) from None
    return template


def _template(value: Any, depth: int, read: Callable[[str], Template]) -> Template:
    match value:
        case None | bool():
            return value
        case str():
            return read(whole(value))
        case int() | float():
            return finite(value)
    if depth == 0:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    match value:
        case list():
            return [_template(item, depth - 1, read) for item in value]
        case dict() if all(isinstance(name, str) for name in value):
            return {whole(name): _template(item, depth - 1, read) for name, item in value.items()}
        case _:
            raise ValueError(f"not JSON: {type(value).__name__}")


def _kind(value: JSON) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "a number"


__all__ = ["call_from_wire", "call_to_wire", "parse_pythonic"]
