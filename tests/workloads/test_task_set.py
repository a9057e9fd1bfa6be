"""Sets of assignments: they follow from a seed, each run has a world of its own, and a judge that can say no."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from asyncfc_sim.workloads.office.assignments import assignment
from asyncfc_sim.workloads.office.judge import expected
from asyncfc_sim.workloads.office.tasks import OfficeTask, random_task
from asyncfc_sim.workloads.task_set import Assignment, TaskSetError, task_set


def done(task: OfficeTask, given: Assignment, folder: Path, answers: tuple[str, ...] | None = None) -> bool | None:
    """What the judge says once the right calls were made, and the right answers given if no others are."""
    right, calls = expected(task)
    with given.stage(folder) as stage:
        tools = {tool.__name__: tool for tool in stage.tools}
        for tool, args in calls:
            with suppress(LookupError, ValueError):
                tools[tool](**args)
        return stage.judge(answers or right.answers)


def a_task(seed: int) -> OfficeTask:
    return random_task(np.random.default_rng(seed))


def test_a_set_follows_from_its_seed_and_grows_at_its_end() -> None:
    office = task_set("office")
    few, more = office.assignments(5, 1), office.assignments(8, 1)
    assert [task.prompts for task in few] == [task.prompts for task in more[:5]]
    assert len({task.id for task in more}) == 8
    assert [task.prompts for task in few] != [task.prompts for task in office.assignments(5, 2)]


def test_what_is_right_is_judged_right_in_each_of_several_worlds(tmp_path: Path) -> None:
    for number in range(20):
        task = a_task(number)
        for copy in ("a", "b"):
            folder = tmp_path / f"{number}{copy}"
            folder.mkdir()
            assert done(task, assignment("x", task), folder) is True


def test_a_wrong_answer_and_an_act_too_few_are_judged_wrong(tmp_path: Path) -> None:
    task = next(task for task in map(a_task, range(50)) if expected(task)[0].messages)
    given = assignment("x", task)
    right, _ = expected(task)
    assert done(task, given, tmp_path, answers=("no", *right.answers[1:])) is False
    folder = tmp_path / "untouched"
    folder.mkdir()
    with given.stage(folder) as stage:
        assert stage.judge(right.answers) is False


def test_a_set_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(TaskSetError, match="'offices'; there are: office"):
        task_set("offices")
