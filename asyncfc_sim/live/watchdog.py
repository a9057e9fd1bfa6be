"""Who blocks the event loop: an async function that does not await what takes time stops everything else meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from time import perf_counter
from types import coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

BLOCKED_S: Final = 0.1


@dataclass(slots=True)
class Watchdog:
    """Notes that a tool blocked the loop for more than a tenth of a second, and for how long at most."""

    longest_s: float = 0.0

    def blocked(self, seconds: float) -> None:
        self.longest_s = max(self.longest_s, seconds)

    def note(self, tool: str) -> str | None:
        """What to say of it, if anything."""
        if not self.longest_s:
            return None
        return (
            f"the async function {tool} blocked the event loop for {self.longest_s:.1f} s, and nothing else could go "
            "on: let it await what takes time, or make it a plain function, which runs in a thread"
        )


@coroutine
def watched(work: Coroutine[Any, Any, T], blocked: Callable[[float], None]) -> Generator[Any, Any, T]:
    """`await work`; `blocked` is told of every step of it that took too long. Time is the machine's, not the loop's."""
    step: Callable[[Any], Any] = work.send
    given: Any = None
    while True:
        began_s = perf_counter()
        try:
            waits_for = step(given)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            took_s = perf_counter() - began_s
            if took_s > BLOCKED_S:
                blocked(took_s)
        try:
            given = yield waits_for
            step = work.send
        except GeneratorExit:
            work.close()
            raise
        except BaseException as error:
            given, step = error, work.throw
