"""The repositories as a set of assignments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from asyncfc_sim.tools.errors import MissingDependency
from asyncfc_sim.workloads.task_set import Assignment, Stage, TaskSet

from .judge import is_mended
from .repository import Repository, repositories, write_files
from .tools import repo_tools


def assignment(repository: Repository) -> Assignment:
    return Assignment(repository.name, (repository.prompt,), partial(_stage, repository))


@contextmanager
def _stage(repository: Repository, folder: Path) -> Iterator[Stage]:
    if find_spec("pytest") is None:
        raise MissingDependency("the task set repos runs pytest, which is not installed: pip install pytest")
    write_files(repository.files, folder)
    yield Stage(repo_tools(folder), lambda answers: is_mended(repository, folder))


def assignments(n: int, seed: int) -> list[Assignment]:
    """The first n of them, or all if there are fewer; they were written by hand, so the seed changes nothing."""
    return [assignment(repository) for repository in list(repositories().values())[:n]]


REPOS = TaskSet(
    "repos",
    f"{len(repositories())} small repositories with bugs, to be found and mended; real files, real runs of pytest",
    assignments,
)
