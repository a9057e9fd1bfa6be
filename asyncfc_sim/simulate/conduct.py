"""A study from its tasks to its rows: every arm run, with progress on stderr, summed up, and what that rests on."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from asyncfc_sim.report.console import progress
from asyncfc_sim.workloads.workload import Task

from .assumptions import assumptions
from .experiment import ArmResult, Row, summarise_arms
from .models import Models
from .parallel import LoadTasks, run_in_processes, run_on
from .study import Study


@dataclass(frozen=True, slots=True)
class Findings:
    """What came out of a study: the arms case by case, a row for each, and what they rest on."""

    study: Study
    models: Models
    results: Sequence[ArmResult]
    rows: Sequence[Row]
    notes: Sequence[str]

    @property
    def different(self) -> int:
        """How many runs differ from running in order."""
        return sum(row.different for row in self.rows)


def conduct(
    tasks: Sequence[Task],
    load: LoadTasks,
    study: Study,
    models: Models,
    seed: int,
    *,
    executor: Executor | None = None,
    notes: Sequence[str] = (),
    quiet: bool = False,
) -> Findings:
    """Run all arms of `study` on all tasks: on `executor`, or else on processes if there are many tasks.

    Workers get the tasks by `load`. `notes` are what the tasks rest on.
    """
    arms = study.arms()
    with progress(f"simulating {len(tasks)} conversations", len(tasks), quiet=quiet) as advance:
        if executor is not None:
            results = run_on(executor, tasks, load, arms, models, seed, advance)
        else:
            results = run_in_processes(tasks, load, arms, models, seed, advance)
    recorded = any(task.recorded is not None for task in tasks)
    notes = [*assumptions(models, study.delivery, results, recorded=recorded), *notes]
    return Findings(study, models, results, summarise_arms(results, seed), notes)
