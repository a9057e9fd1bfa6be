"""An experiment spread over any `concurrent.futures.Executor`: processes, threads, a cluster.

The results do not depend on which, nor on how many workers it has: every case has its own random numbers, and parts
are put together in the order of the cases.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from asyncfc_sim.workloads.processes import ProcessPool, workers_or_all
from asyncfc_sim.workloads.workload import Task

from .experiment import Arm, ArmResult, run_arms
from .models import Models

R = TypeVar("R")

CHUNK = 10  # tasks: enough work to outweigh starting it, few enough for progress to show
WORTH_IT = 100  # tasks below which starting processes costs more than it saves
AHEAD = 1000  # jobs handed to an executor at a time: enough for a cluster, few enough to be cancelled at once

# Loads all tasks of the experiment. It must be picklable: a module's function, or a `partial` of one.
LoadTasks = Callable[[], Sequence[Task]]


class WorkloadDiffers(ValueError):
    """A worker does not load what the process that asks has loaded."""


class Serial(Executor):
    """This process, at once: the work is done when `submit` returns."""

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        future: Future[R] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def completed(executor: Executor, jobs: Iterable[Callable[[], R]]) -> Generator[tuple[int, R], None, None]:
    """The number of each job with its result, as they come. Jobs still waiting when the consumer leaves are cancelled.

    Raises what a job raises, and ChildProcessError where workers are lost.
    """
    done: SimpleQueue[Future[R]] = SimpleQueue()
    numbers: dict[Future[R], int] = {}
    try:
        for number, job in enumerate(jobs):
            future = executor.submit(job)
            numbers[future] = number
            future.add_done_callback(done.put)
            while len(numbers) >= AHEAD or not done.empty():
                yield _taken(done, numbers)
        while numbers:
            yield _taken(done, numbers)
    except (BrokenExecutor, CancelledError) as error:
        raise ChildProcessError("workers ended before their work: killed, out of memory or cut off") from error
    finally:
        for future in numbers:
            future.cancel()


def _taken(done: SimpleQueue[Future[R]], numbers: dict[Future[R], int]) -> tuple[int, R]:
    future = done.get()
    return numbers.pop(future), future.result()


@dataclass(frozen=True, slots=True)
class Source:
    """How workers get the tasks of an experiment: each loads them once, and makes sure that they are the same.

    `token` tells experiments apart, since the workers of a cluster outlive them; `digest` is that of the tasks.
    """

    load: LoadTasks
    token: str
    digest: str

    def tasks(self) -> Sequence[Task]:
        """The tasks, in whatever process this is. Raises WorkloadDiffers."""
        held = _held.get(self.token)
        if held is None:
            held = self.load()
            if digest(held) != self.digest:
                raise WorkloadDiffers("a worker reads other tasks than this process: other files, or other versions")
            _hold(self.token, held)
        return held


_held: dict[str, Sequence[Task]] = {}  # the tasks of the last experiment that this process worked for


def _hold(token: str, tasks: Sequence[Task]) -> None:
    _held.clear()
    _held[token] = tasks


def source(tasks: Sequence[Task], load: LoadTasks) -> Source:
    """The source of `tasks`, which this process has already, and others get by `load`."""
    made = Source(load, secrets.token_hex(16), digest(tasks))
    _hold(made.token, tasks)
    return made


def digest(tasks: Sequence[Task]) -> str:
    """A digest of what decides the results of tasks, but for their worlds: the same in every process."""
    parts = [
        (task.name, task.turns, sorted(task.tools), sorted(task.kinds.items()), task.preamble_chars, task.recorded)
        for task in tasks
    ]
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def run_on(
    executor: Executor,
    tasks: Sequence[Task],
    load: LoadTasks,
    arms: Sequence[Arm],
    models: Models,
    seed: int,
    advance: Callable[[], None] = lambda: None,
) -> list[ArmResult]:
    """What `run_arms` gives, from the workers of `executor`, which get `tasks` by `load`.

    `advance` is called once for each task that is done.
    """
    given = source(tasks, load)
    chunks = [range(first, min(first + CHUNK, len(tasks))) for first in range(0, len(tasks), CHUNK)]
    parts: dict[int, list[ArmResult]] = {}
    for number, part in completed(
        executor, [partial(_run_chunk, given, chunk, arms, models, seed) for chunk in chunks]
    ):
        parts[number] = part
        for _ in chunks[number]:
            advance()
    return joined(arms, [parts[number] for number in range(len(chunks))])


def _run_chunk(given: Source, chunk: range, arms: Sequence[Arm], models: Models, seed: int) -> list[ArmResult]:
    return run_arms(given.tasks()[chunk.start : chunk.stop], arms, models, seed)


def joined(arms: Sequence[Arm], parts: Sequence[Sequence[ArmResult]]) -> list[ArmResult]:
    """Results of consecutive cases as one, in the order given."""
    results = [ArmResult(arm) for arm in arms]
    for part in parts:
        for result, more in zip(results, part, strict=True):
            result.cases += more.cases
            result.eq1 += more.eq1
    return results


def run_in_processes(
    tasks: Sequence[Task],
    load: LoadTasks,
    arms: Sequence[Arm],
    models: Models,
    seed: int,
    advance: Callable[[], None],
    workers: int | None = None,
) -> list[ArmResult]:
    """`run_on` processes, by default one per CPU; with one worker, or few tasks, in this process."""
    workers = workers_or_all(workers)
    if workers == 1 or len(tasks) < WORTH_IT:
        return run_arms(tasks, arms, models, seed, advance)
    with ProcessPool(workers) as pool:
        return run_on(pool, tasks, load, arms, models, seed, advance)
