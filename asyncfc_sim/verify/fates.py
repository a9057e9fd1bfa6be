"""What running in order may come to where calls are abandoned and values are delivered: the meaning to match then.

A call that was abandoned before it started never ran. One that was abandoned while it ran has ended after some of its
steps, and may have done all of them or none. A delivered value is a touch at the place where it was delivered, which is
part of what the decoder saw. So there are many sequential runs, and an ending is right if one of them comes to it
(formal.md 1.8: refinement, not equality).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import cast

from asyncfc_sim.core.events import Cancel, Deliver, Timeout
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.syntax import Branch, Call, Program, Statement, Touch
from asyncfc_sim.core.tool import Tool, pure
from asyncfc_sim.core.values import JSON, ErrorValue, Value
from asyncfc_sim.workloads.key_world import Accessed, History, SteppedWorld

from .setting import Ending, Setting

# From the number of possibilities to the one that comes true.
Choose = Callable[[int], int]
END = -1  # the place behind the last statement
_NEVER_RAN = "(never ran)"  # stands in a program for the tool of a call that was cancelled while it was pending


def explained(setting: Setting, ending: Ending) -> bool:
    """Whether some run in order, under what the environment may do, ends like this."""
    text = ending.text()
    fates = _Fates(setting, ending)
    return any(found.text() == text for found in _for_all_choices(fates.run))


def _for_all_choices(run: Callable[[Choose], Ending]) -> Iterator[Ending]:
    """What `run` comes to for each sequence of choices that it may meet."""
    taken: list[tuple[int, int]] = []  # the choices of this round, and out of how many each was
    position = 0

    def choose(possibilities: int) -> int:
        nonlocal position
        if position == len(taken):
            taken.append((0, possibilities))
        position += 1
        return taken[position - 1][0]

    while True:
        position = 0
        yield run(choose)
        while taken and taken[-1][0] == taken[-1][1] - 1:
            taken.pop()
        if not taken:
            return
        choice, possibilities = taken.pop()
        taken.append((choice + 1, possibilities))


class _Fates:
    """Runs in order in which just the calls that `ending` says were abandoned are."""

    def __init__(self, setting: Setting, ending: Ending) -> None:
        self._setting = setting
        self._abandoned = {
            future: value
            for future, value in ending.outcome.values.items()
            if isinstance(value, ErrorValue) and _cause(future, value) in setting.environment
        }

    def run(self, choose: Choose) -> Ending:
        setting = self._setting
        never_ran = {
            future for future, error in self._abandoned.items() if error.kind == "cancelled" and error.effects == "none"
        }
        delivered = dict(self._deliveries(choose))
        world = cast(SteppedWorld, setting.make_world())

        def execute(future: int, tool: str, args: Mapping[str, JSON]) -> Value:
            if future in never_ran:
                return self._abandoned[future]
            error = self._abandoned.get(future)
            if error is None or (error.effects == "unknown") != _may_write(setting.tools[tool], args):
                return world.call(future, tool, args)
            _run_partly(world, setting.granularity == "steps", future, tool, args, choose)
            return error

        body = _fated(setting.program.body, never_ran, delivered, count())
        program = Program((*body, *_touches(delivered, END)))
        tools = {**setting.tools, _NEVER_RAN: pure(_NEVER_RAN)}
        outcome = run_sequential(program, tools, execute, setting.failure)
        return Ending(outcome, world.state())

    def _deliveries(self, choose: Choose) -> Iterator[tuple[int, int]]:
        """For each value that is delivered: its future, and the statement before which that happens (or the end)."""
        statements = sum(1 for _ in _statements(self._setting.program.body))
        for event in self._setting.environment:
            if isinstance(event, Deliver):
                (future,) = event.futures
                choice = choose(statements + 2)
                if choice:
                    yield future, END if choice > statements else choice - 1


def _cause(future: int, error: ErrorValue) -> Cancel | Timeout | None:
    """What must have happened if a call ended with this error."""
    if error.origin != future or error.kind not in ("cancelled", "timeout"):
        return None
    return Cancel(future) if error.kind == "cancelled" else Timeout(future)


def _may_write(tool: Tool, args: Mapping[str, JSON]) -> bool:
    return tool.irreversible or bool(tool.footprint(args).writes)


def _run_partly(
    world: SteppedWorld, by_steps: bool, future: int, tool: str, args: Mapping[str, JSON], choose: Choose
) -> None:
    """Some of the steps of a call, from none to all of them."""
    history: History = ()
    while choose(2):
        if not by_steps:
            world.call(future, tool, args)
            return
        step = world.step(future, tool, args, history)
        if not isinstance(step, Accessed):
            return
        history = (*history, step.answer)


def _statements(body: tuple[Statement, ...]) -> Iterator[Statement]:
    """Every statement, those inside a branch after the branch itself."""
    for statement in body:
        yield statement
        if isinstance(statement, Branch):
            yield from _statements(statement.then)
            yield from _statements(statement.orelse)


def _fated(
    body: tuple[Statement, ...], never_ran: set[int], delivered: Mapping[int, int], number: Iterator[int]
) -> Iterator[Statement]:
    """The program, in which calls that never ran have another tool, and delivered values are touched."""
    for statement in body:
        yield from _touches(delivered, next(number))
        match statement:
            case Branch(ref, literal, then, orelse):
                sides = (tuple(_fated(side, never_ran, delivered, number)) for side in (then, orelse))
                yield Branch(ref, literal, *sides)
            case Call(future) if future in never_ran:
                yield Call(future, _NEVER_RAN)
            case _:
                yield statement


def _touches(delivered: Mapping[int, int], place: int) -> Iterator[Touch]:
    return (Touch((future,)) for future, where in delivered.items() if where == place)
