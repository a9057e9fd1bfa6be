"""The calls that are under way, each a task of its own, from its start to the report of its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any

from asyncfc_sim.core.events import Fail, Finish, Start
from asyncfc_sim.core.values import Effects, ErrorValue, Value

from .live_tool import LiveTool
from .recording import Recording

Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Calls:
    """Runs tools. `feed` is told how each call ended, `fail` what makes it impossible to go on."""

    def __init__(
        self,
        tools: Mapping[str, LiveTool],
        recording: Recording,
        spawn: Spawn,
        feed: Callable[[Finish | Fail], None],
        fail: Callable[[Exception], None],
    ) -> None:
        self._tools, self._recording = tools, recording
        self._spawn, self._feed, self._fail = spawn, feed, fail
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._stopped: set[int] = set()  # those of them that were asked to stop

    def start(self, start: Start) -> None:
        """Make an attempt at a call."""
        self._tasks[start.future] = self._spawn(self._run(start))

    def stop(self, future: int) -> None:
        """Ask a call to stop. That it has ended is reported when it has."""
        task = self._tasks.get(future)
        if task is None:
            return

        def never_began(_: object) -> None:  # a task that is cancelled before its first step does not run at all
            if future in self._stopped:
                self._over(future, ErrorValue("cancelled", "this call was cancelled before it ran", future))

        self._stopped.add(future)
        task.cancel()
        task.add_done_callback(never_began)

    async def close(self, patience_s: float) -> tuple[int, ...]:
        """Ask all calls to stop, wait for them so long, and let go of the rest. Returns these."""
        tasks = self._tasks.copy()
        for future, task in tasks.items():
            if future not in self._stopped:
                task.cancel()
        await settled(tasks.values(), patience_s)
        self._tasks.clear()  # nobody is told of their end any more
        self._stopped.clear()
        left = {future: task for future, task in tasks.items() if not task.done()}
        for task in left.values():
            task.cancel()
        await settled(left.values(), 0.1)
        return tuple(left)

    async def _run(self, start: Start) -> None:
        """One attempt at a call: the intent first, then the tool, then what came of it."""
        tool, future = self._tools[start.tool], start.future
        acts = tool.core.may_act(start.footprint)
        effects: Effects = "unknown" if acts else "none"
        value: Value
        try:
            if acts:
                await self._intended()
            value = await tool.run(start.args)
        except asyncio.CancelledError:
            if self._recording.closing and future not in self._stopped:
                return  # whether it has had its effect is for whoever resumes the run to say
            value = ErrorValue("cancelled", "this call was cancelled before it returned", future, effects=effects)
        except _NotWritten:
            return
        except Exception as error:  # a LiveTool that breaks its promise
            value = ErrorValue("tool_error", f"{start.tool}: {error!r}", future, effects=effects)
        self._over(future, value)

    async def _intended(self) -> None:
        """Until the start of a call is on disk: nothing is done that does not stand there."""
        try:
            await self._recording.journal.committed()
        except OSError as error:
            self._fail(error)
            raise _NotWritten from error

    def _over(self, future: int, value: Value) -> None:
        if self._tasks.pop(future, None) is None:
            return  # it was let go
        self._stopped.discard(future)
        self._feed(Fail(future, value) if isinstance(value, ErrorValue) else Finish(future, value))


class _NotWritten(Exception):
    pass


async def settled(tasks: Collection[asyncio.Task[Any]], patience_s: float) -> None:
    """Wait until these have ended, at most so long. Their results are left alone."""
    if tasks:
        await asyncio.wait(tasks, timeout=patience_s)
