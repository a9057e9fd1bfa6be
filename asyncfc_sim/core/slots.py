"""Slots: which tools are under way, which calls wait for a worker, and who is next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush

from .tool import Tool


class Slots:
    """Workers, capped in all and per tool (`Tool.concurrency`, else `per_tool`). The lowest future goes first."""

    def __init__(self, tools: Mapping[str, Tool], total: int, per_tool: int) -> None:
        if total < 1 or per_tool < 1:
            raise ValueError(f"at least one worker is needed, in all and per tool, not {total} and {per_tool}")
        self._tools = tools
        self._total = total
        self._per_tool = per_tool
        self.running: dict[int, str] = {}  # call -> tool, for every tool under way, its future settled or not
        self._count: dict[str, int] = {}  # tool -> how many are under way
        self._ready: dict[str, list[int]] = {}  # tool -> heap of calls that wait for a slot

    def wait(self, future: int, tool: str) -> None:
        """A call is ready to run, but for a slot."""
        heappush(self._ready.setdefault(tool, []), future)

    def next(self, still_waits: Callable[[int], bool]) -> int:
        """Take the lowest ready call that a slot is free for out of the queue; 0 if there is none."""
        if not self._ready or len(self.running) >= self._total:
            return 0
        best, best_tool = 0, ""
        for tool in list(self._ready):
            queue = self._ready[tool]
            while queue and not still_waits(queue[0]):  # cancelled meanwhile
                heappop(queue)
            if not queue:
                del self._ready[tool]
            elif (not best or queue[0] < best) and self._count.get(tool, 0) < self._limit(tool):
                best, best_tool = queue[0], tool
        if best:
            self._pop(best_tool)
        return best

    def _pop(self, tool: str) -> None:
        queue = self._ready[tool]
        heappop(queue)
        if not queue:
            del self._ready[tool]

    def _limit(self, tool: str) -> int:
        return self._tools[tool].concurrency or self._per_tool

    def take(self, future: int, tool: str) -> None:
        self.running[future] = tool
        self._count[tool] = self._count.get(tool, 0) + 1

    def free(self, future: int) -> bool:
        """The tool of a call has ended. False if it was not under way."""
        tool = self.running.pop(future, None)
        if tool is None:
            return False
        self._count[tool] -= 1
        return True

    def copy(self) -> Slots:
        twin = Slots(self._tools, self._total, self._per_tool)
        twin.running = dict(self.running)
        twin._count = dict(self._count)
        twin._ready = {tool: list(queue) for tool, queue in self._ready.items()}
        return twin
