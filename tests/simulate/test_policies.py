"""The policies of other systems over the same scheduler, and a model that awaits too often."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.syntax import Call, Done, Touch
from asyncfc_sim.simulate import closed_form
from asyncfc_sim.simulate.bound import bound
from asyncfc_sim.simulate.closed_form import IndependentCall
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.driver import Simulation
from asyncfc_sim.simulate.experiment import Arm, run_arms, simulate
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.reference import run_reference
from asyncfc_sim.simulate.study import Study
from asyncfc_sim.workloads.recorded_times import Recorded, RecordedMessage, RecordedPart
from asyncfc_sim.workloads.workload import Task
from tests.toy_tasks import calls, durations, models, plain_decoder, program, shows_all, task

THREE = calls(("read", {"path": "a"}), ("pure", {"x": Ref(1)}), ("pure", {"x": 1}))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Only calls take time to decode, an eighth of a second for a token, and nothing else costs anything."""
    return Models(load_decoder(str(plain_decoder(tmp_path_factory.mktemp("decoder")))), durations(), overhead=False)


def run(told: Task, name: str, timed: Models, messages: str = "turn", **more: object) -> Simulation:
    study = Study(policies=(name,), graces=(0.0,), messages=(messages,), dependence=("values",), **more)  # type: ignore[arg-type]
    (arm,) = [arm for arm in study.arms() if arm.label.partition(" ")[0] == name]
    return simulate(told, arm, timed, 0)


def independent(times: list[tuple[int, float]]) -> tuple[Task, list[IndependentCall]]:
    """Calls that depend on nothing, longest execution first: tokens to decode each, and seconds to execute it."""
    times = sorted(times, key=lambda each: -each[1])
    told = task(shows_all(calls(*(("pure", {"x": number}) for number in range(len(times))))))
    message = RecordedMessage(tokens=sum(tokens for tokens, _ in times))
    recorded = Recorded(
        call_s={future: seconds for future, (_, seconds) in enumerate(times, 1)},
        parts={future: RecordedPart(message, tokens, future == 1) for future, (tokens, _) in enumerate(times, 1)},
    )
    return replace(told, recorded=recorded), [IndependentCall(tokens / 8, seconds) for tokens, seconds in times]


def test_blind_is_the_sequence_of_sync_with_the_messages_of_asyncfc(plain: Models):
    """So it takes at least as long as either; each message is asked for when the call of the one before has ended."""
    blind, sync, asyncfc = (run(task(THREE), name, plain, "call") for name in ("blind", "sync", "asyncfc"))
    assert blind.requests == asyncfc.requests
    assert blind.session.transcript.messages == asyncfc.session.transcript.messages
    assert blind.makespan_s >= max(sync.makespan_s, asyncfc.makespan_s)
    under_way, writing = 0, False
    for _, rule, _ in blind.recorder.events:
        under_way += {"start": 1, "finish": -1}.get(rule, 0)
        writing = {"request": True, "message": False}.get(rule, writing)
        assert under_way + writing <= 1, rule


def test_blind_is_simulated_where_it_is_named_and_with_its_own_grace():
    assert not any(arm.label.startswith("blind") for arm in Study().arms())
    arms = Study(policies=("blind",), graces=(0.0, "auto"), messages=("call",)).arms()
    assert [(arm.label, arm.dependence) for arm in arms] == [("sync", "values"), ("blind", "values"), ("blind", "all")]
    assert all(arm.policy is not None and arm.policy.grace_s == inf for arm in arms)


TIMES = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 64).map(lambda n: n / 8)), min_size=1, max_size=8)


@given(times=TIMES)
def test_independent_calls_take_what_the_closed_forms_of_asynclm_say(plain: Models, times: list[tuple[int, float]]):
    told, written = independent(times)
    assert run(told, "sync", plain).makespan_s == pytest.approx(closed_form.sync_s(written))
    assert run(told, "sync_parallel", plain).makespan_s == pytest.approx(closed_form.sync_parallel_s(written))
    for name in ("early_start", "asyncfc", "plan", "interrupt"):
        assert run(told, name, plain).makespan_s == pytest.approx(closed_form.async_s(written)), name
    for messages in ("call", "turn"):
        assert run(told, "interrupt", plain, messages).makespan_s == pytest.approx(closed_form.async_s(written))


def test_a_plan_is_one_message_with_references_and_one_answer():
    told = task(shows_all(THREE))
    planned = run(told, "plan", models())
    assert planned.requests == 2
    assert run(told, "sync", models()).requests == 3, "it must see the first result to write the second call"
    first = next(fields for _, rule, fields in planned.recorder.events if rule == "issue" and fields["future"] == 2)
    assert first["args"] == {"x": Ref(1)}
    assert not any(rule in ("placeholder", "touch") for _, rule, _ in planned.recorder.events)


def test_a_plan_ends_where_the_model_must_look_and_is_then_made_anew():
    looking = program(Call(1, "read", {"path": "a"}), Touch((1,)), Call(2, "pure", {"x": Ref(1)}), Done((Ref(2),)))
    assert run(task(looking), "plan", models()).requests == 3


def test_an_interrupted_stream_is_asked_once_and_pays_for_no_other_request():
    timed = models(decoder="llama2-70b-h100")
    told = task(shows_all(THREE))
    stream, chat = run(told, "interrupt", timed, "call"), run(told, "asyncfc", timed, "call")
    assert stream.makespan_s < chat.makespan_s
    opening = [fields for _, rule, fields in stream.recorder.events if rule == "request"]
    assert len(opening) > 2, "messages go on as before"
    in_order = run_reference(told)
    limit = bound(told, in_order, timed, 0, "call", stream=True).longest_path_s
    assert stream.makespan_s >= limit - 1e-9
    assert limit < bound(told, in_order, timed, 0, "call").longest_path_s


def _awaiting(told: Task, rate: float, **more: object) -> Simulation:
    return run(told, "asyncfc", models(), "call", await_rate=rate, **more)


def test_awaiting_always_is_needing_every_result():
    told = task(shows_all(THREE))
    always = _awaiting(told, 1.0)
    needing = Study(policies=("asyncfc",), graces=(0.0,), messages=("call",), dependence=("all",)).arms()[-1]
    assert always.recorder.events == simulate(told, needing, models(), 0).recorder.events
    assert always.requests > _awaiting(told, 0.0).requests


def test_who_awaits_more_often_awaits_wherever_the_other_did():
    """The same draw for the same place: rates are nested, so that a curve over them has no noise of its own."""
    told = [task(shows_all(THREE), name=f"case {number}") for number in range(40)]
    requests = [[_awaiting(one, rate).requests for one in told] for rate in (0.0, 0.25, 0.5, 1.0)]
    for fewer, more in pairwise(requests):
        assert all(a <= b for a, b in zip(fewer, more, strict=True))
    assert sum(requests[0]) < sum(requests[1]) < sum(requests[2]) < sum(requests[3])


def test_awaiting_changes_no_result():
    told = [task(shows_all(THREE), name=f"case {number}") for number in range(10)]
    arms = Study(policies=("asyncfc", "interrupt", "plan"), await_rate=0.5).arms()
    results = run_arms(told, arms, models(), 0)
    assert [case for result in results for case in result.different] == []
    assert {result.arm.await_rate for result in results if result.arm.policy and result.arm.policy.futures} == {0.5}


def test_recorded_times_are_kept_under_every_policy():
    told = task(shows_all(THREE))
    message = RecordedMessage(tokens=10, ttft_s=1.0, llm_s=3.0)
    told = replace(
        told,
        recorded=Recorded(
            call_s={1: 4.0, 2: 5.0, 3: 6.0},
            parts={future: RecordedPart(message, 10, first=True) for future in (1, 2, 3)},
            answers={1: RecordedPart(message, 10, first=True)},
        ),
    )
    in_order = simulate(told, Arm("sync", Study(policies=("sync",)).arms()[0].policy, "step"), models(), 0)
    assert in_order.makespan_s == 4 * 3.0 + 4.0 + 5.0 + 6.0
    assert run(told, "early_start", models(), "step").makespan_s == in_order.makespan_s, "a message is one call here"
    assert run(told, "asyncfc", models(), "step").makespan_s < in_order.makespan_s
    unreplayed = replace(models(), replay_decoding=False, replay_tools=False)
    assert run(told, "sync", unreplayed, "step").makespan_s != in_order.makespan_s
