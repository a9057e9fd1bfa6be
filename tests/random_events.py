"""Any legal next event of a scheduler, chosen by the caller: programs and decoders that nobody would write."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from asyncfc_sim.core.events import (
    Cancel,
    Deliver,
    Drain,
    End,
    Event,
    Fail,
    Finish,
    Issue,
    ProtocolError,
    Running,
    Timeout,
    Touch,
    Wake,
)
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.core.syntax import Call
from asyncfc_sim.core.values import ErrorValue, Value

Choose = Callable[[int], int]


def result(future: int) -> Value:
    """What the call returns: keys of the toy world, so that results used as paths collide."""
    return ["a", "b", {"x": ["a"]}, 1][future % 4]


def candidates(scheduler: Scheduler, calls: list[Call]) -> Iterator[Event]:
    issued = list(scheduler.futures)
    yield from (Issue(call) for call in calls if call.future > max(issued, default=0))
    for future in issued:
        yield from (Finish(future, result(future)), Fail(future, ErrorValue("tool_error", "boom")), End(future))
        yield from (Cancel(future), Deliver((future,)), Touch((future,)))
        if isinstance(scheduler.futures[future], Running):
            yield Timeout(future)
    yield from (Finish(future, "cut") for future in scheduler._slots.running if future not in scheduler.futures)
    yield from (Touch(tuple(issued)), Touch(tuple(issued[-2:]), any=True), Wake(), Drain())


def legal_events(scheduler: Scheduler, calls: list[Call]) -> list[Event]:
    return [event for event in candidates(scheduler, calls) if _is_legal(scheduler, event)]


def _is_legal(scheduler: Scheduler, event: Event) -> bool:
    try:
        scheduler.fork().feed(event)
    except ProtocolError:
        return False
    return True


def random_events(scheduler: Scheduler, calls: list[Call], choose: Choose, steps: int) -> Iterator[Event]:
    """Feed up to `steps` events, and say which."""
    for _ in range(steps):
        events = legal_events(scheduler, calls)
        if not events:
            return
        event = events[choose(len(events))]
        scheduler.feed(event)
        yield event
