"""The office as a set of assignments: each run has an office of its own, in SQLite on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from asyncfc_sim.workloads.task_set import Assignment, Stage, TaskSet

from .judge import expected, outcome
from .office import Office, office_file
from .tasks import OfficeTask, random_task
from .tools import office_tools


def assignments(n: int, seed: int) -> list[Assignment]:
    """The first `n` of this seed."""
    rng = np.random.default_rng(seed)
    return [assignment(f"office-{seed}-{number}", random_task(rng)) for number in range(1, n + 1)]


def assignment(id: str, task: OfficeTask) -> Assignment:
    """A task as an assignment: right if each answer is word for word the expert's, and so is what was done."""
    return Assignment(id, task.prompts, partial(_stage, task))


@contextmanager
def _stage(task: OfficeTask, folder: Path) -> Iterator[Stage]:
    def right(answers: Sequence[str]) -> bool:
        return outcome(tuple(answers), office) == expected(task)[0]

    with Office(office_file(folder)) as office:
        yield Stage(office_tools(office), right)


OFFICE = TaskSet("office", "an office: people, weather, rooms, messages, money", assignments)
