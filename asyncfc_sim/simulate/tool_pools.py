"""Workers that run the calls of all conversations, so many for each kind of tool; a call waits for one in line.

A call comes here when the scheduler has started it: its arguments are known and nothing it conflicts with is under way.
So no worker is held by a call that waits for anything but its own tool.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from .clock import Clock


@dataclass(slots=True)
class Pool:
    """The workers of one kind. `queue` holds the calls in line: when they came, how long they run, what then."""

    workers: int
    busy: int = 0
    queue: deque[tuple[float, float, Callable[[], None]]] = field(default_factory=deque)
    waits_s: list[float] = field(default_factory=list)
    busy_s: float = 0.0


class ToolPools:
    """Pools by kind of tool, `capacity` giving the workers of each; a kind without one has as many as it takes."""

    def __init__(self, clock: Clock, capacity: Mapping[str, int] | None = None) -> None:
        self._clock = clock
        self.pools = {kind: Pool(workers) for kind, workers in (capacity or {}).items()}

    def run(self, kind: str, duration_s: float, done: Callable[[], None]) -> None:
        """Run a call for so many seconds as soon as there is a worker, first come, first served; then `done`."""
        pool = self.pools.get(kind)
        if pool is None:
            self._clock.after(duration_s, done)
            return
        pool.queue.append((self._clock.now_s, duration_s, done))
        self._begin(pool)

    def _begin(self, pool: Pool) -> None:
        while pool.queue and pool.busy < pool.workers:
            came_s, duration_s, done = pool.queue.popleft()
            pool.busy += 1
            pool.waits_s.append(self._clock.now_s - came_s)
            pool.busy_s += duration_s
            self._clock.after(duration_s, partial(self._end, pool, done))

    def _end(self, pool: Pool, done: Callable[[], None]) -> None:
        pool.busy -= 1
        done()
        self._begin(pool)
