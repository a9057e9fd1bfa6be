"""Plain functions as live tools: async ones run on the event loop, the others in threads.

Context variables are those of the task that called `Agent.run`, in threads too. A thread cannot be stopped: a call that
was given up is over only when its function has returned, and until then it holds its keys.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, ErrorValue, Value
from asyncfc_sim.tools.function_tool import FunctionTool


@dataclass(frozen=True, slots=True)
class LiveFunction:
    """A FunctionTool that is run on the loop or in `threads`. `core` may say more than the function does: overrides."""

    tool: FunctionTool
    core: Tool
    threads: ThreadPoolExecutor

    @property
    def description(self) -> str:
        return self.tool.description

    @property
    def input_schema(self) -> Mapping[str, Any]:
        return self.tool.input_schema

    async def run(self, args: Mapping[str, JSON]) -> Value:
        given = self.tool.arguments(args)
        if isinstance(given, ErrorValue):
            return given
        positional, by_name = given
        try:
            if self.tool.is_async:
                result = await self.tool.function(*positional, **by_name)
            else:
                result = await in_thread(self.threads, partial(self.tool.function, *positional, **by_name))
                if inspect.isawaitable(result):
                    result = await result
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return self.tool.failed(error)  # the function's own: nobody had asked it to stop
        except (Exception, SystemExit) as error:
            return self.tool.failed(error)
        return self.tool.result(result)


async def in_thread(threads: ThreadPoolExecutor, function: Callable[[], Any]) -> Any:
    """Run `function` in a thread. Returns or raises as it does, and only when it has ended, also if cancelled."""
    context = contextvars.copy_context()
    running = asyncio.get_running_loop().run_in_executor(threads, context.run, _without_stop_iteration, function)
    while not running.done():
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            continue  # it cannot be stopped; what it returns is known, whoever has a use for it
        except BaseException:
            break
    return running.result()


def _without_stop_iteration(function: Callable[[], Any]) -> Any:
    """StopIteration cannot be raised into a future."""
    try:
        return function()
    except StopIteration as stop:
        raise RuntimeError("the function raised StopIteration") from stop
