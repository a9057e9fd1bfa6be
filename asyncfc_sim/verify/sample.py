"""Random legal schedules of a task, each compared with running its calls in order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.workloads.workload import Task

from .walk import walk


@dataclass(frozen=True, slots=True)
class Sampled:
    """How many schedules were run, how many distinct ones they were, and how many runs differ from running in order."""

    runs: int
    distinct: int
    different: int


def sample(task: Task, rng: np.random.Generator, schedules: int = 500, failure: Failure = "poison") -> Sampled:
    """Run every turn of `task` under `schedules` random schedules, starting where running in order left the world."""
    distinct = different = 0
    world = task.make_world()
    for turn in task.turns:
        start = world.copy()
        expected = run_sequential(turn.program, task.tools, world.call, failure)
        seen = set()
        for _ in range(schedules):
            other = start.copy()
            outcome, schedule = walk(
                turn.program, task.tools, other.call, lambda n: int(rng.integers(n)), failure=failure
            )
            seen.add(tuple(schedule))
            different += (outcome, other.state()) != (expected, world.state())
        distinct += len(seen)
    return Sampled(schedules * len(task.turns), distinct, different)
