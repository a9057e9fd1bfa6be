"""One legal schedule of a program, chosen step by step; the tools are really executed in the order chosen.

At each step either the decoder does its next statement, or one tool under way runs, atomically, and returns. Whoever
passes `choose` decides: a random generator, Hypothesis (whose choices shrink), or a recorded list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from asyncfc_sim.core.events import Drained, End, Event, Fail, Finish, Running, Start, Stop
from asyncfc_sim.core.interpreter import Interpreter, Outcome
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.sequential import Execute
from asyncfc_sim.core.syntax import Program
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue, Value
from asyncfc_sim.traces.entries import trace_entry
from asyncfc_sim.traces.trace import Recorder

# From the number of moves possible to the one to make.
Choose = Callable[[int], int]
# Called after every event with the state reached; a property that must hold in every reachable state goes here.
Watch = Callable[[Scheduler], None]


def walk(
    program: Program,
    tools: Mapping[str, Tool],
    execute: Execute,
    choose: Choose,
    *,
    failure: Failure = "poison",
    max_running: int = 32,
    watch: Watch | None = None,
    recorder: Recorder | None = None,
) -> tuple[Outcome, list[str]]:
    """Run `program` under one schedule; returns its outcome and the schedule, as the moves made.

    `recorder` gets the run as a trace, in which a second is a move.

    Raises AssertionError if the run gets stuck, which the progress theorem (formal.md T3) rules out.
    """
    scheduler = Scheduler(tools, failure=failure, max_running=max_running)
    run = _Walk(scheduler, Interpreter(program), execute, recorder)
    while not run.over():
        moves = run.moves()
        assert moves, f"stuck: {run.scheduler.futures}"
        run.make(moves[choose(len(moves))])
        if watch is not None:
            watch(run.scheduler)
    return run.decoder.outcome(run.scheduler.values), run.schedule


class _Walk:
    def __init__(self, scheduler: Scheduler, decoder: Interpreter, execute: Execute, recorder: Recorder | None) -> None:
        self.scheduler, self.decoder, self.execute, self.recorder = scheduler, decoder, execute, recorder
        self.under_way: dict[int, Start] = {}
        self.schedule: list[str] = []

    def over(self) -> bool:
        return self.decoder.ended and not self.under_way

    def moves(self) -> list[Start | None]:
        """The tools under way; None stands for the decoder's next statement."""
        return [*([None] if self.decoder.ready else []), *self.under_way.values()]

    def make(self, move: Start | None) -> None:
        if move is None:
            event = self.decoder.next_event()
            assert event is not None
            self.schedule.append(type(event).__name__.lower())
            self.feed(event)
        else:
            del self.under_way[move.future]
            self.schedule.append(f"f{move.future}")
            self.feed(_ended(move.future, self.execute(move.future, move.tool, move.args)))

    def feed(self, event: Event) -> None:
        answers = []
        if isinstance(event, Finish | Fail) and not isinstance(self.scheduler.futures.get(event.future), Running):
            self.record(End(event.future))  # it had been cut off: its result is dropped
        self.record(event)
        for action in self.scheduler.feed(event):
            self.record(action)
            match action:
                case Start(future):
                    self.under_way[future] = action
                case Stop():
                    pass  # these tools are atomic: one under way has not begun yet, and may still be chosen
                case _:
                    assert not (isinstance(action, Drained) and self.under_way), "drained with tools under way"
                    answers.append(self.decoder.receive(action))
        for answer in answers:
            if answer is not None:
                self.feed(answer)

    def record(self, entry: object) -> None:
        traced = None if self.recorder is None else trace_entry(entry)
        if self.recorder is not None and traced is not None:
            self.recorder.record((float(len(self.schedule)), *traced))


def _ended(future: int, value: Value) -> Event:
    return Fail(future, value) if isinstance(value, ErrorValue) else Finish(future, value)
