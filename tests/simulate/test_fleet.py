"""Many conversations at once: nothing they compute changes, only how long they wait for one another."""

from __future__ import annotations

from math import inf

import pytest

from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.syntax import Call, Program
from asyncfc_sim.simulate.arrivals import ArrivalsError, ClosedLoop, OpenLoop, Replayed
from asyncfc_sim.simulate.experiment import Arm, run_arms
from asyncfc_sim.simulate.fleet import FleetResult, Setup, run_fleet
from asyncfc_sim.simulate.study import Study
from asyncfc_sim.workloads.workload import Task
from tests.toy_tasks import calls, models, shows_all, task

CHAIN = calls(*(("read", {"path": name}) for name in "abcd"))
ARMS = [
    arm for arm in Study(policies=("sync", "early_start", "asyncfc", "interrupt"), graces=(0.0,)).arms() if arm.policy
]


def two_turns(n: int) -> list[Task]:
    """Conversations of two turns, the futures of the second numbered on."""
    second = Program(
        tuple(Call(call.future + 4, call.tool, call.args) for call in CHAIN.body if isinstance(call, Call))
    )
    return [task(shows_all(CHAIN), shows_all(second), name=f"case {number}") for number in range(n)]


def run(arm: Arm, setup: Setup, n: int = 12, decoder: str = "llama2-70b-h100") -> FleetResult:
    return run_fleet(two_turns(n), arm, models(decoder=decoder), setup, seed=0)


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: f"{arm.label} {arm.messages} {arm.dependence}")
def test_one_agent_at_a_time_is_each_on_its_own(arm: Arm):
    result = run(arm, Setup(ClosedLoop(1)))
    (alone,) = run_arms(two_turns(12), [arm], models(decoder="llama2-70b-h100"), 0)
    for case, own in zip(result.cases, alone.cases, strict=True):
        assert case.makespan_s == pytest.approx(own.makespan_s, abs=1e-9)
    assert result.begun_s[3] == pytest.approx(sum(case.makespan_s for case in result.cases[:3]))


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: f"{arm.label} {arm.messages} {arm.dependence}")
def test_sharing_changes_no_value_and_no_world(arm: Arm):
    for setup in (
        Setup(ClosedLoop(12), max_batch=2, capacity={"read_time": 1}),
        Setup(OpenLoop(2.0, 0.5), cache_tokens=50),
    ):
        result = run(arm, setup)
        assert [case for case in result.cases if case.different or case.gave_up] == []


def test_a_busy_server_makes_everybody_slower_and_a_schedule_may_then_lose():
    """Futures ask the server more often: where it is what all wait for, that may cost more than overlap saves."""
    quiet, busy = Setup(ClosedLoop(1)), Setup(ClosedLoop(12), max_batch=1)
    sync, always = (next(arm for arm in ARMS if arm.label == name) for name in ("sync", "asyncfc grace=0"))
    speedup = {}
    for name, setup in (("quiet", quiet), ("busy", busy)):
        totals = [sum(case.makespan_s for case in run(arm, setup).cases) for arm in (sync, always)]
        speedup[name] = totals[0] / totals[1]
    assert run(sync, busy).queued_s > 0 == run(sync, quiet).queued_s
    assert speedup["busy"] < speedup["quiet"]


def test_a_small_prefix_cache_costs_time_and_rewriting_more():
    roomy, tight = (run(ARMS[0], Setup(ClosedLoop(4), cache_tokens=n), decoder="claude-opus-4.5") for n in (inf, 100))
    assert tight.hit_rate < roomy.hit_rate
    assert sum(case.makespan_s for case in tight.cases) > sum(case.makespan_s for case in roomy.cases)
    rates = {}
    for delivery in ("when_idle", "rewrite"):
        study = Study(policies=("asyncfc",), graces=(0.0,), delivery=delivery, dependence=("values",))
        rates[delivery] = run(study.arms()[1], Setup(ClosedLoop(4))).hit_rate
    assert rates["rewrite"] < rates["when_idle"]


def test_a_user_who_thinks_is_not_counted_to_the_conversation_but_between_its_turns():
    (sync, *_) = ARMS
    hasty, slow = run(sync, Setup(ClosedLoop(1))), run(sync, Setup(ClosedLoop(1), think_s=10.0))
    for one, other in zip(hasty.cases, slow.cases, strict=True):
        assert other.makespan_s == pytest.approx(one.makespan_s + 10.0)
    assert slow.begun_s[1] == pytest.approx(slow.cases[0].makespan_s + 2 * 10.0), "before its answer ends, and the next"


def test_the_same_seed_is_the_same_fleet_and_every_arm_meets_the_same_arrivals():
    setup = Setup(OpenLoop(1.0))
    assert run(ARMS[0], setup) == run(ARMS[0], setup)
    begun = {tuple(run(arm, setup).begun_s) for arm in ARMS}
    assert len(begun) == 1
    assert run(ARMS[0], setup).makespan_s > 0


@pytest.mark.parametrize(
    ("setup", "words"),
    [
        (Setup(ClosedLoop(0)), "at least one"),
        (Setup(OpenLoop(0.0)), "above zero"),
        (Setup(OpenLoop(1.0, -1.0)), "above zero"),
        (Setup(Replayed()), "nothing says when it began"),
        (Setup(ClosedLoop(1), max_batch=0), "at least one request"),
        (Setup(ClosedLoop(1), think_s=inf), "expected 0 to"),
    ],
)
def test_what_cannot_be_is_refused(setup: Setup, words: str):
    with pytest.raises(ArrivalsError, match=words):
        run(ARMS[0], setup, 2)


@pytest.mark.parametrize("arm", [arm for arm in ARMS if arm.dependence == "values"], ids=lambda arm: arm.label)
def test_a_call_that_waits_for_another_holds_no_worker(arm: Arm):
    """One worker, and calls that each need the one before, all issued at once: none would run if waiting took it."""
    chained = calls(("pure", {"x": 0}), *(("pure", {"x": Ref(number)}) for number in range(1, 6)))
    told = [task(shows_all(chained), name=f"case {number}") for number in range(3)]
    result = run_fleet(told, arm, models(), Setup(ClosedLoop(3), capacity={"pure_time": 1}), seed=0)
    assert [case.different for case in result.cases] == [None, None, None]
    assert len(result.tool_waits_s) == 18
    assert result.makespan_s >= 18 * 4.0, "the worker is the bottleneck: 18 calls of 4 s"
    assert any(wait_s > 0 for wait_s in result.tool_waits_s)
