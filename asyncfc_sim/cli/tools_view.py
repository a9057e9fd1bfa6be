"""The tools of a file as text: a paragraph for each, what a model sees first, then what the scheduler knows."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import shorten
from typing import Any

from asyncfc_sim.core.footprint import KeyTemplates
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import canonical
from asyncfc_sim.tools.function_tool import FunctionTool
from asyncfc_sim.tools.json_schema import Schema
from asyncfc_sim.tools.tool_file import ToolFile

WIDTH = 100


def tools_text(found: ToolFile) -> str:
    """All tools of a file, and a line about its hooks if it has any."""
    paragraphs = ["\n".join(_lines(tool)) for tool in found.tools.values()]
    hooks = [f"{hook}()" for hook in ("fresh", "observe", "examples") if getattr(found, hook) is not None]
    if hooks:
        paragraphs.append(f"for asyncfc check: {', '.join(hooks)}")
    return "\n\n".join(paragraphs) + "\n"


def _lines(tool: FunctionTool) -> Iterator[str]:
    schema = tool.input_schema
    properties, required = schema["properties"], schema.get("required", [])
    names = ", ".join(name if name in required else f"{name}?" for name in properties)
    result = "" if tool.output_schema is None else f" -> {type_text(tool.output_schema)}"
    yield f"{'async ' if tool.is_async else ''}{tool.name}({names}){result}"
    if tool.description:
        summary, _, _ = tool.description.partition("\n\n")
        yield f"  {_short(summary, WIDTH - 2)}"
    types = {name: _parameter(part) for name, part in properties.items()}
    name_width = max(map(len, types), default=0)
    type_width = min(32, max(map(len, types.values()), default=0))
    for name, text in types.items():
        line = f"    {name:{name_width}}  {text:{type_width}}"
        yield f"{line}  {_short(properties[name].get('description', ''), max(20, WIDTH - 2 - len(line)))}".rstrip()
    if tool.core.effects is None:
        yield "  reads and writes everything (undeclared)"
    else:
        yield f"  reads   {_keys(tool.core.effects.reads)}"
        yield f"  writes  {_keys(tool.core.effects.writes)}"
    if flags := ", ".join(_flags(tool.core)):
        yield f"  {flags}"


def _parameter(schema: Schema) -> str:
    default = f" = {_short(canonical(schema['default']), 24)}" if "default" in schema else ""
    return type_text(schema) + default


def _keys(templates: KeyTemplates) -> str:
    if callable(templates):
        return f"as {getattr(templates, '__name__', 'a function')}() says of the arguments"
    return ", ".join(templates) or "nothing"


def _flags(tool: Tool) -> Iterator[str]:
    if tool.irreversible:
        yield "irreversible"
    if tool.idempotent:
        yield "idempotent"
    if tool.timeout_s is not None:
        yield f"timeout {tool.timeout_s:g} s"
    if tool.concurrency is not None:
        yield f"at most {tool.concurrency} at once"
    if tool.commutes_with:
        yield f"commutes with {', '.join(sorted(tool.commutes_with))}"


def type_text(schema: Any) -> str:
    """A schema in a few words: `integer`, `"r" | "w"`, `list of Point`. Limits are left out."""
    match schema:
        case {"$ref": str(target)}:
            return target.rpartition("/")[2]
        case {"anyOf": [*sides]} | {"oneOf": [*sides]}:
            return " | ".join(dict.fromkeys(type_text(side) for side in sides))
        case {"enum": [*values]}:
            return " | ".join(map(canonical, values))
        case {"const": value}:
            return canonical(value)
        case {"type": "array", "items": items}:
            return f"list of {_of(items)}"
        case {"type": "object", "additionalProperties": dict() as values}:
            return f"object of {_of(values)}"
        case {"type": str(name), "format": str(form)}:
            return f"{name} ({form})"
        case {"type": str(name)}:
            return name
        case _:
            return "anything"


def _of(schema: Any) -> str:
    text = type_text(schema)
    return f"({text})" if " | " in text else text


def _short(text: str, width: int) -> str:
    return shorten(text, width, placeholder="...")
