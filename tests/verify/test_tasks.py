"""Whole conversations: every schedule of every turn on the real tool classes (all 800: `asyncfc check bfcl`)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asyncfc_sim.core.footprint import Declaration
from asyncfc_sim.verify.tasks import check_task
from asyncfc_sim.workloads.bfcl import load
from asyncfc_sim.workloads.workload import Task

pytest.importorskip("bfcl_eval", reason="bfcl-eval is not installed (make setup installs it)")
pytest.importorskip("mpmath", reason="mpmath is not installed")


def undeclared_effects(task: Task) -> Task:
    """The same task, with tools that say they touch nothing."""
    return replace(task, tools={name: replace(tool, effects=Declaration()) for name, tool in task.tools.items()})


@pytest.mark.parametrize("failure", ["poison", "barrier", "strict"])
def test_every_schedule_of_every_turn_is_as_in_order(failure) -> None:
    checked = [check_task(task, failure=failure) for task in load("base", 40)]
    assert [each.differing for each in checked if each.differing] == []
    assert sum(each.sampled for each in checked) == 0  # all of them, none left to chance
    assert sum(each.states for each in checked) > 2 * sum(each.calls for each in checked)


def test_with_the_footprints_forgotten_some_turns_differ() -> None:
    tasks = load("base", 40)
    differing = [each for task in tasks if (each := check_task(undeclared_effects(task))).differing]
    assert len(differing) > 10
    number, schedule = differing[0].differing[0]
    assert number >= 1
    assert schedule.startswith("d ")


def test_a_turn_with_too_many_states_is_sampled_and_it_says_so() -> None:
    checked = check_task(load("base", 1)[0], limit=2, schedules=5)
    assert checked.sampled > 0
    assert checked.differing == ()
