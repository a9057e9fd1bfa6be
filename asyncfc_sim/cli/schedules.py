"""Random legal schedules of a task, each compared with running its calls in order."""

from __future__ import annotations

import numpy as np

from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.verify.walk import walk
from asyncfc_sim.workloads.workload import Task

SCHEDULES = 500


def compare(task: Task, failure: Failure, seed: int) -> dict[str, int]:
    """Run every turn of `task` under `SCHEDULES` schedules; counts runs, distinct ones, and those that differ."""
    rng = np.random.default_rng(seed)
    distinct = differing = 0
    world = task.make_world()
    for turn in task.turns:
        start = world.copy()
        expected = run_sequential(turn.program, task.tools, world.call, failure)
        schedules = set()
        for _ in range(SCHEDULES):
            other = start.copy()
            outcome, schedule = walk(
                turn.program, task.tools, other.call, lambda n: int(rng.integers(n)), failure=failure
            )
            schedules.add(tuple(schedule))
            differing += (outcome, other.state()) != (expected, world.state())
        distinct += len(schedules)
    return {"runs": SCHEDULES * len(task.turns), "distinct": distinct, "different": differing}
