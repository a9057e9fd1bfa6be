"""Calls that fail, the same ones whatever the policy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.simulate.arrivals import ClosedLoop
from asyncfc_sim.simulate.durations import uniform
from asyncfc_sim.simulate.experiment import run_arms, simulate
from asyncfc_sim.simulate.faults import RateError, with_faults
from asyncfc_sim.simulate.fleet import Setup, run_fleet
from asyncfc_sim.simulate.reference import run_reference
from asyncfc_sim.simulate.study import Study
from tests.toy_tasks import SECONDS, calls, models, shows_all, task
from tests.toys import TOOLS

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


def test_whether_a_call_fails_says_nothing_of_how_long_it_takes():
    quick = {future for future in range(1, 41) if uniform(0, TOLD.name, future) < 0.3}
    assert failed(0.3) != quick, "durations and failures are drawn apart"


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


# Late calls: `Tool.timeout_s`. Whether a call is late depends on how long it waited for a worker. ------------------


def impatient(timeout_s: float) -> dict[str, Tool]:
    return {name: replace(tool, timeout_s=timeout_s) for name, tool in TOOLS.items()}


WRITTEN = (("pure", {"x": 1}), ("write", {"path": "a", "text": "x"}), ("read", {"path": "a"}), ("pure", {"x": Ref(1)}))


@pytest.mark.parametrize("failure", ["poison", "barrier", "strict"])
@pytest.mark.parametrize("timeout_s", [0.25, 0.625, 1.5, 8.0])
def test_late_calls_are_late_in_order_too_and_have_their_effects(failure: str, timeout_s: float):
    study = Study(failure=failure, graces=(0.0,))  # type: ignore[arg-type]
    told = task(shows_all(calls(*WRITTEN)), tools=impatient(timeout_s))
    results = run_arms([told], study.arms(), models(), 0)
    assert [case for result in results for case in result.different] == []
    values = simulate(told, study.arms()[0], models(), 0).values()
    late = [tool for future, (tool, _) in enumerate(WRITTEN, 1) if getattr(values.get(future), "kind", "") == "timeout"]
    assert late[:1] == [tool for tool, _ in WRITTEN if SECONDS[tool] > timeout_s][:1]


def test_a_call_that_waits_for_a_worker_may_be_late():
    """The time runs from the call's start: four calls of half a second, one worker, and a second's patience."""
    told = [task(calls(("read", {"path": "a"})), tools=impatient(1.25), name=f"case {n}") for n in range(4)]
    (sync, *_) = Study(policies=("sync",), messages=("call",)).arms()
    alone, shared = (
        run_fleet(told, sync, models(), Setup(ClosedLoop(4), capacity=capacity), 0)
        for capacity in ({}, {"read_time": 1})
    )
    assert [case.different for case in shared.cases] == [None] * 4
    latest = max(case.makespan_s for case in shared.cases)
    assert latest > max(case.makespan_s for case in alone.cases)
    # Who waits 1 s and more is given up at 1.25 s; the worker goes on with it until it has ended.
    assert sorted(shared.tool_waits_s) == pytest.approx([0.0, 0.5, 1.0, 1.5], abs=0.3)
