"""A task run in order on its own tools: the values that every policy must reproduce, and the path that was taken.

Where no call fails, every run must give the values and the world of the task's own programs. Where one fails, what a
policy shows the model, and when, is part of the program: a barrier lets a call pass if the model knew of the failure
when it issued it. So such a run is compared with what it really emitted, run in order, with a touch wherever the model
was shown a value (formal.md 1.9: under eager delivery a run equals the sequential run of that program).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from asyncfc_sim.core import syntax
from asyncfc_sim.core.events import Drain, Issue, Resume, Touch
from asyncfc_sim.core.interpreter import Interpreter
from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.syntax import Program, Statement
from asyncfc_sim.core.values import ErrorValue, Value, canonical
from asyncfc_sim.traces.trace import RawEvent
from asyncfc_sim.workloads.workload import Task


@dataclass(frozen=True, slots=True)
class Reference:
    """Values by future over the whole conversation, the world's final state, and where each turn stopped (strict)."""

    values: Mapping[int, Value]
    state: str
    stopped: tuple[int | None, ...]

    @property
    def fails(self) -> bool:
        """Whether some call fails."""
        return any(isinstance(value, ErrorValue) for value in self.values.values())


def run_reference(task: Task, failure: Failure = "poison") -> Reference:
    """Run all turns of `task`, call by call, in a fresh world."""
    world = task.make_world()
    values: dict[int, Value] = {}
    stopped = []
    for turn in task.turns:
        outcome = run_sequential(turn.program, task.tools, world.call, failure)
        values.update(outcome.values)
        stopped.append(outcome.stopped_at)
    return Reference(values, world.state(), tuple(stopped))


def emitted_program(events: Iterable[RawEvent]) -> Program:
    """What the model of a recorded run emitted and was shown. What strict cut off it never emitted."""
    body: list[Statement] = []
    for _, rule, fields in events:
        match rule:
            case "issue":
                body.append(syntax.Call(fields["future"], fields["tool"], fields["args"]))
            case "touch" | "deliver":
                body.append(syntax.Touch(tuple(fields["futures"])))
            case "cut":
                failed = fields["future"]
                last = next(at for at, one in enumerate(body) if isinstance(one, syntax.Call) and one.future == failed)
                body = [*body[: last + 1], syntax.Touch((failed,))]
    return Program(tuple(body))


def path(program: Program, values: Mapping[int, Value]) -> Iterator[Issue | Touch]:
    """The statements that `program` goes through if its futures have `values`: calls, and what it looks at."""
    decoder = Interpreter(program)
    while (event := decoder.next_event()) is not None:
        match event:
            case Issue():
                yield event
            case Touch(futures):
                yield event
                if isinstance(decoder.receive(Resume({future: values[future] for future in futures})), Drain):
                    return


def difference(reference: Reference, values: Mapping[int, Value], state: str) -> str | None:
    """What a run got that running in order does not give; None if all is the same. Compares values, then the world."""
    for future, expected in reference.values.items():
        if future not in values:
            return f"$f{future} has no value; in order it is {canonical(expected):.80}"
        if canonical(values[future]) != canonical(expected):
            return f"$f{future} is {canonical(values[future]):.80}; in order it is {canonical(expected):.80}"
    return None if state == reference.state else "the world ends in another state"
