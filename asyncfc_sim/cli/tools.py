"""`asyncfc tools`: the schemas and footprints of the tools of a file, or of an MCP server."""

from __future__ import annotations

from typing import Annotated

import typer

from .check_request import split_target
from .output import document, emit, show


def tools(
    target: Annotated[
        str,
        typer.Argument(
            metavar="FILE.py[:NAME]|mcp:SERVER",
            help="A file of functions; NAME is one of them, or a list. Or an MCP server: a command, URL or name.",
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document: whole schemas, effects.")] = False,
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Watch calls, and propose what the tools should declare.")
    ] = False,
    trust_hints: Annotated[
        bool, typer.Option("--trust-hints", help="Believe what an MCP server at a URL says of its tools.")
    ] = False,
    calls: Annotated[int, typer.Option(min=1, help="With --suggest: calls of each tool.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="With --suggest: of all that is drawn at random.")] = 0,
) -> None:
    """Print what models are told of tools, and what the scheduler knows of them.

    The tools are the functions of the list TOOLS if the file has one, or else those with @tool, or else all public
    functions. A tool that declares neither reads nor writes reads and writes everything: its calls run one by one.
    Of an MCP server they are all that it lists, and declared is what it hints of them. asyncfc.toml has the last word.

    \b
    Examples:
      asyncfc tools mytools.py
      asyncfc tools mytools.py:search
      asyncfc tools mytools.py --suggest
      asyncfc tools "mcp:npx -y @modelcontextprotocol/server-memory"
      asyncfc tools mytools.py --json | jq '.tools[].schema'
    """
    if target.startswith("mcp:"):
        if suggest:
            raise typer.BadParameter("it watches functions, and cannot see into a server", param_hint="--suggest")
        from . import tools_mcp

        tools_mcp.run(target.removeprefix("mcp:"), trust_hints=trust_hints, as_json=as_json)
        return
    path, name = split_target(target)
    if suggest:
        from . import tools_suggest

        tools_suggest.run(path, name, calls=calls, seed=seed, as_json=as_json)
        return
    from asyncfc_sim.tools.tool_file import load_tools

    from .config import overridden
    from .tools_view import shown, tools_json, tools_text

    found = overridden(load_tools(path, name))
    tools = [shown(tool) for tool in found.tools.values()]
    hooks = [hook for hook in ("fresh", "observe", "examples") if getattr(found, hook) is not None]
    if as_json:
        emit(document("tools/1", config={"file": path, "name": name}, tools=tools_json(tools), hooks=hooks))
    else:
        called = ", ".join(f"{hook}()" for hook in hooks)
        show(tools_text(tools, [f"for asyncfc check: {called}"] if hooks else []))
