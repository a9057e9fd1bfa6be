"""Sets of assignments for agents on real tools: what users say, a world of its own for each run, and a judge of it.

A set is a module with a function `assignments(n, seed)`, which gives the first n: the same ones for the same seed, and
the first 50 of 100 are those of 50. A set that was written by hand has an end, and gives no more than it has. It is
found by its name in `task_set`.

    for task in task_set("office").assignments(3, seed=0):
        with task.stage(empty_folder) as stage:
            run = Agent(..., tools=stage.tools).run_sync(*task.prompts)
            right = stage.judge(run.outputs)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SETS = ("office", "repos")  # those that `task_set` knows


class TaskSetError(ValueError):
    """There is no set of this name; the message names those that there are."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The world of one run. `tools` are functions that act on it, with their footprints (@tool).

    `judge` is given the answers, one for each prompt, once the run is over, and says whether they and what was done to
    the world are right; None where nobody can say.
    """

    tools: Sequence[Callable[..., Any]]
    judge: Callable[[Sequence[str]], bool | None]


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a user wants, prompt by prompt. `stage` makes a fresh world in an empty folder, which is there as long as it
    is in use; several runs may each have one at a time."""

    id: str
    prompts: tuple[str, ...]
    stage: Callable[[Path], AbstractContextManager[Stage]]


@dataclass(frozen=True, slots=True)
class TaskSet:
    """A set by its name, and in a line what it is."""

    name: str
    about: str
    assignments: Callable[[int, int], Sequence[Assignment]]


def task_set(name: str) -> TaskSet:
    """The set of this name. Raises TaskSetError."""
    match name:
        case "office":
            from .office.assignments import OFFICE

            return OFFICE
        case "repos":
            from .repos.assignments import REPOS

            return REPOS
    raise TaskSetError(f"there is no set of tasks {name!r}; there are: {', '.join(SETS)}")
