"""Plain functions as live tools: async ones run on the event loop, the others in threads.

Context variables are those of the task that called `Agent.run`, in threads too. A thread cannot be stopped: a call that
was given up is over only when its function has returned, and until then it holds its keys. Python itself waits for it
too when a program ends.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, ErrorValue, Value
from asyncfc_sim.tools.function_tool import FunctionTool

from .watchdog import Watchdog, watched


@dataclass(frozen=True, slots=True)
class LiveFunction:
    """A FunctionTool that is run on the loop or in `threads`."""

    tool: FunctionTool
    threads: ThreadPoolExecutor
    watchdog: Watchdog = field(default_factory=Watchdog)

    @property
    def core(self) -> Tool:
        return self.tool.core

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
                work = self.tool.function(*positional, **by_name)
                result = await watched(work, self.watchdog.blocked)
            else:
                result, error = await in_thread(self.threads, partial(self.tool.function, *positional, **by_name))
                if error is not None:
                    return self.tool.failed(error)
                if inspect.isawaitable(result):
                    result = await result
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return self.tool.failed(error)  # the function's own: nobody had asked it to stop
        except KeyboardInterrupt:  # on the loop it may well be Ctrl-C
            raise
        except BaseException as error:
            return self.tool.failed(error)
        return self.tool.result(result)


async def in_thread(
    threads: ThreadPoolExecutor, function: Callable[[], Any]
) -> tuple[Any, None] | tuple[None, BaseException]:
    """Run `function` in a thread: what it returns, or what it raises, when it has ended.

    It cannot be stopped, so this waits for it also when it is cancelled; and when it is cancelled once more, no longer.
    """
    context = contextvars.copy_context()
    running = asyncio.get_running_loop().run_in_executor(threads, context.run, _outcome, function)
    try:
        await asyncio.wait([running])
    except asyncio.CancelledError:
        await asyncio.wait([running])
    return running.result()


def _outcome(function: Callable[[], Any]) -> tuple[Any, None] | tuple[None, BaseException]:
    """Not all that can be raised in a thread can be raised where it is waited for."""
    try:
        return function(), None
    except BaseException as error:
        return None, error
