"""The SimPy driver: what happens when, and what the trace says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest

from asyncfc_sim.core.policy import ASYNCFC, EARLY_START, SYNC, SYNC_PARALLEL, Policy
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.syntax import Branch, Call, Program
from asyncfc_sim.simulate.closed_form import IndependentCall, async_s, sync_parallel_s, sync_s
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.driver import Simulation
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.reference import difference, run_reference
from asyncfc_sim.workloads.workload import Task
from tests.toy_tasks import (
    DECODE_CALL_S,
    SECONDS,
    calls,
    durations,
    header,
    later,
    models,
    plain_decoder,
    program,
    task,
)
from tests.toys import TOOLS

PAPER = replace(ASYNCFC, grace_s=0.0, delivery="on_touch")
STRICT = replace(PAPER, failure="strict")
READ = ("read", {"path": "a"})
PURE = ("pure", {"x": 1})


@pytest.fixture
def plain(tmp_path: Path) -> Models:
    """Only calls take time to decode, half a second each; awaits, answers and prompts are free."""
    return Models(load_decoder(str(plain_decoder(tmp_path))), durations())


def run(toy: Task, policy: Policy, timed: Models, **more) -> Simulation:
    return Simulation(toy, policy, timed, header(policy.name), **more).run()


def moments(simulation: Simulation, rule: str) -> list[tuple[float, object]]:
    """When a rule was applied, and to which future (or futures, or turn)."""
    found = [event for event in simulation.recorder.run().events if event.rule == rule]
    subjects = ("future", "futures", "turn", "text")
    return [(event.t, next(event.fields[name] for name in subjects if name in event.fields)) for event in found]


def same_as_in_order(toy: Task, simulation: Simulation) -> bool:
    reference = run_reference(toy, simulation.policy.failure)
    return difference(reference, simulation.values(), simulation.world.state()) is None


# ----------------------------------------------------------------------------------------------- closed forms


INDEPENDENT = [("pure", 4.0), ("copy", 2.0), ("write", 1.0), ("read", 0.5), ("ls", 0.25)]
ARGS: dict[str, dict[str, Any]] = {
    "pure": {"x": 1},
    "copy": {"src": "b", "dst": "c"},
    "write": {"path": "d", "text": "x"},
    "read": {"path": "a"},
    "ls": {},
}


def independent(order: Sequence[tuple[str, float]]) -> tuple[Task, list[IndependentCall]]:
    """Calls that depend on nothing (nothing is declared to have effects), in one message."""
    tools = {name: replace(tool, effects=TOOLS["pure"].effects) for name, tool in TOOLS.items()}
    written = calls(*((name, ARGS[name]) for name, _ in order))
    return task(written, tools=tools), [IndependentCall(DECODE_CALL_S, seconds) for _, seconds in order]


def test_independent_calls_take_as_long_as_asynclm_says(plain: Models):
    assert {name: SECONDS[name] for name, _ in INDEPENDENT} == dict(INDEPENDENT)
    for order in (INDEPENDENT, INDEPENDENT[:1], INDEPENDENT[2:]):
        toy, formula = independent(order)
        times = {
            policy.name: run(toy, policy, plain, messages="turn").makespan_s
            for policy in (SYNC, SYNC_PARALLEL, EARLY_START, PAPER)
        }
        assert times == pytest.approx(
            {
                "sync": sync_s(formula),
                "sync_parallel": sync_parallel_s(formula),
                "early_start": async_s(formula),
                "asyncfc": async_s(formula),
            }
        )


def test_in_another_order_it_takes_longer_than_the_best(plain: Models):
    toy, formula = independent(INDEPENDENT[::-1])
    assert run(toy, PAPER, plain, messages="turn").makespan_s > async_s(formula)


# ------------------------------------------------------------------------------------------------- one by one


def test_a_synchronous_run_decodes_executes_and_decodes_again(plain: Models):
    simulation = run(task(calls(READ, PURE)), SYNC, plain)
    assert moments(simulation, "request") == [(0.0, 1), (1.0, 2), (5.5, 3)]
    assert moments(simulation, "start") == [(0.5, 1), (1.5, 2)]
    assert moments(simulation, "finish") == [(1.0, 1), (5.5, 2)]
    assert moments(simulation, "answer") == [(5.5, "(answer)")]
    assert simulation.makespan_s == 5.5


def test_with_futures_the_model_goes_on_while_tools_run(plain: Models):
    simulation = run(task(calls(PURE, READ)), PAPER, plain)
    assert moments(simulation, "request")[:3] == [(0.0, 1), (0.5, 2), (1.0, 3)]
    assert moments(simulation, "placeholder") == [(0.5, 1), (1.0, 2)]
    assert moments(simulation, "start") == [(0.5, 1), (1.0, 2)]
    assert moments(simulation, "finish") == [(1.5, 2), (4.5, 1)]
    assert moments(simulation, "touch") == [(4.5, [1, 2])]
    assert simulation.makespan_s == 4.5


def test_a_call_waits_for_its_arguments_and_for_calls_it_conflicts_with(plain: Models):
    chained = calls(PURE, ("pure", {"x": Ref(1)}), ("write", {"path": "a", "text": "x"}), READ)
    simulation = run(task(chained), PAPER, plain)
    assert moments(simulation, "start") == [(0.5, 1), (1.5, 3), (2.5, 4), (4.5, 2)]


def test_an_early_start_does_not_wait_for_the_end_of_the_message(plain: Models):
    toy = task(calls(PURE, READ, READ))
    assert moments(run(toy, EARLY_START, plain, messages="turn"), "start") == [(0.5, 1), (1.0, 2), (1.5, 3)]
    assert moments(run(toy, SYNC_PARALLEL, plain, messages="turn"), "start") == [(1.5, 1), (1.5, 2), (1.5, 3)]


def test_within_the_grace_a_value_comes_in_place(plain: Models):
    simulation = run(task(calls(READ, PURE)), replace(PAPER, grace_s=0.75), plain)
    assert moments(simulation, "placeholder") == [(2.25, 2)]
    assert moments(simulation, "deliver") == [(1.0, [1])]
    assert moments(simulation, "request")[1:3] == [(1.0, 2), (2.25, 3)]


def test_values_ride_along_when_idle(plain: Models):
    toy = task(calls(READ, PURE, PURE))
    simulation = run(toy, replace(PAPER, delivery="when_idle"), plain)
    assert moments(simulation, "deliver") == [(1.0, [1])]


def test_an_overhead_is_what_only_futures_cost():
    toy = task(calls(READ, READ))
    sync, free = (run(toy, policy, models(overhead=False)).makespan_s for policy in (SYNC, PAPER))
    assert free < sync
    assert run(toy, PAPER, models()).makespan_s > free
    assert models(overhead=False).turn_overhead_s == 0.0 < models().turn_overhead_s


# ------------------------------------------------------------------------------------------------------- turns


TWO_TURNS = (calls(READ, PURE), later(calls(("write", {"path": "a", "text": "x"}), READ, ("pure", {"x": Ref(2)})), 2))


@pytest.mark.parametrize("messages", ["call", "turn"])
@pytest.mark.parametrize("policy", [SYNC, PAPER])
def test_turns_follow_one_another_without_a_pause(policy: Policy, messages, plain: Models):
    toy = task(*TWO_TURNS)
    simulation = run(toy, policy, plain, messages=messages)
    (_, (second, _)) = moments(simulation, "user")
    answers = moments(simulation, "answer")
    assert [turn for _, turn in moments(simulation, "user")] == [1, 2]
    assert second == answers[0][0]
    assert len(answers) == 2
    assert same_as_in_order(toy, simulation)


def test_a_task_without_calls_is_only_an_answer(plain: Models):
    simulation = run(task(Program(())), PAPER, plain)
    assert [event.rule for event in simulation.recorder.run().events] == [
        "user",
        "request",
        "first_token",
        "message",
        "answer",
    ]


def test_numbers_differ_from_the_programs_after_a_branch_and_all_is_as_in_order(plain: Models):
    branching = program(
        Call(1, "read", {"path": "a"}),
        Branch(Ref(1), "no", (Call(2, "ls", {}),), (Call(3, "ls", {}),)),
        Call(4, "fail", {}),
        Call(5, "pure", {"x": Ref(4)}),
        Call(6, "pure", {"x": Ref(2)}),
    )
    for policy in (SYNC, PAPER):
        simulation = run(task(branching), policy, plain)
        assert set(simulation.values()) == {1, 3, 4, 5, 6}
        assert same_as_in_order(task(branching), simulation)


def test_two_calls_that_share_a_future_are_both_known_to_the_model(plain: Models):
    toy = task(calls(PURE, PURE, ("pure", {"x": Ref(2)})))
    simulation = run(toy, PAPER, plain, messages="turn")
    assert moments(simulation, "start") == [(0.5, 1), (4.5, 3)]
    assert simulation.gave_up is None
    assert same_as_in_order(toy, simulation)


# --------------------------------------------------------------------------------------------- what goes wrong


FAILING = (calls(("fail", {}), PURE, READ), later(calls(READ, ("pure", {"x": Ref(1)})), 3))


@pytest.mark.parametrize("messages", ["call", "turn"])
def test_strict_cuts_the_turn_off_and_the_next_is_as_in_order(messages, plain: Models):
    toy = task(*FAILING)
    simulation = run(toy, STRICT, plain, messages=messages)
    assert [future for _, future in moments(simulation, "cut")] == [1]
    assert set(simulation.values()) == {1, 4, 5}
    assert same_as_in_order(toy, simulation)


def test_a_tool_that_ends_after_it_was_cut_off_ends_in_the_trace(plain: Models):
    slow_failure = replace(plain, durations=durations({**SECONDS, "fail": 1.25}))
    toy = task(calls(("fail", {}), PURE))
    simulation = run(toy, STRICT, slow_failure)
    assert moments(simulation, "cut") == [(1.75, 1)]
    assert moments(simulation, "end") == [(5.0, 2)]
    assert simulation.makespan_s == 5.0


def test_what_was_being_written_is_interrupted(plain: Models):
    toy = task(calls(("fail", {}), PURE, PURE))
    simulation = run(toy, STRICT, plain, messages="turn")
    assert moments(simulation, "message")[0] == (0.625, 1)
    assert moments(simulation, "issue") == [(0.5, 1)]


@pytest.mark.parametrize("limit_s", [0.25, 8.0])
def test_a_call_that_runs_too_long_times_out(limit_s: float, plain: Models):
    tools = {**TOOLS, "write": replace(TOOLS["write"], timeout_s=limit_s)}
    simulation = run(task(calls(("write", {"path": "a", "text": "x"}), READ), tools=tools), PAPER, plain)
    if limit_s < SECONDS["write"]:
        assert moments(simulation, "timeout") == [(0.75, 1)]
        assert moments(simulation, "end") == [(1.5, 1)]
    else:
        assert moments(simulation, "timeout") == moments(simulation, "end") == []
    assert moments(simulation, "start")[1] == (1.5, 2), "in doubt or not, the key is held until the tool has ended"


def test_a_person_approves_at_once(plain: Models):
    tools = {**TOOLS, "read": replace(TOOLS["read"], approval=True)}
    toy = task(calls(READ), tools=tools)
    assert same_as_in_order(toy, run(toy, PAPER, plain))


def test_a_conversation_that_is_given_up_ends_there(plain: Models):
    toy = task(*TWO_TURNS)
    simulation = run(toy, replace(PAPER, max_requests=1), plain)
    assert simulation.gave_up == "no answer after 1 requests"
    assert len(moments(simulation, "user")) == 1
    assert moments(simulation, "finish") == [(4.5, 2)] or moments(simulation, "finish")


def test_a_conversation_given_up_as_it_is_cut_back_ends_there_too(plain: Models):
    toy = task(calls(("fail", {}), PURE, PURE))
    simulation = run(toy, replace(STRICT, max_requests=1), plain, messages="turn")
    assert simulation.gave_up is not None
    assert moments(simulation, "issue") == [(0.5, 1)]


# ------------------------------------------------------------------------------------------------ the same again


def test_the_same_seed_gives_the_same_events():
    random = Models(load_decoder("gpt-oss-120b-vllm"), load_durations("default"))
    toy = task(*TWO_TURNS)

    def events(seed: int):
        return run(toy, replace(PAPER, grace_s="auto"), random, seed=seed).recorder.run().events

    assert events(1) == events(1)
    assert events(1) != events(2)


def test_infinite_grace_is_the_synchronous_run_where_each_message_has_one_call():
    toy = task(*TWO_TURNS)
    sync, patient = (run(toy, policy, models()) for policy in (SYNC, replace(PAPER, grace_s=inf)))
    assert patient.session.transcript.messages == sync.session.transcript.messages
    # At one instant, a call is issued before its message has ended, not after.
    events = [sorted(one.recorder.run().events, key=lambda e: (e.t, e.rule)) for one in (sync, patient)]
    assert events[0] == events[1]
