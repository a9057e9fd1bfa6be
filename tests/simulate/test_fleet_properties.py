"""Random conversations that share a server and workers: what is computed stays, and laws of time hold for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import get_args

from hypothesis import event, given, settings
from hypothesis import strategies as st

from asyncfc_sim.core.policy import Delivery
from asyncfc_sim.core.syntax import calls_in
from asyncfc_sim.simulate.arrivals import Arrivals, ClosedLoop, OpenLoop
from asyncfc_sim.simulate.batcher import Batcher
from asyncfc_sim.simulate.bound import bound
from asyncfc_sim.simulate.clock import Clock
from asyncfc_sim.simulate.driver import Simulation
from asyncfc_sim.simulate.experiment import Arm, simulate, simulation
from asyncfc_sim.simulate.faults import with_faults
from asyncfc_sim.simulate.fleet import Setup, run_fleet
from asyncfc_sim.simulate.prefix_cache import PrefixCache
from asyncfc_sim.simulate.reference import run_reference
from asyncfc_sim.simulate.site import Site
from asyncfc_sim.simulate.study import Study
from asyncfc_sim.simulate.tool_pools import ToolPools
from asyncfc_sim.workloads.workload import Task
from tests.toy_programs import toy_programs
from tests.toy_tasks import SECONDS, calls, later, models, task
from tests.toys import TOOLS

TIMED = models(decoder="llama2-70b-h100")
# Whether an irreversible call runs after a failure depends on what the model was told, and so on the policy.
REVERSIBLE = {**TOOLS, "send": replace(TOOLS["send"], irreversible=False)}
KINDS = tuple(f"{tool}_time" for tool in SECONDS)
ROUNDING_S = 1e-9
ARMS = [arm for arm in Study(graces=(0.0, 0.3, "auto")).arms() if arm.policy is not None]


@st.composite
def fleets(draw: st.DrawFn) -> list[Task]:
    tasks = []
    for number in range(draw(st.integers(1, 5))):
        first = draw(toy_programs())
        last = max((call.future for call in calls_in(first.body)), default=0)
        turns = (first, later(draw(toy_programs()), last)) if draw(st.booleans()) else (first,)
        tasks.append(task(*turns, tools=REVERSIBLE, name=f"case {number}"))
    return tasks


def setups(*, think: bool = False) -> st.SearchStrategy[Setup]:
    arrivals: st.SearchStrategy[Arrivals] = st.builds(ClosedLoop, st.integers(1, 5)) | st.builds(
        OpenLoop, st.sampled_from([0.05, 1.0, 50.0]), st.sampled_from([0.3, 1.0, 3.0])
    )
    return st.builds(
        Setup,
        arrivals,
        max_batch=st.integers(1, 4),
        cache_tokens=st.sampled_from([0, 30, 1000, inf]),
        capacity=st.dictionaries(st.sampled_from(KINDS), st.integers(1, 2), max_size=7),
        think_s=st.sampled_from([0.0, 2.5]) if think else st.just(0.0),
    )


@settings(max_examples=60)
@given(fleets(), st.sampled_from(ARMS), setups(think=True), st.sampled_from([0.0, 0.0, 0.3]))
def test_every_conversation_ends_as_in_order(told: list[Task], arm: Arm, setup: Setup, failures: float) -> None:
    result = run_fleet([with_faults(one, failures, 0) for one in told], arm, TIMED, setup, seed=0)
    assert [case for case in result.cases if case.different or case.gave_up] == []
    assert sum(case.requests for case in result.cases) >= result.load.requests
    event(f"a request waits: {result.queued_s > 0}")
    event(f"a call waits: {any(result.tool_waits_s)}")


@settings(max_examples=60)
@given(fleets(), st.sampled_from(ARMS), setups())
def test_sharing_beats_no_longest_path(told: list[Task], arm: Arm, setup: Setup) -> None:
    result = run_fleet(told, arm, TIMED, setup, seed=0)
    for one, case in zip(told, result.cases, strict=True):
        least = bound(one, run_reference(one), TIMED, 0, arm.messages, stream=arm.stream)
        assert case.makespan_s >= least.longest_path_s - ROUNDING_S


@settings(max_examples=40)
@given(fleets(), setups(), st.sampled_from(get_args(Delivery)))
def test_infinite_grace_gives_the_synchronous_transcripts(told: list[Task], setup: Setup, delivery: Delivery) -> None:
    """Whatever the others make it wait for."""
    study = Study(policies=("asyncfc",), graces=(inf,), delivery=delivery, messages=("turn",), dependence=("values",))
    sync, patient = study.arms()
    for one, run in zip(told, shared(told, patient, setup), strict=True):
        alone = simulate(one, sync, TIMED, 0)
        assert run.session.transcript.messages == alone.session.transcript.messages


def shared(told: Sequence[Task], arm: Arm, setup: Setup) -> list[Simulation]:
    """All of them at once, from the same moment."""
    clock = Clock()
    server = Batcher(clock, TIMED.decoder, max_batch=setup.max_batch, cache=PrefixCache(setup.cache_tokens))
    site = Site(clock, server, ToolPools(clock, setup.capacity))
    runs = [simulation(one, arm, TIMED, 0, site) for one in told]
    for run in runs:
        run.start()
    clock.run()
    return runs


def test_what_the_properties_speak_of_does_happen() -> None:
    """Requests wait, calls wait, and a conversation takes longer than alone."""
    told = [task(calls(*(("read", {"path": name}) for name in "abc")), name=f"case {number}") for number in range(4)]
    setup = Setup(ClosedLoop(4), max_batch=1, capacity={"read_time": 1})
    for arm in ARMS:
        result = run_fleet(told, arm, TIMED, setup, seed=0)
        alone = [simulate(one, arm, TIMED, 0).makespan_s for one in told]
        assert result.queued_s > 0
        assert sum(case.makespan_s for case in result.cases) > sum(alone)
    assert any(any(run_fleet(told, arm, TIMED, setup, seed=0).tool_waits_s) for arm in ARMS)
