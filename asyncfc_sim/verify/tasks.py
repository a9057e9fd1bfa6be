"""A whole task: every schedule of every turn, each from the world in which running in order left the turn before."""

from __future__ import annotations

from dataclasses import dataclass

from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.sequential import run_sequential
from asyncfc_sim.core.syntax import calls_in
from asyncfc_sim.workloads.workload import Task

from .configuration import MakeScheduler
from .exhaust import TooManyStates, exhaust
from .schedules import format_schedule
from .setting import Setting
from .walk import search


@dataclass(frozen=True, slots=True)
class TaskChecked:
    """What was found of a task. `differing` names turns (counted from 1), each with a schedule that differs."""

    name: str
    turns: int
    calls: int
    states: int
    sampled: int  # turns that have too many states, of which random schedules were run
    differing: tuple[tuple[int, str], ...]


def check_task(
    task: Task,
    *,
    failure: Failure = "poison",
    limit: int = 5_000,
    schedules: int = 100,
    seed: int = 0,
    scheduler: MakeScheduler = Scheduler,
) -> TaskChecked:
    """Compare every schedule of every turn with running it in order; beyond `limit` states, `schedules` random ones."""
    states = sampled = 0
    differing = []
    world = task.make_world()
    for number, turn in enumerate(task.turns, 1):
        setting = Setting(turn.program, task.tools, world.copy().copy, failure=failure, scheduler=scheduler)
        expected = setting.in_order()
        try:
            explored = exhaust(setting, limit=limit)
            states += explored.states
            found = explored.differing(expected)
        except TooManyStates:
            sampled += 1
            found = search(setting, expected, schedules=schedules, seed=seed)
        if found is not None:
            differing.append((number, format_schedule(found)))
        run_sequential(turn.program, task.tools, world.call, failure)
    calls = sum(1 for turn in task.turns for _ in calls_in(turn.program.body))
    return TaskChecked(task.name, len(task.turns), calls, states, sampled, tuple(differing))
