"""The tools of an agent, in whichever form they are given: functions, files of functions, MCP servers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any

from asyncfc_sim.core.messages import AWAIT, CANCEL
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.tools.errors import ToolError
from asyncfc_sim.tools.function_tool import FunctionTool, function_tool
from asyncfc_sim.tools.tool_file import ToolFile
from asyncfc_sim.traces.trace import Run

from .functions import LiveFunction
from .injected import InjectedTool
from .live_tool import LiveTool, ToolSource

Given = Callable[..., Any] | FunctionTool | ToolFile | LiveTool | ToolSource


async def open_tools(
    given: Sequence[Given],
    stack: AsyncExitStack,
    threads: ThreadPoolExecutor,
    override: Callable[[Tool], Tool] = lambda tool: tool,
) -> dict[str, LiveTool]:
    """All tools by name; what has to be connected to is, and is closed with `stack`. `override` has the last word on
    what a tool does. Servers come last, and give way where a name of theirs is taken.

    Raises ToolError for a name that is taken, ConnectionError for a source that cannot be reached.
    """
    found: dict[str, LiveTool] = {}
    for item in sorted(given, key=lambda item: isinstance(item, ToolSource)):
        for tool in await _opened(item, stack, threads, override, {*found, AWAIT, CANCEL}):
            name = tool.core.name
            if name in found or name in (AWAIT, CANCEL):
                why = "belongs to the protocol" if name in (AWAIT, CANCEL) else "is the name of two tools"
                raise ToolError(name, f"this name {why}; give it another")
            found[name] = tool
    return found


async def _opened(
    item: Given,
    stack: AsyncExitStack,
    threads: ThreadPoolExecutor,
    override: Callable[[Tool], Tool],
    taken: Collection[str],
) -> Iterable[LiveTool]:
    def live(tool: FunctionTool) -> LiveFunction:
        return LiveFunction(tool.overridden(override), threads)

    match item:
        case ToolSource():
            return await item.open(stack, taken, override)
        case LiveTool():
            return [item]
        case ToolFile():
            return [live(tool) for tool in item.tools.values()]
        case FunctionTool():
            return [live(item)]
        case _:
            return [live(function_tool(item))]


def cores(tools: Mapping[str, LiveTool]) -> dict[str, Tool]:
    """The tools as the scheduler sees them."""
    return {name: tool.core for name, tool in tools.items()}


def blocked_notes(tools: Iterable[LiveTool]) -> list[str]:
    """A sentence for each async function that blocked the event loop."""
    bare = (tool.tool if isinstance(tool, InjectedTool) else tool for tool in tools)
    functions = [tool for tool in bare if isinstance(tool, LiveFunction)]
    return [note for function in functions if (note := function.watchdog.note(function.tool.name))]


def unused_notes(tools: Collection[str], run: Run) -> list[str]:
    """A sentence if the model answered without any of its tools: perhaps it cannot call them there."""
    if not tools or any(event.rule == "issue" for event in run.events):
        return []
    return [f"the model called none of the {len(tools)} tools that it was offered; asyncfc doctor says whether it can"]
