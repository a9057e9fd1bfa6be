"""asyncio on a clock of its own: whoever sleeps is woken at once, and finds that the time has passed.

    from asyncfc_sim.live import virtual_clock

    def test_my_agent() -> None:
        run = virtual_clock.run(agent.run("Go"))  # an hour of sleeping tools takes milliseconds, and always the same
        assert run.elapsed_s == 3600

Only public hooks of asyncio are used: a selector whose `select` adds to the time what it was to wait, and a loop whose
`time` it is. When there is nothing left to wait for, it says so instead of hanging. Time stands still while a function
runs in a thread, and does not wait for the network.

A loop runs callbacks in the order in which they became ready, and code may come to rely on that by accident. With
`choose` (from how many are ready to which of them runs next) it runs them in any order, timers that are due at one
time included.
"""

from __future__ import annotations

import asyncio
import contextvars
import selectors
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Choose = Callable[[int], int]


class Deadlock(RuntimeError):
    """Tasks wait, and nothing is left that could wake them."""


def run(main: Coroutine[Any, Any, T], *, choose: Choose | None = None) -> T:
    """`asyncio.run` on a virtual clock that begins at 0 s. Raises Deadlock."""
    with asyncio.Runner(loop_factory=partial(VirtualLoop, choose)) as runner:
        return runner.run(main)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a virtual clock; with `choose`, its ready queue is no queue."""

    def __init__(self, choose: Choose | None = None) -> None:
        self._virtual = _VirtualSelector()
        self._choose = choose
        self._bag: list[tuple[asyncio.Handle, Callable[[], object]]] = []
        super().__init__(self._virtual)

    def time(self) -> float:
        """Seconds since this loop was made."""
        return self._virtual.now_s

    def run_in_executor(self, executor: Any, func: Callable[[Unpack[Ts]], T], *args: *Ts) -> asyncio.Future[T]:
        """As ever, but that time stands still until it is done."""
        running: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        self._virtual.threads += 1
        running.add_done_callback(self._thread_ended)
        return running

    async def shutdown_default_executor(self, *args: Any) -> None:
        self._virtual.threads += 1  # it waits in one
        try:
            await super().shutdown_default_executor(*args)
        finally:
            self._virtual.threads -= 1

    def _thread_ended(self, running: object) -> None:
        self._virtual.threads -= 1

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        if self._choose is None:
            return super().call_soon(callback, *args, context=context)
        context = contextvars.copy_context() if context is None else context
        handle = asyncio.Handle(callback, args, self, context)
        self._bag.append((handle, partial(context.run, callback, *args)))
        super().call_soon(self._draw)
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        if self._choose is None:
            return super().call_at(when, callback, *args, context=context)

        def due() -> None:  # it may still be cancelled while it lies in the bag
            self.call_soon(lambda: None if timer.cancelled() else callback(*args))

        timer = super().call_at(when, due, context=context)
        return timer

    def _draw(self) -> None:
        """For each callback in the bag there is one of these in the loop's queue."""
        assert self._choose is not None
        handle, go = self._bag.pop(self._choose(len(self._bag)))
        if not handle.cancelled():
            go()


class _VirtualSelector(selectors.DefaultSelector):
    """Waits by moving the time on."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.threads = 0  # under way

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self.threads:
            return super().select(None)  # until one of them tells the loop that it is done
        if timeout is None:
            raise Deadlock(f"at {self.now_s:g} s tasks wait, and nothing is left that could wake them")
        self.now_s += timeout
        return []
