"""Calls that fail, the same ones whatever the policy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.simulate.experiment import run_arms
from asyncfc_sim.simulate.faults import RateError, with_faults
from asyncfc_sim.simulate.reference import run_reference
from asyncfc_sim.simulate.study import Study
from tests.toy_tasks import calls, models, shows_all, task

TOLD = task(shows_all(calls(*(("write", {"path": str(n), "text": "x"}) for n in range(40)))))


def failed(rate: float, seed: int = 0) -> set[int]:
    values = run_reference(with_faults(TOLD, rate, seed)).values
    return {future for future, value in values.items() if isinstance(value, ErrorValue)}


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 5))
def test_what_fails_at_a_rate_fails_at_any_higher_one(one: float, other: float, seed: int):
    low, high = sorted((one, other))
    assert failed(low, seed) <= failed(high, seed)


def test_none_fails_at_none_and_all_at_one():
    assert failed(0.0) == set()
    assert failed(1.0) == set(range(1, 41))
    assert 0 < len(failed(0.3)) < 40
    assert failed(0.3, 0) != failed(0.3, 1)


def test_a_call_that_fails_has_no_effect():
    world = with_faults(TOLD, 1.0, 0).make_world()
    before = world.state()
    assert isinstance(world.call(1, "write", {"path": "a", "text": "x"}), ErrorValue)
    assert world.copy().state() == before


@pytest.mark.parametrize("failure", ["poison", "barrier", "strict"])
def test_every_policy_meets_the_same_failures_and_ends_as_in_order(failure: str):
    told = [with_faults(TOLD, 0.2, seed) for seed in range(3)]
    study = Study(failure=failure)  # type: ignore[arg-type]
    results = run_arms(told, study.arms(), models(), 0)
    assert [case for result in results for case in result.different] == []


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_a_rate_is_a_chance(rate: float):
    with pytest.raises(RateError, match="between 0 and 1"):
        with_faults(TOLD, rate, 0)
