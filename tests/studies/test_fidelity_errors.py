"""Errors, noise, the order of policies, goals: on numbers that can be checked by hand."""

from __future__ import annotations

import pytest

from asyncfc_sim.studies.fidelity_errors import Spread, goals, noise, ranking, spread


def test_errors_are_summed_up_by_their_size_and_by_their_sign() -> None:
    found = spread([-0.1, 0.02, 0.0, -0.04])
    assert found is not None
    assert found.n == 4
    assert found.median == pytest.approx(0.03)
    assert found.bias == pytest.approx(-0.02)
    assert spread([]) is None


def test_noise_is_of_the_same_task_in_two_rounds() -> None:
    found = noise([{1: 1.0, 2: 2.0}, {1: 1.1, 2: 2.0, 3: 9.0}])
    assert found is not None
    assert found.n == 2
    assert found.median == pytest.approx(0.05)
    assert noise([{1: 1.0}]) is None


TASKS = range(10)


def table(**seconds: float) -> dict[str, dict[int, float]]:
    return {policy: {task: mean + 0.01 * task for task in TASKS} for policy, mean in seconds.items()}


def test_an_order_is_right_if_what_can_be_told_apart_is_predicted_so() -> None:
    right = ranking(table(a=1, b=2, c=3), table(a=1.5, b=2.5, c=2.6), 0)
    assert right is not None
    assert (right.right, right.same, right.measured) == (True, True, ("a", "b", "c"))
    wrong = ranking(table(a=1, b=2), table(a=2, b=1), 0)
    assert wrong is not None
    assert (wrong.right, wrong.same) == (False, False)


def test_what_cannot_be_told_apart_may_be_predicted_either_way() -> None:
    measured = table(a=1, b=1)
    measured["b"] = {task: 1 + 0.01 * task + (0.5 if task % 2 else -0.49) for task in TASKS}
    order = ranking(measured, table(a=2, b=1), 0)
    assert order is not None
    assert not order.pairs[0].resolved
    assert (order.right, order.same) == (None, False)
    assert goals({}, {}, None, order)[2].met is None, "nothing was shown by it"


def test_tasks_that_not_all_have_answered_are_left_out_and_none_is_no_order() -> None:
    assert ranking({"a": {1: 1.0}, "b": {2: 1.0}}, {"a": {1: 1.0}, "b": {2: 1.0}}, 0) is None


def of(median: float, p90: float) -> Spread:
    return Spread(10, median, p90, 0.0)


def test_goals_are_of_the_policy_that_is_furthest_and_no_better_than_the_noise() -> None:
    order = ranking(table(a=1, b=2), table(a=1, b=2), 0)
    good = goals({"a": of(0.01, 0.05), "b": of(0.02, 0.07)}, {"a": of(0.1, 0.2)}, of(0.01, 0.02), order)
    assert [goal.met for goal in good] == [True, True, True, True]
    assert good[0].found == pytest.approx(0.02)
    noisy = goals({"a": of(0.01, 0.15)}, {"a": of(0.11, 0.2)}, of(0.05, 0.2), order)
    assert [goal.met for goal in noisy] == [True, True, True, False]
    median = goals({"a": of(0.06, 0.15)}, {"a": of(0.09, 0.2)}, of(0.05, 0.2), order)
    assert [goal.met for goal in median] == [False, True, True, True]
    quiet = goals({"a": of(0.05, 0.15)}, {"a": of(0.09, 0.2)}, of(0.05, 0.2).of_means(4), order)
    assert [goal.met for goal in quiet] == [False, False, True, True], "means over runs have less of it"
    assert [goal.met for goal in goals({"a": None}, {"a": None}, None, None)] == [None, None, None, None]
