"""What running in order may come to where calls are abandoned and values are delivered: the meaning to match then.

A call that was abandoned before it started never ran. One that was abandoned while it ran has ended after some of its
steps, and may have done all of them or none. A delivered value is a touch, wherever it was delivered. So there are
many sequential runs, and an ending is right if one of them comes to it (formal.md 1.8: refinement, not equality).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import cast

from asyncfc_sim.core.events import Cancel, Deliver, Timeout
from asyncfc_sim.core.interpreter import Outcome, Seen
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.syntax import Branch, Call, Program, Statement, Touch, calls_in
from asyncfc_sim.core.tool import Tool, pure
from asyncfc_sim.core.values import JSON, ErrorValue, Value
from asyncfc_sim.workloads.key_world import Accessed, History, SteppedWorld

from .setting import Ending, Setting

# From the number of possibilities to the one that comes true.
Choose = Callable[[int], int]
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

        program = Program(tuple(_fated(setting.program.body, never_ran, delivered)))
        tools = {**setting.tools, _NEVER_RAN: pure(_NEVER_RAN)}
        outcome = run_sequential(program, tools, execute, setting.failure)
        return Ending(_without(outcome, delivered), world.state())

    def _deliveries(self, choose: Choose) -> Iterator[tuple[int, int]]:
        """For each value that is delivered: its future, and the call after whose issue that happens."""
        calls = sorted({call.future for call in calls_in(self._setting.program.body)})
        for event in self._setting.environment:
            if isinstance(event, Deliver):
                (future,) = event.futures
                places = [call for call in calls if call >= future]
                choice = choose(len(places) + 1)
                if choice:
                    yield future, places[choice - 1]


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


def _fated(body: tuple[Statement, ...], never_ran: set[int], delivered: Mapping[int, int]) -> Iterator[Statement]:
    """The program, in which calls that never ran have another tool, and delivered values are touched."""
    for statement in body:
        match statement:
            case Branch(ref, literal, then, orelse):
                sides = (tuple(_fated(side, never_ran, delivered)) for side in (then, orelse))
                yield Branch(ref, literal, *sides)
            case Call(future):
                yield Call(future, _NEVER_RAN) if future in never_ran else statement
                yield from (Touch((each,)) for each, place in delivered.items() if place == future)
            case _:
                yield statement


def _without(outcome: Outcome, delivered: Mapping[int, int]) -> Outcome:
    """What the decoder has seen, without what was delivered: that is no part of an ending."""
    seen = list(outcome.seen)
    for future, place in delivered.items():
        shown = Seen(place, future, outcome.values.get(future))
        if shown in seen:
            seen.remove(shown)
    return replace(outcome, seen=tuple(seen))
