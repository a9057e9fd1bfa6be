"""`asyncfc tools mcp:SERVER`: the tools of an MCP server, and what follows from what it hints of them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from asyncfc_sim.live.mcp_tools import MCPTool

from .config import current, remark
from .output import document, emit, show
from .tools_view import Shown, tools_json, tools_text

UNTRUSTED = (
    "this server is at a URL, so what it hints of its tools is not believed, but where it asks for more care; "
    "--trust-hints believes it"
)


def run(spec: str, *, trust_hints: bool, as_json: bool) -> None:
    """Connect, list, and leave. Raises ConnectionError, ToolError."""
    config = current()
    server = config.mcp_server(spec, trust_hints=trust_hints)

    async def listed() -> list[MCPTool]:
        async with AsyncExitStack() as stack:
            return await server.open(stack, override=config.overrides)

    tools = asyncio.run(listed())
    remark(config.misnamed([tool.core.name for tool in tools]))
    found = [Shown(tool.core, tool.description, tool.input_schema, tool.output_schema) for tool in tools]
    trusted = server.believed
    if as_json:
        emit(document("tools/1", config={"mcp": spec, "hints_believed": trusted}, tools=tools_json(found), hooks=[]))
    else:
        show(tools_text(found, [] if trusted else [UNTRUSTED]))
