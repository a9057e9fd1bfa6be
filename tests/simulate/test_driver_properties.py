"""Random conversations under every policy: values as in order, traces without contradictions, times within bounds."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise
from math import inf
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.core.footprint import Footprint, indep, parse_pattern
from asyncfc_sim.core.policy import ASYNCFC, EARLY_START, SYNC, SYNC_PARALLEL, Delivery, Policy, policy_named
from asyncfc_sim.core.syntax import Program, calls_in
from asyncfc_sim.simulate.bound import bound
from asyncfc_sim.simulate.decoder import decoder_names, load_decoder
from asyncfc_sim.simulate.driver import Simulation
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.reference import difference, run_reference
from asyncfc_sim.simulate.script import Dependence, Messages
from asyncfc_sim.traces.timeline import busy
from asyncfc_sim.traces.trace import Run
from asyncfc_sim.workloads.workload import Task
from tests.dialogue import assert_protocol_valid
from tests.toy_programs import toy_programs
from tests.toy_tasks import calls, durations, header, later, models, task
from tests.toys import TOOLS

PAPER = replace(ASYNCFC, grace_s=0.0, delivery="on_touch")
# Whether an irreversible call runs after a failure depends on what the model was told, and so on the policy.
REVERSIBLE = {**TOOLS, "send": replace(TOOLS["send"], irreversible=False)}
ROUNDING_S = 1e-9

groupings = st.sampled_from(get_args(Messages))
dependences = st.sampled_from(get_args(Dependence))


def policies() -> st.SearchStrategy[Policy]:
    futures = st.builds(
        lambda grace, delivery: replace(ASYNCFC, grace_s=grace, delivery=delivery, max_requests=1000),
        st.sampled_from([0.0, 0.3, "auto", inf]),
        st.sampled_from(get_args(Delivery)),
    )
    bases = st.sampled_from([SYNC, SYNC_PARALLEL, EARLY_START]) | futures
    return st.builds(
        lambda base, most: replace(base, max_running=min(base.max_running, most)), bases, st.sampled_from([1, 2, 32])
    )


@st.composite
def tasks(draw: st.DrawFn, max_turns: int = 2) -> Task:
    programs: list[Program] = []
    for _ in range(draw(st.integers(1, max_turns))):
        last = max((call.future for written in programs for call in calls_in(written.body)), default=0)
        programs.append(later(draw(toy_programs()), last))
    return task(*programs, tools=REVERSIBLE)


def timings(*, overhead: bool = True) -> st.SearchStrategy[Models]:
    tools = st.sampled_from([durations(), load_durations("default")])
    return st.builds(
        Models, st.sampled_from([load_decoder(name) for name in decoder_names()]), tools, st.just(overhead)
    )


def run(toy: Task, policy: Policy, timed: Models, **more: Any) -> Simulation:
    return Simulation(toy, policy, timed, header(policy.name), **more).run()


@settings(max_examples=150)
@given(
    toy=tasks(), policy=policies(), timed=timings(), messages=groupings, dependence=dependences, seed=st.integers(0, 9)
)
def test_every_run_gives_what_running_in_order_gives(
    toy: Task, policy: Policy, timed: Models, messages: Messages, dependence: Dependence, seed: int
) -> None:
    # Shared failures have one origin where in order there would be two: everything else is the same.
    policy = replace(policy, duplicates="run")
    simulation = run(toy, policy, timed, messages=messages, dependence=dependence, seed=seed)
    assert simulation.gave_up is None
    assert difference(run_reference(toy), simulation.values(), simulation.world.state()) is None
    check_trace(simulation.recorder.run())
    assert_protocol_valid(simulation.session.transcript.messages[:-1])
    assert simulation.makespan_s >= sum(end - start for start, end in busy(simulation.recorder.events)[0]) - ROUNDING_S


@settings(max_examples=60)
@given(toy=tasks(), timed=timings(), messages=groupings, delivery=st.sampled_from(get_args(Delivery)))
def test_sharing_duplicates_changes_no_result(toy: Task, timed: Models, messages: Messages, delivery: Delivery) -> None:
    simulation = run(toy, replace(PAPER, delivery=delivery), timed, messages=messages)
    reference = run_reference(toy)
    assert simulation.gave_up is None
    assert simulation.world.state() == reference.state
    for future, value in reference.values.items():
        if isinstance(value, str | int | dict | list | None):
            assert simulation.values()[future] == value
        else:
            assert simulation.values()[future].kind == value.kind


@settings(max_examples=60)
@given(toy=tasks(), timed=timings(), messages=groupings, grace=st.sampled_from([0.0, "auto", inf]))
def test_strict_gives_what_stopping_at_the_first_failure_gives(
    toy: Task, timed: Models, messages: Messages, grace: Any
) -> None:
    policy = replace(PAPER, failure="strict", grace_s=grace, duplicates="run")
    simulation = run(toy, policy, timed, messages=messages)
    assert difference(run_reference(toy, "strict"), simulation.values(), simulation.world.state()) is None
    check_trace(simulation.recorder.run())


def check_trace(trace: Run) -> None:
    """What must hold of any trace: one decoder, calls after their issue, conflicting calls one after the other."""
    decoding, _ = busy(trace.events)
    assert all(first[1] <= second[0] for first, second in pairwise(decoding))
    issued: dict[int, float] = {}
    started: dict[int, float] = {}
    ended: dict[int, float] = {}
    footprints: dict[int, Footprint] = {}
    answered: set[int] = set()
    given_up: set[int] = set()
    for t, rule, fields in trace.events:
        match rule:
            case "issue":
                assert fields["future"] not in issued
                issued[fields["future"]] = t
            case "start":
                assert fields["future"] not in started
                assert issued[fields["future"]] <= t
                started[fields["future"]] = t
                reads, writes = (tuple(map(parse_pattern, fields[name])) for name in ("reads", "writes"))
                footprints[fields["future"]] = Footprint(reads, writes)
            case "finish" | "fail":
                assert fields["future"] not in answered
                answered.add(fields["future"])
                if fields["future"] in started and fields["future"] not in given_up:
                    ended[fields["future"]] = t
            case "cancel" | "timeout":
                given_up.add(fields["future"])
            case "end":
                ended[fields["future"]] = t
            case "touch" | "deliver":
                assert set(fields["futures"]) <= answered, "shown before it was there"
    assert started.keys() == ended.keys()
    for one, two in combinations(sorted(started), 2):
        if not indep(footprints[one], footprints[two]):
            assert ended[one] <= started[two], f"$f{one} and $f{two} conflict, and overlap or are out of order"


@settings(max_examples=100)
@given(toy=tasks(), timed=timings(overhead=False), dependence=dependences, seed=st.integers(0, 9))
def test_futures_that_cost_nothing_never_lose(toy: Task, timed: Models, dependence: Dependence, seed: int) -> None:
    """L1 of formal.md 1.10, and the bound below it. (To share a duplicate is to run less, and may beat the bound.)"""
    sync = run(toy, SYNC, timed, seed=seed)
    least = bound(toy, run_reference(toy), timed, seed, "call").longest_path_s
    for duplicates in ("share", "run"):
        paper = run(
            toy,
            policy_named("asyncfc", grace_s=0.0, delivery="on_touch", duplicates=duplicates),
            timed,
            dependence=dependence,
            seed=seed,
        )
        assert paper.makespan_s <= sync.makespan_s + ROUNDING_S
        assert least <= paper.makespan_s + ROUNDING_S or duplicates == "share"


@settings(max_examples=60)
@given(toy=tasks(), timed=timings(), delivery=st.sampled_from(get_args(Delivery)), seed=st.integers(0, 9))
def test_infinite_grace_is_the_synchronous_run(toy: Task, timed: Models, delivery: Delivery, seed: int) -> None:
    """Call by call also in time: there is nothing to overlap."""
    patient = replace(ASYNCFC, grace_s=inf, delivery=delivery)
    for messages in get_args(Messages):
        sync, late = (run(toy, policy, timed, seed=seed, messages=messages) for policy in (SYNC, patient))
        assert late.session.transcript.messages == sync.session.transcript.messages
        if messages == "call":
            assert late.makespan_s == pytest.approx(sync.makespan_s)
        else:
            assert late.makespan_s <= sync.makespan_s + ROUNDING_S


@settings(max_examples=30)
@given(toy=tasks(), policy=policies(), timed=timings(), messages=groupings, seed=st.integers(0, 9))
def test_the_same_seed_gives_the_same_events(
    toy: Task, policy: Policy, timed: Models, messages: Messages, seed: int
) -> None:
    first, again = (run(toy, policy, timed, messages=messages, seed=seed) for _ in range(2))
    assert first.recorder.run() == again.recorder.run()
    assert first.session.transcript.messages == again.session.transcript.messages


def test_what_the_properties_speak_of_does_happen() -> None:
    busy_task = task(calls(("pure", {"x": 1}), ("append", {"path": "a", "text": "x"}), ("read", {"path": "a"})))
    rules = [event.rule for event in run(busy_task, PAPER, models()).recorder.run().events]
    assert {"placeholder", "touch", "issue", "start", "finish", "request", "message", "answer"} <= set(rules)
    decoding, running = busy(run(busy_task, PAPER, models()).recorder.events)
    overlaps = [one for one in running for other in decoding if one[0] < other[1] and other[0] < one[1]]
    assert overlaps, "some tool runs while the model writes"
    events = run(busy_task, PAPER, models(), messages="turn").recorder.run().events
    issued, started = ({e.fields["future"]: e.t for e in events if e.rule == rule} for rule in ("issue", "start"))
    assert started[3] > issued[3], "some call waits for one that it conflicts with"
    idle = replace(PAPER, delivery="when_idle")
    assert any(rule == "deliver" for _, rule, _ in run(busy_task, idle, models()).recorder.events)


def test_the_checks_of_traces_find_faults() -> None:
    """Footprints ignored, the same run contradicts what the tools say of themselves."""
    blind = {name: replace(tool, effects=TOOLS["pure"].effects) for name, tool in TOOLS.items()}
    conflicting = calls(("write", {"path": "a", "text": "x"}), ("read", {"path": "a"}))
    trace = run(task(conflicting, tools=blind), PAPER, models()).recorder.run()
    declared = run(task(conflicting), PAPER, models()).recorder.run()
    footprints = {e.fields["future"]: e.fields for e in declared.events if e.rule == "start"}
    events = tuple(
        e._replace(
            fields={
                **e.fields,
                "reads": footprints[e.fields["future"]]["reads"],
                "writes": footprints[e.fields["future"]]["writes"],
            }
        )
        if e.rule == "start"
        else e
        for e in trace.events
    )
    check_trace(declared)
    with pytest.raises(AssertionError, match="conflict"):
        check_trace(Run(trace.header, events))
