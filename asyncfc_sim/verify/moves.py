"""What may happen next in a run under exploration, and how far a tool under way has got."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from asyncfc_sim.core.events import Cancel, Deliver, End, Pending, Resolved, Running, Start, Timeout
from asyncfc_sim.core.interpreter import Cursor
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.core.values import JSON, canonical
from asyncfc_sim.workloads.key_world import History

# A tool acts either in one step, or each of its reads and writes is a step, and so is its return.
Granularity = Literal["atomic", "steps"]
# The decoder's next statement (0), the next step of the tool of a future (its number), a move that the environment
# may make once, or the end of a tool whose call was settled before it ended.
Move = int | Cancel | Timeout | Deliver | End
Environment = Cancel | Timeout | Deliver
DECODE = 0


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A started tool, and what it was sent for the steps that it has done."""

    start: Start
    history: History = ()
    text: str = ""  # of the history

    def after(self, answer: JSON) -> UnderWay:
        """The same tool, one step on."""
        history = (*self.history, answer)
        return UnderWay(self.start, history, canonical(history))


def legal(move: Environment, scheduler: Scheduler) -> bool:
    """Whether the environment may make this move now, as far as the futures go."""
    match move:
        case Cancel(future):
            return isinstance(scheduler.futures.get(future), Pending | Running)
        case Timeout(future):
            return isinstance(scheduler.futures.get(future), Running)
        case Deliver(futures):
            return all(isinstance(scheduler.futures.get(future), Resolved) for future in futures)


def place(cursor: Cursor) -> tuple[int, ...]:
    """A place in a program, by the identity of its blocks: they live as long as the exploration."""
    found: list[int] = []
    at: Cursor | None = cursor
    while at is not None:
        found += (id(at.body), at.position)
        at = at.outer
    return tuple(found)
