"""The strategy `walk`: one legal schedule of a program, chosen step by step.

Whoever passes `choose` decides: a random generator, Hypothesis (whose choices shrink), or a recorded list. `search`
has Hypothesis choose many schedules, and shrinks the first that goes wrong to a simple one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from asyncfc_sim.core.interpreter import Outcome
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.sequential import Execute
from asyncfc_sim.core.syntax import Program
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON, Value
from asyncfc_sim.traces.trace import Recorder

from .configuration import Configuration, Stuck
from .moves import Move
from .recording import recording
from .schedules import format_move
from .setting import Ending, Setting

# From the number of moves possible to the one to make.
Choose = Callable[[int], int]
# Called after every move with the state reached; a property that must hold in every reachable state goes here.
Watch = Callable[[Scheduler], None]


def walk(
    program: Program,
    tools: Mapping[str, Tool],
    execute: Execute,
    choose: Choose,
    *,
    failure: Failure = "poison",
    max_running: int = 32,
    max_running_per_tool: int = 8,
    watch: Watch | None = None,
    recorder: Recorder | None = None,
) -> tuple[Outcome, list[str]]:
    """Run `program` under one schedule; returns its outcome and the schedule, as the moves made (schedules.py).

    Tools are atomic: `execute` runs one to its end. `recorder` gets the run as a trace, in which a second is a move.

    Raises Stuck if nothing can happen before the run is over, which the progress theorem (formal.md T3) rules out.
    """
    world = _Executing(execute)
    run = Configuration(program, tools, world, failure=failure, workers=max_running, per_tool=max_running_per_tool)
    if recorder is not None:
        run.observer = recording(recorder)
    schedule = []
    while not run.over():
        moves = run.moves()
        move = moves[choose(len(moves))]
        schedule.append(format_move(move))
        run.make(move)
        if watch is not None:
            watch(run.scheduler)
    return run.outcome(), schedule


class _Executing:
    """A world of which only the tools are known: it can be run, not copied or compared."""

    def __init__(self, execute: Execute) -> None:
        self._execute = execute

    def call(self, future: int, tool: str, args: Mapping[str, JSON]) -> Value:
        return self._execute(future, tool, args)

    def state(self) -> str:
        raise NotImplementedError("only the tools of this world are known")

    def copy(self) -> _Executing:
        raise NotImplementedError("only the tools of this world are known")


class _Differs(Exception):
    def __init__(self, schedule: tuple[Move, ...]) -> None:
        self.schedule = schedule


def search(setting: Setting, expected: Ending, *, schedules: int, seed: int = 0) -> tuple[Move, ...] | None:
    """Try `schedules` random schedules; the simplest one found that does not end as `expected`, None if all do."""
    import hypothesis
    from hypothesis import strategies as st

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=schedules,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(st.data())
    def runs_in_order(data: st.DataObject) -> None:
        run = setting.start()
        schedule: list[Move] = []
        try:
            while not run.over():
                moves = run.moves()
                schedule.append(moves[data.draw(st.integers(0, len(moves) - 1)) if len(moves) > 1 else 0])
                run.make(schedule[-1])
        except Stuck:
            raise _Differs(tuple(schedule)) from None
        if Ending(run.outcome(), run.world.state()) != expected:
            raise _Differs(tuple(schedule))

    try:
        runs_in_order()
    except _Differs as found:
        return found.schedule
    return None
