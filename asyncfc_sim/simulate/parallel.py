"""An experiment spread over processes. The results do not depend on how many: every case has its own random numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from asyncfc_sim.workloads.processes import in_processes, workers_or_all
from asyncfc_sim.workloads.workload import Task

from .experiment import Arm, ArmResult, run_arms
from .models import Models

CHUNK = 10  # tasks: enough work to outweigh starting it, few enough for progress to show
WORTH_IT = 100  # tasks below which starting processes costs more than it saves

# Loads all tasks of the experiment. It must be picklable: a module's function, or a `partial` of one.
LoadTasks = Callable[[], Sequence[Task]]


def run_in_processes(
    tasks: Sequence[Task],
    load: LoadTasks,
    arms: Sequence[Arm],
    models: Models,
    seed: int,
    advance: Callable[[], None],
    workers: int | None = None,
) -> list[ArmResult]:
    """Run `tasks` under all arms on `workers` processes, which get the tasks by `load`.

    By default one process per CPU; with one worker, or few tasks, this process. `advance` is called after each task.
    """
    workers = workers_or_all(workers)
    if workers == 1 or len(tasks) < WORTH_IT:
        return run_arms(tasks, arms, models, seed, advance)
    chunks = [(first, min(first + CHUNK, len(tasks))) for first in range(0, len(tasks), CHUNK)]
    jobs = [partial(_run_chunk, load, first, last, arms, models, seed) for first, last in chunks]
    results = [ArmResult(arm) for arm in arms]
    for (first, last), part in zip(chunks, in_processes(jobs, workers), strict=True):
        for result, more in zip(results, part, strict=True):
            result.cases += more.cases
            result.eq1 += more.eq1
        for _ in range(first, last):
            advance()
    return results


_loaded: dict[str, Sequence[Task]] = {}  # one process, one experiment: tasks are loaded once per worker


def _run_chunk(
    load: LoadTasks, first: int, last: int, arms: Sequence[Arm], models: Models, seed: int
) -> list[ArmResult]:
    key = repr(load)
    if key not in _loaded:
        _loaded[key] = load()
    return run_arms(_loaded[key][first:last], arms, models, seed)
