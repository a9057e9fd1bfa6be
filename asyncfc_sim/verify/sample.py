"""Random legal schedules of a task, each compared with running its calls in order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.syntax import calls_in
from asyncfc_sim.workloads.workload import Task

from .walk import walk

MOST_CALLS = 50_000
LEAST = 2


@dataclass(frozen=True, slots=True)
class Sampled:
    """How many schedules were run, how many distinct ones they were, and how many runs differ from running in order."""

    runs: int
    distinct: int
    different: int


def sample(task: Task, rng: np.random.Generator, schedules: int = 500, failure: Failure = "poison") -> Sampled:
    """Run every turn of `task` under `schedules` random schedules, starting where running in order left the world.

    A long program gets fewer schedules (`MOST_CALLS` calls in all), so that it does not take minutes.
    """
    calls = sum(1 for turn in task.turns for _ in calls_in(turn.program.body))
    schedules = max(LEAST, min(schedules, MOST_CALLS // max(1, calls)))
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
