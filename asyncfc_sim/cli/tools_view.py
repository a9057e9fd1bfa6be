"""Tools as text: a paragraph for each, what a model sees first, then what the scheduler knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

from asyncfc_sim.core.footprint import KeyTemplates
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import canonical
from asyncfc_sim.language.widen import widen
from asyncfc_sim.tools.decorator import named
from asyncfc_sim.tools.function_tool import FunctionTool
from asyncfc_sim.tools.json_schema import Schema

WIDTH = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """A tool, wherever it comes from, as it is shown here."""

    core: Tool
    description: str
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any] | None
    is_async: bool = False


def shown(tool: FunctionTool) -> Shown:
    """A function."""
    return Shown(tool.core, tool.description, tool.input_schema, tool.output_schema, tool.is_async)


def tools_text(tools: Iterable[Shown], remarks: Iterable[str] = ()) -> str:
    """A paragraph for each tool, and for each remark."""
    return "\n\n".join([*("\n".join(_lines(tool)) for tool in tools), *remarks]) + "\n"


def tools_json(tools: Iterable[Shown]) -> list[dict[str, Any]]:
    """The same, whole: schemas, effects, limits."""
    return [_json(tool) for tool in tools]


def _json(tool: Shown) -> dict[str, Any]:
    core, effects = tool.core, tool.core.effects
    return {
        "name": core.name,
        "description": tool.description,
        "schema": tool.input_schema,
        "widened_schema": widen(tool.input_schema),
        "output_schema": tool.output_schema,
        "effects": None if effects is None else {"reads": _as_said(effects.reads), "writes": _as_said(effects.writes)},
        "irreversible": core.irreversible,
        "idempotent": core.idempotent,
        "commutes_with": sorted(core.commutes_with),
        "concurrency": core.concurrency,
        "timeout_s": core.timeout_s,
        "approval": core.approval,
        "async": tool.is_async,
    }


def _as_said(templates: KeyTemplates) -> Any:
    """Templates as they are; a function by its name."""
    return {"function": named(templates)} if callable(templates) else list(templates)


def _lines(tool: Shown) -> Iterator[str]:
    schema = tool.input_schema
    properties, required = schema["properties"], schema.get("required", [])
    names = ", ".join(name if name in required else f"{name}?" for name in properties)
    result = "" if tool.output_schema is None else f" -> {type_text(tool.output_schema)}"
    yield f"{'async ' if tool.is_async else ''}{tool.core.name}({names}){result}"
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
    if tool.approval:
        yield "asks a person first"
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
