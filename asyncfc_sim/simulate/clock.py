"""The clock of a simulation: what is to happen later happens in the order of its time, and of its asking."""

from __future__ import annotations

from collections.abc import Callable

import simpy


class Clock:
    """A SimPy environment, used by timeouts with callbacks alone: a process for each tool would cost twice as much."""

    def __init__(self) -> None:
        self._environment = simpy.Environment()

    @property
    def now_s(self) -> float:
        """Seconds since the start."""
        return self._environment.now

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do `action` so many seconds from now."""
        timeout = self._environment.timeout(delay_s)
        assert timeout.callbacks is not None
        timeout.callbacks.append(lambda _: action())

    def run(self) -> None:
        """Until nothing is left to happen."""
        self._environment.run()
