"""Every golden turn of BFCL's base split, on the real tools: any legal schedule gives what running in order gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.core.interpreter import Outcome
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.verify.walk import walk
from asyncfc_sim.workloads.bfcl import load
from asyncfc_sim.workloads.workload import Task, Turn, World

pytest.importorskip("bfcl_eval", reason="bfcl-eval is not installed (pip install --no-deps bfcl-eval)")

SCHEDULES = 20


@dataclass(frozen=True)
class Golden:
    """A turn, the world it starts in, and what running it in order gives."""

    task: Task
    turn: Turn
    start: World
    outcome: Outcome
    state: str


@pytest.fixture(scope="module")
def golden_turns() -> list[Golden]:
    return [golden for task in load("base") for golden in _in_order(task)]


def _in_order(task: Task) -> Iterator[Golden]:
    world = task.make_world()
    for turn in task.turns:
        start = world.copy()
        outcome = run_sequential(turn.program, task.tools, world.call)
        yield Golden(task, turn, start, outcome, world.state())


def _differing(turns: Sequence[Golden], tools_of: Mapping[str, Mapping[str, Tool]], seed: int) -> tuple[int, int, int]:
    """Of `SCHEDULES` schedules per turn: how many differ from running in order, and distinct and all schedules."""
    rng = np.random.default_rng(seed)
    differing = distinct = runs = 0
    for golden in turns:
        schedules = set()
        for _ in range(SCHEDULES):
            world = golden.start.copy()
            outcome, schedule = walk(
                golden.turn.program, tools_of[golden.task.name], world.call, lambda n: int(rng.integers(n))
            )
            schedules.add(tuple(schedule))
            runs += 1
            differing += (outcome, world.state()) != (golden.outcome, golden.state)
        distinct += len(schedules)
    return differing, distinct, runs


def test_no_legal_schedule_of_a_golden_turn_differs(
    golden_turns: list[Golden], capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(golden_turns) == 734
    declared = {golden.task.name: golden.task.tools for golden in golden_turns}
    differing, distinct, runs = _differing(golden_turns, declared, seed=0)
    with capsys.disabled():  # a count that a person wants to see, whether or not the test passes
        print(f"\n{runs} schedules of {len(golden_turns)} turns, {distinct} distinct: {differing} differ")
    assert differing == 0
    assert distinct > len(golden_turns)  # some turns do have more than one schedule


def test_without_footprints_schedules_differ(golden_turns: list[Golden], capsys: pytest.CaptureFixture[str]) -> None:
    ignored = {
        golden.task.name: {
            name: replace(tool, effects=Declaration(), irreversible=False) for name, tool in golden.task.tools.items()
        }
        for golden in golden_turns
    }
    several = [golden for golden in golden_turns if len(golden.outcome.values) > 1]
    differing, _, runs = _differing(several, ignored, seed=0)
    with capsys.disabled():
        print(f"\nfootprints ignored: {differing} of {runs} schedules of {len(several)} turns differ")
    assert differing > 100
