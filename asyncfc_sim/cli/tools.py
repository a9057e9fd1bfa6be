"""`asyncfc tools`: the schemas and footprints of the tools of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .check_request import split_target
from .output import document, emit, show

if TYPE_CHECKING:
    from asyncfc_sim.core.footprint import KeyTemplates
    from asyncfc_sim.tools.function_tool import FunctionTool
    from asyncfc_sim.tools.tool_file import ToolFile


def tools(
    target: Annotated[
        str, typer.Argument(metavar="FILE.py[:NAME]", help="A file of functions; NAME is one of them, or a list.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document: whole schemas, effects.")] = False,
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Watch calls, and propose what the tools should declare.")
    ] = False,
    calls: Annotated[int, typer.Option(min=1, help="With --suggest: calls of each tool.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="With --suggest: of all that is drawn at random.")] = 0,
) -> None:
    """Print what models are told of the tools of a file, and what the scheduler knows of them.

    The tools are the functions of the list TOOLS if the file has one, or else those with @tool, or else all public
    functions. A tool that declares neither reads nor writes reads and writes everything: its calls run one by one.

    \b
    Examples:
      asyncfc tools mytools.py
      asyncfc tools mytools.py:search
      asyncfc tools mytools.py --suggest
      asyncfc tools mytools.py --json | jq '.tools[].schema'
    """
    path, name = split_target(target)
    if suggest:
        from . import tools_suggest

        tools_suggest.run(path, name, calls=calls, seed=seed, as_json=as_json)
        return
    from asyncfc_sim.tools.tool_file import load_tools

    from .tools_view import tools_text

    found = load_tools(path, name)
    if as_json:
        emit(_document(path, name, found))
    else:
        show(tools_text(found))


def _document(path: str, name: str | None, found: ToolFile) -> dict[str, Any]:
    return document(
        "tools/1",
        config={"file": path, "name": name},
        tools=[_tool(tool) for tool in found.tools.values()],
        hooks=[hook for hook in ("fresh", "observe", "examples") if getattr(found, hook) is not None],
    )


def _tool(tool: FunctionTool) -> dict[str, Any]:
    core, effects = tool.core, tool.core.effects
    return {
        "name": tool.name,
        "description": tool.description,
        "schema": tool.input_schema,
        "widened_schema": tool.widened_schema,
        "output_schema": tool.output_schema,
        "effects": None if effects is None else {"reads": _keys(effects.reads), "writes": _keys(effects.writes)},
        "irreversible": core.irreversible,
        "idempotent": core.idempotent,
        "commutes_with": sorted(core.commutes_with),
        "concurrency": core.concurrency,
        "timeout_s": core.timeout_s,
        "async": tool.is_async,
    }


def _keys(templates: KeyTemplates) -> Any:
    """Templates as they are; a function by its name."""
    from asyncfc_sim.tools.decorator import named

    return {"function": named(templates)} if callable(templates) else list(templates)
