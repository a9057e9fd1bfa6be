"""An experiment spread over processes. The results do not depend on how many: every case has its own random numbers."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context

from asyncfc_sim.workloads.workload import Task

from .experiment import Arm, ArmResult, run_arms
from .writing import Models

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
    workers = workers or os.cpu_count() or 1
    if workers == 1 or len(tasks) < WORTH_IT:
        return run_arms(tasks, arms, models, seed, advance)
    with ExitStack() as stack:
        pool = stack.enter_context(ProcessPoolExecutor(workers, mp_context=get_context("spawn")))
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)  # Ctrl-C: do not start what is queued
        return _gather(pool, load, len(tasks), arms, models, seed, advance)


def _gather(
    pool: Executor,
    load: LoadTasks,
    n: int,
    arms: Sequence[Arm],
    models: Models,
    seed: int,
    advance: Callable[[], None],
) -> list[ArmResult]:
    chunks = [(first, min(first + CHUNK, n)) for first in range(0, n, CHUNK)]
    with _children_without_sigint():
        parts = [pool.submit(_run_chunk, load, first, last, arms, models, seed) for first, last in chunks]
    results = [ArmResult(arm) for arm in arms]
    for (first, last), part in zip(chunks, parts, strict=True):
        for result, more in zip(results, part.result(), strict=True):
            result.cases += more.cases
            result.eq1 += more.eq1
        for _ in range(first, last):
            advance()
    return results


@contextmanager
def _children_without_sigint() -> Iterator[None]:
    """Processes started here never see Ctrl-C, which a terminal sends to all: this one stops them, and says so once."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


_loaded: dict[str, Sequence[Task]] = {}  # one process, one experiment: tasks are loaded once per worker


def _run_chunk(
    load: LoadTasks, first: int, last: int, arms: Sequence[Arm], models: Models, seed: int
) -> list[ArmResult]:
    key = repr(load)
    if key not in _loaded:
        _loaded[key] = load()
    return run_arms(_loaded[key][first:last], arms, models, seed)
