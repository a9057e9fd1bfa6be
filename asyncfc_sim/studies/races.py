"""Whether some schedule goes wrong: labels judged by all that may happen, where a simulation shows what one run did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.syntax import Program, calls_in
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.simulate.durations import call_rng
from asyncfc_sim.verify.exhaust import TooManyStates, exhaust
from asyncfc_sim.verify.setting import Ending, Setting
from asyncfc_sim.workloads.workload import Task, World

LIMIT = 1_000  # states of a turn: beyond, random schedules
SCHEDULES = 50


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether some schedule ends otherwise than in order. `sampled`: there were too many, and random ones were run."""

    wrong: bool
    sampled: bool


@dataclass(frozen=True, slots=True)
class _Turn:
    program: Program
    world: World  # as running in order left it before the turn
    calls: tuple[str, ...]  # the tools called
    in_order: Ending


class Explorer:
    """The turns of one task, each from the world in which running in order left the turn before.

    What was found of a turn is kept, since other labellings often label the tools that it calls in the same way.
    """

    def __init__(self, task: Task, seed: int) -> None:
        self._task, self._seed = task, seed
        self._turns = list(_turns(task))
        self._found: dict[tuple[object, ...], Judged] = {}

    def judge(self, labelled: Mapping[str, Tool]) -> Judged:
        """All turns, with their tools labelled so."""
        turns = [self._judge_turn(number, turn, labelled) for number, turn in enumerate(self._turns, 1)]
        return Judged(any(turn.wrong for turn in turns), any(turn.sampled for turn in turns))

    def _judge_turn(self, number: int, turn: _Turn, labelled: Mapping[str, Tool]) -> Judged:
        key = (number, *(labelled[name].effects for name in turn.calls))
        if key not in self._found:
            setting = Setting(turn.program, labelled, turn.world.copy)
            try:
                explored = exhaust(setting, limit=LIMIT)
                self._found[key] = Judged(explored.differing(turn.in_order) is not None, sampled=False)
            except TooManyStates:
                self._found[key] = Judged(self._some_differ(setting, number, turn.in_order), sampled=True)
        return self._found[key]

    def _some_differ(self, setting: Setting, number: int, in_order: Ending) -> bool:
        """Whether one of some random schedules ends otherwise: the same schedules whatever else was explored."""
        rng = call_rng(self._seed, f"{self._task.name}/schedules", number)
        for _ in range(SCHEDULES):
            run = setting.start()
            while not run.over():
                moves = run.moves()
                run.make(moves[int(rng.integers(len(moves)))])
            if Ending(run.outcome(), run.world.state()) != in_order:
                return True
        return False


def _turns(task: Task) -> Iterator[_Turn]:
    world = task.make_world()
    for turn in task.turns:
        before = world.copy()
        outcome = run_sequential(turn.program, task.tools, world.call)
        calls = tuple(sorted({call.tool for call in calls_in(turn.program.body)} & task.tools.keys()))
        yield _Turn(turn.program, before, calls, Ending(outcome, world.state()))
